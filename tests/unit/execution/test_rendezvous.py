"""What decides on the engine of an action."""

from dataclasses import replace

from buildsys.execution.rendezvous import affinity, ranked
from buildsys.keys.keying import keyed
from buildsys.model.action import KeyedAction, Role, TargetActions
from buildsys.model.dockerfile import Stage
from tests.builds import BASES, action, service, source_files, target
from tests.fakes import DictFiles


def layers(one: TargetActions, **changed: bytes) -> dict[str, KeyedAction]:
    files = source_files("go.mod", "cmd/api/main.go", "cmd/web/main.go", "b")
    if changed:
        files["cmd/api/main.go"] = replace(files["cmd/api/main.go"], content=changed["main"])
    (found,) = keyed([one], DictFiles(files), BASES)
    return {layer.action.layer: layer for layer in found.layers}


def test_code_goes_where_its_dependency_layer_is_whatever_the_code_is() -> None:
    before, after = layers(service("api")), layers(service("api"), main=b"changed")
    assert before["image"].key != after["image"].key
    assert affinity(before["image"]) == affinity(after["image"]) == before["packages"].key


def test_services_on_one_dependency_layer_go_to_one_engine() -> None:
    assert affinity(layers(service("api"))["image"]) == affinity(layers(service("web"))["image"])


def test_a_dependency_layer_goes_by_its_own_key() -> None:
    found = layers(service("api"))
    assert affinity(found["modules"]) == found["modules"].key
    assert affinity(found["packages"]) == found["packages"].key


def test_of_several_layers_that_decides_which_is_built_on_first() -> None:
    """The last stage of an image is built on the small layer that it runs on."""
    image = action("image", ("cmd/api/main.go",), below=("a-runtime", "modules"), role=Role.CODE)
    image = replace(
        image,
        stages=(
            Stage("sources", "scratch", ("COPY . .",)),
            Stage("build", "modules", ("RUN build",)),
            Stage("image", "a-runtime", ("COPY --from=build / /",)),
        ),
    )
    below = (action("a-runtime", ("b",)), action("modules", ("go.mod",)))
    found = layers(target("api", *below, image))
    assert affinity(found["image"]) == found["modules"].key


def test_code_on_no_layer_goes_by_its_own_key() -> None:
    found = layers(target("api", action("image", ("go.mod",), role=Role.CODE)))
    assert affinity(found["image"]) == found["image"].key


def test_the_order_is_the_same_on_every_machine_and_in_every_version() -> None:
    """Were it another one, every engine would unpack everything anew."""
    names = ("tcp://a:1", "tcp://b:1", "tcp://c:1")
    chosen = [ranked(key, names)[0].removeprefix("tcp://")[0] for key in "0123456789"]
    assert "".join(chosen) == "bcacaccbcb"
