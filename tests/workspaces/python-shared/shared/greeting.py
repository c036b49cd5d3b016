"""A greeting from a file beside the module."""

from pathlib import Path


def greet(name: str) -> str:
    return Path(__file__).with_name("greeting.txt").read_text(encoding="utf-8").strip() + " " + name
