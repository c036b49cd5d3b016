"""Keys of whole targets."""

from buildsys.keys.keying import keyed
from tests.builds import BASES, action, service, source_files, target
from tests.fakes import DictFiles, File

FILES = source_files("go.mod", "cmd/api/main.go", "cmd/web/main.go")


def keys(files: dict[str, File], bases: dict[str, str]) -> dict[str, str]:
    (found,) = keyed([service("api")], DictFiles(files), bases)
    return {layer.action.layer: layer.key for layer in found.layers}


def test_each_layer_has_a_key_of_its_own() -> None:
    assert len(set(keys(FILES, BASES).values())) == 3


def test_a_change_reaches_the_layers_above_and_none_beside() -> None:
    before = keys(FILES, BASES)
    code = keys(FILES | {"cmd/api/main.go": File(b"new")}, BASES)
    assert {name for name in before if before[name] != code[name]} == {"image"}
    modules = keys(FILES | {"go.mod": File(b"new")}, BASES)
    assert {name for name in before if before[name] != modules[name]} == set(before)


def test_targets_share_the_keys_of_what_they_share() -> None:
    api, web = keyed([service("api"), service("web")], DictFiles(FILES), BASES)
    assert [layer.key for layer in api.layers[:2]] == [layer.key for layer in web.layers[:2]]
    assert api.image.key != web.image.key


def test_with_an_accelerator_or_without_the_image_has_what_enters_by_name() -> None:
    (found,) = keyed([service("api")], DictFiles(FILES), BASES)
    modules, packages, image = found.layers
    assert image.layers == {"packages": packages.key}
    assert image.stand_ins == {"packages": modules.key}
    assert image.manifest["layers"] == {"packages": modules.key}


def test_a_missing_base_leaves_a_target_without_keys() -> None:
    (found,) = keyed([service("api")], DictFiles(FILES), {})
    assert (found.layers, found.missing_bases) == ((), ("alpine",))


def test_language_manifests_are_the_inputs_below_the_image() -> None:
    one = target("api", action("deps", ("go.mod", "go.sum")), action("image", ("main.go",)))
    (found,) = keyed([one], DictFiles(source_files("go.mod", "go.sum", "main.go")), BASES)
    assert found.language_manifests == {"go.mod", "go.sum"}
