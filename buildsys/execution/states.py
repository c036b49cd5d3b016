"""States of layers as plain text, for those who can't wait for the import of more. See docs/status.md."""

TYPE_CHECKING = False  # as in typing, which takes too long to import

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FRESH, REMOTE, STALE, MISSING = "fresh", "remote", "stale", "missing"


def overall(layers: "Sequence[tuple[str, bool]]") -> str:
    """The state of a target whose layers, bottom up, have these states; and which are made on demand.

    That of the image if nothing would run for it: what is made on demand counts only with what it serves.
    """
    image = layers[-1][0]
    if image in {MISSING, STALE}:
        return image
    runs = (state for state, optional in layers if not optional and state in {MISSING, STALE})
    return next(runs, image)


def layers_cell(layers: "Iterable[tuple[str, str]]") -> str:
    """Names of a target's layers with their states, or outcomes, in a line."""
    return " ".join(name if state == FRESH else f"{name}({state})" for name, state in layers)
