"""What a lookup and the options of a build leave to be done."""

from collections.abc import Mapping

from buildsys.execution.lookup import Lookup
from buildsys.execution.options import Options
from buildsys.execution.plan import Elsewhere, Node, demanded
from buildsys.keys.keying import KeyedTarget
from buildsys.model.action import ActionResult
from buildsys.model.digest import ActionKey


def demands(
    targets: tuple[KeyedTarget, ...],
    lookup: Lookup,
    options: Options,
    made: Mapping[ActionKey, ActionResult] | None = None,
) -> tuple[dict[ActionKey, Node], dict[ActionKey, ActionResult]]:
    """What has to run, and what needn't; `made` was made in this build."""
    again = {k.key for t in targets for k in t.layers if options.again(k.action)}
    hits = {key: result for key, result in lookup.hits.items() if key not in again}
    hits |= made or {}
    elsewhere = Elsewhere(lookup.shared, lookup.in_reach, options.images)
    nodes = demanded(
        targets,
        hits,
        evicted=lookup.evicted,
        spares=() if options.force else lookup.spares,
        elsewhere=elsewhere,
        force=options.force,
    )
    # What is still to be fetched, or made because it can't be, isn't there to be built upon.
    return nodes, {key: result for key, result in hits.items() if key not in nodes}
