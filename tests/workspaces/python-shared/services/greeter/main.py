"""Prints a greeting for a domain."""

import idna
from shared.greeting import greet


def main() -> None:
    print(greet(idna.encode("bücher.example").decode()))  # noqa: T201


if __name__ == "__main__":
    main()
