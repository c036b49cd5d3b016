"""Manifests: everything that an action's result may depend on. The key is the manifest's hash.

This module is the one author of keys. Whatever else could influence a result has to be added here,
with a test that proves it; `explain` reads the same data.

Fields: `schema`, `rule`, `layer`, `platform`, `dockerfile` (the text that BuildKit gets, without the
stages that copy inputs), `stage`, `inputs` (context → path → state), `bases` (context → digest), `layers`
(context → key of the layer below; of its stand-in for an accelerator, which can't change the result; none
for a pinned layer, of which the inputs say all that is taken),
`rewrite_times`.
"""

import json
from collections.abc import Mapping

from buildsys.keys import encoded
from buildsys.model.action import Action, Manifest, SourceInput
from buildsys.model.digest import ActionKey, digest_of
from buildsys.model.dockerfile import render
from buildsys.model.files import NAME_ONLY, BaseDigests, FileStates

SCHEMA = 2


def manifest_of(
    action: Action, files: FileStates, bases: BaseDigests, layers: Mapping[str, ActionKey]
) -> Manifest:
    """The manifest of `action`; `layers` has the key of every layer of the target below it.

    Raises:
        BuildFileError: an input file can't be read.
    """
    return {
        "schema": SCHEMA,
        "rule": f"{action.rule}/{action.rule_version}",
        "layer": action.layer,
        "platform": action.platform,
        "dockerfile": render(action.stages),
        "stage": action.stage,
        "inputs": {source.context: _inputs(source, files) for source in action.sources},
        # By digest alone: the same bytes from another registry are the same base.
        "bases": {name: bases[name].rpartition("@")[2] for name in sorted(set(action.bases))},
        "layers": {
            name: layers[action.stand_in(name)]
            for name in action.layers
            if name not in action.pinned
        },
        "rewrite_times": action.rewrite_times,
    }


def _inputs(source: SourceInput, files: FileStates) -> dict[str, str]:
    derived = {path: str(digest_of(text.encode())) for path, text in source.derived}
    states = {path: str(files.state(path)) for path in source.files if path not in derived}
    states |= derived
    return states | {path: NAME_ONLY for path in source.names_only if path not in states}


def encode(manifest: Manifest) -> bytes:
    """The canonical bytes: JSON with sorted keys and no white space, ASCII only."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode("ascii")


def key_of(manifest: Manifest) -> ActionKey:
    return ActionKey(encoded.key_of(encode(manifest)))
