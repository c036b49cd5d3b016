"""Images out of the store: for docker load, and as an OCI layout; damage is refused."""

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from buildsys.errors import MachineError, UsageError
from buildsys.images.archive import write_docker_archive
from buildsys.images.eject import dockerfile
from buildsys.images.layout import write_layout
from buildsys.images.stored import StoredImage
from buildsys.model.action import ActionResult
from buildsys.model.digest import digest_of
from buildsys.store.disk_store import DiskStore
from tests.builds import action, target
from tests.fakes import image_layer, tar_contents
from tests.unit.store.support import Place, flip, seal


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "store"))


def image(store: DiskStore, *, compressed: bool = True) -> ActionResult:
    return seal(store, {"hello": b"world" * 100}, compressed=compressed)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_docker_archive_has_config_tags_and_plain_layers(
    place: Place, tmp_path: Path, *, compressed: bool
) -> None:
    store, path = place.store(), tmp_path / "image.tar"
    result = image(store, compressed=compressed)
    write_docker_archive(store.blobs, result, "api:latest", str(path))
    with tarfile.open(path) as tar:
        content = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    (described,) = json.loads(content["manifest.json"])
    assert described["RepoTags"] == ["api:latest"]
    config = content[described["Config"]]
    assert described["Config"] == f"{digest_of(config).removeprefix('sha256:')}.json"
    (name,) = described["Layers"]
    assert [digest_of(content[name])] == json.loads(config)["rootfs"]["diff_ids"]
    assert tar_contents(content[name]) == {"hello": f"file {b'world' * 100!r}"}


def test_two_archives_of_one_image_are_the_same_bytes(place: Place, tmp_path: Path) -> None:
    store = place.store()
    for name in ("one.tar", "two.tar"):
        write_docker_archive(store.blobs, image(store), "api:latest", str(tmp_path / name))
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


@pytest.mark.parametrize("which", [1, 2])
def test_a_damaged_image_is_not_exported(place: Place, tmp_path: Path, which: int) -> None:
    store = place.store()
    result = image(store)
    flip(place.blob_path(result.blobs[which]), 77)
    path = tmp_path / "image.tar"
    with pytest.raises(MachineError, match="missing or damaged") as raised:
        write_docker_archive(store.blobs, result, "api:latest", str(path))
    assert raised.value.hint == "bs build all"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["store"]


def test_an_archive_that_cannot_be_written_names_the_path(place: Place, tmp_path: Path) -> None:
    store = place.store()
    with pytest.raises(MachineError, match=r"can't write `.*nowhere/image\.tar`"):
        write_docker_archive(
            store.blobs, image(store), "api:latest", str(tmp_path / "nowhere" / "image.tar")
        )


def test_a_layout_has_the_image_and_nothing_else(place: Place, tmp_path: Path) -> None:
    store, folder = place.store(), tmp_path / "layout"
    result = image(store, compressed=False)
    write_layout(store.blobs, result, "api", str(folder))
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (described,) = json.loads((folder / "index.json").read_text())["manifests"]
    assert described["digest"] == result.digest
    assert described["annotations"] == {"org.opencontainers.image.ref.name": "api"}
    assert described["size"] == result.blobs[0].size_bytes
    assert tar_contents(image_layer(str(folder), described["digest"])) == {
        "hello": f"file {b'world' * 100!r}"
    }
    assert len(list((folder / "blobs" / "sha256").iterdir())) == len(result.blobs)


def test_a_layout_goes_into_a_new_folder_only(place: Place, tmp_path: Path) -> None:
    store = place.store()
    (tmp_path / "layout").mkdir()
    (tmp_path / "layout" / "mine").touch()
    with pytest.raises(UsageError, match="isn't empty"):
        write_layout(store.blobs, image(store), "api", str(tmp_path / "layout"))


def test_a_stored_image_is_read_with_every_blob_checked(place: Place) -> None:
    store = place.store()
    result = image(store)
    stored = StoredImage(store.blobs, result)
    assert digest_of(stored.manifest()) == result.blobs[0].digest
    assert len(stored.layers()) == len(stored.diff_ids()) == 1
    os.unlink(place.blob_path(result.blobs[0]))
    with pytest.raises(MachineError, match="missing or damaged"):
        stored.manifest()
    with pytest.raises(MachineError, match="missing or damaged"):
        stored.path(result.blobs[0])


def test_an_ejected_dockerfile_copies_from_the_workspace_and_pins_its_bases() -> None:
    one = target(
        "api",
        action("deps", ("go.mod",), bases=("alpine", "golang")),
        action("image", ("main.go",), below=("deps",), names_only=("lib.rs",)),
    )
    stored = "sha256:" + "b" * 64
    pinned = "docker.io/library/alpine:3.22@sha256:" + "a" * 64
    assert dockerfile(one, {"alpine": pinned, "golang": stored, "other": stored}, "/store") == (
        "# //cmd/api, made by bs. Build it in the root folder of the workspace:\n"
        "#   buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=DIR \\\n"
        f"#     --opt context:golang=oci-layout://store@{stored} \\\n"
        "#     --oci-layout store=/store \\\n"
        "#     --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt"
        " --output type=oci,dest=image.tar\n"
        "\n"
        f"FROM {pinned} AS alpine\n"
        "\n"
        "FROM scratch AS deps-inputs\n"
        'COPY ["go.mod", "./"]\n'
        "\n"
        "FROM alpine AS deps\n"
        "COPY --from=deps-inputs / /src/\n"
        "RUN make\n"
        "\n"
        "FROM scratch AS image-inputs\n"
        'COPY ["lib.rs", "main.go", "./"]\n'
        "\n"
        "FROM deps AS image\n"
        "COPY --from=image-inputs / /src/\n"
        "RUN make\n"
    )


def test_layers_of_gzip_are_read_too(place: Place) -> None:
    import gzip  # noqa: PLC0415

    from buildsys.store import layers  # noqa: PLC0415
    from tests.fakes import tar_of  # noqa: PLC0415

    os.makedirs(place.folder)
    path = place.path("layer")
    Path(path).write_bytes(gzip.compress(tar_of({"a": b"123"})))
    assert layers.unpacked_bytes(path) == 3
    with layers.opened(path) as plain:
        assert tar_contents(io.BytesIO(plain.read()).getvalue()) == {"a": "file b'123'"}
