"""`python -m buildsys` and `bs`."""

import sys


def main() -> None:
    from buildsys.cli.run import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
