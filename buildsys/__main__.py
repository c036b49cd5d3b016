"""`python -m buildsys` and `bs`."""

import os
import sys

from buildsys.answers import find


def main() -> None:
    arguments = sys.argv[1:]
    known = _completion() if "_BS_COMPLETE" in os.environ else answer(tuple(arguments))
    if known is not None:
        _say_again(*known)
    from buildsys.cli.run import run  # noqa: PLC0415 - an answer that is known needs none of it

    sys.exit(run(arguments))


def answer(arguments: tuple[str, ...]) -> tuple[int, str] | None:
    """What is known already: nothing changed, or so little that it is quickly said what that makes."""
    known = find(arguments)
    if known is None or known.changed is None:
        return None
    if not known.changed:
        return known.answer
    from buildsys.edits.applying import after_edits  # noqa: PLC0415 - nothing changed, most of the time

    return after_edits(known)


def _completion() -> tuple[int, str] | None:
    from buildsys.cli.completing import complete  # noqa: PLC0415 - only shells ask for it

    return complete(os.environ)


def _say_again(code: int, text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        code = 0
    # Nothing is left to be done, and taking Python apart would take as long as the answer did.
    os._exit(code)


if __name__ == "__main__":
    main()
