"""What images are made of, for people."""

from collections.abc import Sequence

from buildsys.model.label import Label
from buildsys.model.parts import Change, LayerParts, Part
from buildsys.reporting.columns import columns
from buildsys.reporting.text import size


def overview_lines(images: Sequence[tuple[Label, Sequence[tuple[str, LayerParts]]]]) -> list[str]:
    """A line a layer of each image, then the sum; a layer that images share counts once there."""
    rows = [("target", "layer", "size", "compressed", "largest part")]
    shared: dict[str, LayerParts] = {}
    for label, layers in images:
        for name, layer in layers:
            shared[layer.digest] = layer
            largest = layer.parts[0].name if layer.parts else "-"
            rows.append((str(label), name, *_sizes(layer), largest))
    total = sum(layer.size_bytes for _, layers in images for _, layer in layers)
    stored = sum(layer.size_bytes for layer in shared.values())
    lines = columns(rows, frozenset({2, 3}))
    return [*lines, f"{len(images)} images: {size(total)}, {size(stored)} with shared layers once"]


def image_lines(label: Label, layers: Sequence[tuple[str, LayerParts]], top: int) -> list[str]:
    """Each layer, and its largest parts."""
    total = sum(layer.size_bytes for _, layer in layers)
    lines = [f"{label} {size(total)}"]
    for number, (name, layer) in enumerate(layers, 1):
        unpacked, compressed = _sizes(layer)
        lines.append(f"  layer {number}, {name}: {unpacked}, {compressed} compressed")
        rows = [_part_row(part, layer) for part in _top(layer.parts, top)]
        lines += [f"    {line}" for line in columns(rows, frozenset({0, 1}))]
    return lines


def change_lines(changes: Sequence[Change], top: int) -> list[str]:
    """A line a part that differs, and the sum."""
    if not changes:
        return ["no part has another size"]
    rows = [("before", "after", "difference", "part")]
    for change in changes[:top]:
        before = size(change.before) if change.before is not None else "new"
        after = size(change.after) if change.after is not None else "gone"
        rows.append((before, after, _signed(change.difference), change.name))
    rest = sum(change.difference for change in changes[top:])
    if len(changes) > top:
        rows.append(("", "", _signed(rest), f"({len(changes) - top} more)"))
    total = sum(change.difference for change in changes)
    return [*columns(rows, frozenset({0, 1, 2})), f"{_signed(total)} in all"]


def _sizes(layer: LayerParts) -> tuple[str, str]:
    return size(layer.size_bytes), size(layer.compressed_size_bytes)


def _top(parts: Sequence[Part], top: int) -> list[Part]:
    rest = parts[top:]
    if not rest:
        return list(parts)
    more = Part(f"({len(rest)} more)", sum(p.size_bytes for p in rest), sum(p.files for p in rest))
    return [*parts[:top], more]


def _part_row(part: Part, layer: LayerParts) -> tuple[str, str, str]:
    share = f"{100 * part.size_bytes / layer.size_bytes:.0f}%" if layer.size_bytes else "-"
    files = f" ({part.files} files)" if part.files > 1 else ""
    return size(part.size_bytes), share, f"{part.name}{files}"


def _signed(count: int) -> str:
    return f"{'-' if count < 0 else '+'}{size(abs(count))}"
