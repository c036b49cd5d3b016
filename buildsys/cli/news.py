"""What those are told of a build who didn't start it: CI services, deployments, whoever reads a summary."""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from buildsys.cli import context
from buildsys.cli.annotating import annotate, in_repository
from buildsys.cli.choices import BuildChoices
from buildsys.errors import BuildsysError
from buildsys.events import ActionFinished
from buildsys.execution.report import BuildReport
from buildsys.reporting.annotations import code_quality
from buildsys.reporting.deployment import deployment_document
from buildsys.reporting.documents import dumped
from buildsys.reporting.problems import Problem, problems_in
from buildsys.reporting.sinks import who
from buildsys.reporting.summary import build_summary, failure_summary, summary_of_tests
from buildsys.reporting.tests import TargetTests
from buildsys.request import BuildRequest


@dataclass(slots=True)
class BuildNews:
    """Collects what failed while a build runs, and tells all of it afterwards."""

    command: str
    request: BuildRequest
    choices: BuildChoices
    _failures: list[tuple[ActionFinished, str]] = field(default_factory=list)

    def failed(self, event: ActionFinished, text: str) -> None:
        self._failures.append((event, text))

    def guarded(self, show: Callable[[str], None]) -> Callable[[str], None]:
        """Shows what steps printed so that nothing in it is taken for a command to GitHub."""
        if not _on_github():
            return show

        def guarded(text: str) -> None:
            token = secrets.token_hex(16)
            show(f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::")

        return guarded

    @contextmanager
    def of_failures(self) -> Iterator[None]:
        """The body builds. A report of an earlier build isn't mistaken for one of this."""
        if self.choices.report:
            with context.writing(self.choices.report), suppress(FileNotFoundError):
                os.unlink(self.choices.report)
        try:
            yield
        except BuildsysError as error:
            self._summarise(failure_summary(self.command, str(error)))
            raise

    def tell_build(self, report: BuildReport) -> None:
        """Write what is asked for.

        Raises:
            MachineError: a file can't be written.
        """
        self._summarise(build_summary(report, self.request.reasons, self._said()))
        session = self.request.session
        if self.choices.report:
            document = deployment_document(
                session.workspace.settings.name,
                session.made_by["commit"],
                session.machine.platform,
                report,
            )
            _write(self.choices.report, dumped(document) + "\n")
        self._tell_problems()

    def tell_tests(self, found: Sequence[TargetTests]) -> None:
        """As `tell_build`; what failing cases said stands with them."""
        said = self._said() if not any(one.run for one in found) else ()
        self._summarise(summary_of_tests(found, said))
        self._tell_problems()

    def _tell_problems(self) -> None:
        problems = [one for event, text in self._failures for one in self._problems(event, text)]
        if self.choices.code_quality:
            _write(self.choices.code_quality, code_quality(problems))
        if _on_github():
            annotate(problems)

    def _problems(self, event: ActionFinished, text: str) -> Iterator[tuple[str, Problem]]:
        title = _title(event)
        found = problems_in(text, self.request.files(event.key))
        for problem in found or (Problem(event.message),):
            yield title, in_repository(problem, self.request.session.root)

    def _said(self) -> list[tuple[str, str]]:
        return [(_title(event), text or event.message) for event, text in self._failures]

    def _summarise(self, text: str) -> None:
        path = self.choices.summary or os.environ.get("GITHUB_STEP_SUMMARY", "")
        if path:
            with context.writing(path), open(path, "a", encoding="utf-8") as file:
                file.write(f"{text}\n")


def _title(event: ActionFinished) -> str:
    return f"{event.layer} of {who(event.labels)}"


def _on_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _write(path: str, text: str) -> None:
    """All of it or nothing."""
    temporary = f"{path}.tmp-{os.getpid()}"
    with context.writing(path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
