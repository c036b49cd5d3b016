"""Words, sentences and tokens: the same for the tools that count them and the built-in model."""

import re

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n{2,}")
_TOKEN = re.compile(r"\w{1,6}|[^\w\s]")
_INSIGNIFICANT = frozenset(
    """a about after all also an and any are as at be been but by can could did do does each few for
    from had has have he her here his how i if in into is it its just like may more most much no
    not of on one only or other our out over own per said she should so some such than that the
    their them then there these they this those through to too under until up very was we were
    what when where which while who why will with would you your""".split()
)


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def significant_words(text: str) -> list[str]:
    return [
        word
        for word in (found.lower() for found in words(text))
        if len(word) > 2 and not word.isdigit() and word not in _INSIGNIFICANT
    ]


def sentences(text: str) -> list[str]:
    stripped = (sentence.strip() for sentence in _SENTENCE_END.split(text))
    return [sentence for sentence in stripped if sentence]


def count_tokens(text: str) -> int:
    """Near what a byte-pair vocabulary gives for English, and the same on every machine."""
    return len(_TOKEN.findall(text))
