"""Shell completion of what is typed most: commands, options, and targets; as quick as an answer from memory.

The scripts are typer's (`bs --show-completion`), which call bs with `_BS_COMPLETE=complete_SHELL`. What is
typed comes in COMP_WORDS and COMP_CWORD (bash) or _TYPER_COMPLETE_ARGS; each shell wants its own form. Other
shells are left to typer. A completion never complains: with a broken workspace there are no targets to offer.
"""

from collections.abc import Iterator, Mapping

from buildsys import answers
from buildsys.cli.vocabulary import COMMANDS

SHELLS = ("bash", "zsh", "fish")
_QUESTION = ("_complete",)
"""What the targets are remembered under; no command has this name."""


def complete(environment: Mapping[str, str]) -> tuple[int, str] | None:
    """Exit code and text for the shell that asks; None if typer has to answer."""
    shell = environment["_BS_COMPLETE"].removeprefix("complete_")
    if shell not in SHELLS:
        return None
    before, begun = _typed(shell, environment)
    offered = dict(_offered(before, begun))
    if shell == "bash":
        return 0, "".join(f"{word}\n" for word in offered)
    if shell == "zsh":
        words = "\n".join(f'"{_zsh(word)}":"{_zsh(said)}"' for word, said in offered.items())
        return 0, f"_arguments '*: :(({words}))'" if offered else "_files"
    if environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return (0 if offered else 1), ""
    return 0, "".join(f"{word}\t{said}\n" for word, said in offered.items())


def _typed(shell: str, environment: Mapping[str, str]) -> tuple[list[str], str]:
    """The words before the one that is being typed, without `bs`; and what there is of that one."""
    if shell == "bash":
        words = environment.get("COMP_WORDS", "").split()
        place = int(environment.get("COMP_CWORD", "0"))
        return words[1:place], words[place] if place < len(words) else ""
    typed = environment.get("_TYPER_COMPLETE_ARGS", "")
    words = typed.split()[1:]
    return (words, "") if not words or typed.endswith(" ") else (words[:-1], words[-1])


def _offered(before: list[str], begun: str) -> Iterator[tuple[str, str]]:
    """Words that may stand there, each with what it is."""
    command = ""
    for word in before:
        longer = f"{command} {word}".strip()
        command = longer if longer in COMMANDS else command
    words, options, takes_targets = COMMANDS[command]
    if before and before[-1] in options and options[before[-1]][1]:
        return  # a value, mostly a file: the shell knows those
    yield from ((word, said) for word, said in words.items() if word.startswith(begun))
    if begun.startswith("-"):
        yield from ((o, said) for o, (said, _) in options.items() if o.startswith(begun))
    if takes_targets and "--" not in before:
        yield from ((one, "") for one in _targets(begun) if one.startswith(begun))


def _targets(begun: str) -> Iterator[str]:
    labels = _labels()
    if begun.startswith("-"):
        yield from (f"-{label}" for label in labels)
    elif begun.startswith("/"):
        yield from labels
        parts = {label.partition(":")[0].rpartition("/")[0] for label in labels}
        yield from sorted(f"{part}/..." for part in parts if part != "/")
    else:
        yield "all"
        names = [label.rpartition("/")[2].rpartition(":")[2] for label in labels]
        yield from (name for name in names if names.count(name) == 1)


def _labels() -> list[str]:
    known = answers.recall(_QUESTION)
    return (known[1] if known is not None else _loaded()).split()


def _loaded() -> str:
    # All of this is only there to be asked when what is remembered is no longer true.
    from buildsys.cli import context  # noqa: PLC0415
    from buildsys.errors import BuildsysError  # noqa: PLC0415

    try:
        session = context.session()
        text = "\n".join(sorted(str(label) for label in session.workspace.targets))
        session.remember(_QUESTION, 0, text)
    except BuildsysError:
        return ""
    return text


def _zsh(text: str) -> str:
    for plain, quoted in (('"', '""'), ("'", "''"), ("$", "\\$"), ("`", "\\`"), (":", r"\\:")):
        text = text.replace(plain, quoted)
    return text
