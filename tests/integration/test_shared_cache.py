"""The shared cache on the real things: Debian's registry, images by BuildKit, machines that know nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from buildsys.machine import Machine, cache_folder
from tests.commits import git
from tests.integration.conftest import free_port, listens, share_binaries, wait_for
from tests.integration.engines import named, real_engines
from tests.integration.real import Checkout, copy_platform, process
from tests.integration.test_eject import Silent

RANDOM = "targets: [{name: svc, rule: docker_image}]\n"
SERVICE = "targets: [{name: svc, rule: python_image, module: svc}]\n"
_LINE = re.compile(r'"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/1\.1" (?P<status>\d+)')


@dataclass(frozen=True)
class Registry:
    """A real registry: what it has is in files, and what it was asked in its log."""

    host: str
    folder: Path

    def asked(self, repository: str) -> list[tuple[str, str]]:
        """Method and path of each request for the repository, in order."""
        found = _LINE.finditer((self.folder / "log").read_text())
        return [
            (one["method"], one["path"])
            for one in found
            if one["path"].startswith(f"/v2/{repository}/")
        ]

    def data(self, digest: str) -> Path:
        """The file with a blob's bytes."""
        name = digest.removeprefix("sha256:")
        root = self.folder / "data/docker/registry/v2/blobs/sha256"
        return root / name[:2] / name / "data"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    config = folder / "config.yml"
    config.write_text(
        f"version: 0.1\nstorage:\n  filesystem: {{rootdirectory: {folder}/data}}\n"
        "  delete: {enabled: true}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with (folder / "log").open("wb") as log:
        command = ["docker-registry", "serve", str(config)]
        with process(command, stdout=log, stderr=subprocess.STDOUT):
            wait_for(lambda: listens(port))
            yield Registry(f"localhost:{port}", folder)


@pytest.fixture
def repository() -> str:
    return f"team/{uuid.uuid4().hex}"


def outcomes(report: Any) -> dict[str, str]:
    return {layer["name"]: layer["outcome"] for layer in report["targets"][0]["layers"]}


def states(checkout: Checkout, label: str) -> set[str]:
    status = checkout.bs("status", label, "--json", "--exit-code")
    assert status.code == 0, status.err
    return {layer["state"] for target in status.json["targets"] for layer in target["layers"]}


def image_of(report: Any) -> str:
    return str(report["targets"][0]["image"]["digest"])


def layer_of(report: Any, name: str) -> Any:
    return next(one for one in report["targets"][0]["layers"] if one["name"] == name)


# --- the seven services, and a machine with nothing at all -------------------------------------------


@pytest.fixture
def empty(platform: Checkout, tmp_path: Path) -> Iterator[Checkout]:
    """The sources on a machine with an empty store and no engine: only BuildKit's programs are there."""
    assert platform.root.is_dir()
    cache = tmp_path / "empty"
    share_binaries(Path(cache_folder(os.environ)), cache)
    found = Checkout(copy_platform(tmp_path / "elsewhere"), {"BS_CACHE_DIR": str(cache)})
    yield found
    found.bs("engine", "stop")
    shutil.rmtree(cache, ignore_errors=True)


def add_a_line(*checkouts: Checkout) -> None:
    """The same to each."""
    line = f"// {uuid.uuid4().hex}\n"
    for one in checkouts:
        with (one.root / "cmd/fanout/main.go").open("a") as file:
            file.write(line)


def test_an_empty_machine_takes_over_what_another_one_built_and_builds_on_it(
    checkout: Checkout, empty: Checkout, registry: Registry, repository: str
) -> None:
    for one in (checkout, empty):
        named = {"BS_CACHE_REGISTRY": f"{registry.host}/{repository}"}
        one.environment = {**one.environment, **named}
    add_a_line(checkout, empty)
    first = checkout.build("//cmd/fanout", "--cache=remote:rw")
    assert outcomes(first)["image"] == "built"
    wrote = [path for method, path in registry.asked(repository) if method == "PUT"]
    assert sum("/manifests/bs-" in path for path in wrote) >= 5, "layers, and the bases below"
    mark = len(registry.asked(repository))

    # Nothing is fetched, no engine is started: it is just known.
    assert states(empty, "//cmd/fanout") == {"remote"}
    report = empty.build("//cmd/fanout")
    assert report["engine"]["solves"] == 0
    assert set(outcomes(report).values()) == {"fresh"}
    assert image_of(report) == image_of(first)
    store = Path(empty.environ()["BS_CACHE_DIR"]) / "store"
    listing = layer_of(report, "modules")["size_bytes"]
    blobs = sum(path.stat().st_size for path in store.glob("blobs/sha256/*"))
    assert blobs < listing / 10, "the list of what modules import, at most"
    assert not (store.parent / "engine/pids").exists()

    # A changed line is built on the dependency layer that the other machine made.
    add_a_line(checkout, empty)
    changed = empty.build("//cmd/fanout")
    assert outcomes(changed) == {
        "modules": "fresh", "packages": "pulled", "runtime": "pulled", "image": "built",
    }  # fmt: skip
    assert changed["engine"]["solves"] == 1
    assert image_of(changed) == image_of(checkout.build("//cmd/fanout", "--cache=remote:off"))
    again = empty.build("//cmd/fanout")
    assert outcomes(again)["packages"] == "fresh"

    # Who only reads sends nothing that writes.
    asked = registry.asked(repository)[mark:]
    assert {method for method, _ in asked} == {"GET"}
    assert [path for _, path in asked if "/blobs/" in path]


def test_with_everything_here_the_registry_is_asked_nothing_and_its_client_not_imported(
    platform: Checkout, registry: Registry, repository: str
) -> None:
    program = (
        "import sys; from buildsys.cli.run import run;"
        "assert run(['build', 'all']) == 0 and run(['status']) == 0;"
        "slow = ('urllib3', 'http', 'ssl', 'cryptography', 'docker', 'buildsys.registry');"
        "print([name for name in sys.modules if name.startswith(slow)], file=sys.stderr)"
    )
    named = {"BS_CACHE_REGISTRY": f"{registry.host}/{repository}"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=platform.root, env=platform.environ() | named,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == "[]"
    assert registry.asked(repository) == []


# --- a small service, on machines that share one BuildKit ---------------------------------------------


@dataclass
class Shop:
    """Checkouts of one small workspace, each with a store of its own."""

    folder: Path
    registry: Registry
    repository: str
    address: str
    cache: str = ""
    count: int = 0

    def __post_init__(self) -> None:
        self.token = uuid.uuid4().hex

    def machine(self, *, writes: bool = False, **environment: str) -> Checkout:
        self.count += 1
        root = self.folder / f"checkout{self.count}"
        (root / "svc").mkdir(parents=True)
        (root / "BUILD.yaml").write_text(f"workspace: shop\n{self.cache}")
        (root / "svc/BUILD.yaml").write_text(SERVICE)
        (root / "svc/svc.py").write_text(f"print({self.token!r})\n")
        share_binaries(Path(cache_folder(os.environ)), self.folder / f"cache{self.count}")
        own = {
            "BS_CACHE_DIR": str(self.folder / f"cache{self.count}"),
            "BS_CACHE_REGISTRY": f"{self.registry.host}/{self.repository}",
            "BS_CACHE": "remote:rw" if writes else "remote:r",
            "BUILDKIT_HOST": self.address,
            **environment,
        }
        return Checkout(root, own)

    def changed(self, machine: Checkout) -> Checkout:
        with (machine.root / "svc/svc.py").open("a") as file:
            file.write(f"# {uuid.uuid4().hex}\n")
        return machine


@pytest.fixture(scope="module")
def engine(platform: Checkout) -> str:
    assert platform.bs("engine", "start").code == 0
    return Machine(os.environ, Silent()).daemon.address


@pytest.fixture
def shop(tmp_path: Path, registry: Registry, repository: str, engine: str) -> Iterator[Shop]:
    made = Shop(tmp_path, registry, repository, engine)
    yield made
    for number in range(1, made.count + 1):
        shutil.rmtree(tmp_path / f"cache{number}", ignore_errors=True)


@pytest.fixture
def seeded(shop: Shop) -> Shop:
    """The bases are shared, so that no machine has to make them."""
    warm = shop.machine(writes=True, BS_CACHE_DIR=cache_folder(os.environ))
    published = warm.bs("cache", "publish")
    assert published.code == 0, published.err
    return shop


def test_bases_are_taken_over_and_layers_found_by_whoever_comes_next(seeded: Shop) -> None:
    first = seeded.machine(writes=True).build("all")
    assert outcomes(first)["image"] == "built"
    second = seeded.machine()
    assert set(outcomes(second.build("all")).values()) == {"fresh"}
    found = second.bs("image", "//svc", "--output", str(seeded.folder / "image"))
    assert found.code == 0, found.err
    assert image_of(first) in found.out
    assert json.loads((seeded.folder / "image/index.json").read_text())["manifests"]
    record = next(Path(second.environ()["BS_CACHE_DIR"]).glob("store/records/*/*")).read_text()
    made_by = json.loads(record.partition("\n")[2])["made_by"]
    assert {"host", "bs", "commit", "buildkit"} <= made_by.keys()


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_layer_is_a_miss_with_one_warning(seeded: Shop, damage: str) -> None:
    first = seeded.machine(writes=True).build("all")
    layer = layer_of(first, "runtime")["digest"]
    manifest = json.loads(seeded.registry.data(layer).read_bytes())
    data = seeded.registry.data(manifest["layers"][-1]["digest"])
    if damage == "gone":
        data.unlink()
    else:
        data.write_bytes(data.read_bytes()[:-9] + b"?" * 9)
    second = seeded.changed(seeded.machine(writes=True))
    ran = second.bs("build", "all", "--json")
    assert ran.code == 0, ran.err
    assert outcomes(ran.json)["runtime"] == "built"
    assert ran.err.count("warning") == 1, ran.err
    if damage == "gone":
        # Who built it anew shared it. (What is damaged in place, this registry keeps as it is.)
        third = seeded.changed(seeded.machine())
        assert outcomes(third.build("all"))["runtime"] == "pulled"


def test_who_comes_second_takes_the_result_of_who_came_first(seeded: Shop) -> None:
    one, two = (seeded.machine(writes=True) for _ in range(2))
    for machine in (one, two):
        (machine.root / "svc/BUILD.yaml").write_text(RANDOM)
        (machine.root / "svc/Dockerfile").write_text(
            "FROM python\nRUN cp /proc/sys/kernel/random/uuid /uuid\n"
            'HEALTHCHECK CMD ["true"]\nENTRYPOINT ["cat", "/uuid"]\n'
        )
    first = one.build("all")
    alone = two.build("all", "--force", "--cache=remote:off")
    assert image_of(alone) != image_of(first), "it comes out differently each time"
    second = two.build("all", "--force")
    assert outcomes(second)["image"] == "built"
    assert image_of(second) == image_of(first)
    assert image_of(two.build("all", "--cache=remote:off")) == image_of(first)
    assert two.image_files("//svc")["uuid"] == one.image_files("//svc")["uuid"]


def test_two_at_once_end_with_one_image(seeded: Shop) -> None:
    machines = [seeded.machine(writes=True) for _ in range(2)]
    running = [machine.start("build", "all", "--json") for machine in machines]
    reports = []
    for process_ in running:
        out, err = process_.communicate(timeout=300)
        assert process_.returncode == 0, err
        reports.append(json.loads(out))
    later = seeded.machine().build("all")
    assert {image_of(report) for report in (*reports, later)} == {image_of(later)}
    assert outcomes(later)["image"] == "fresh"


def test_what_a_pull_request_wrote_reaches_nobody_else(seeded: Shop) -> None:
    seeded.machine(writes=True).build("all")
    pull_request = seeded.changed(seeded.machine(writes=True, BS_CACHE_NAMESPACE="pr-1"))
    mark = len(seeded.registry.asked(seeded.repository))
    built = pull_request.build("all")
    assert outcomes(built) == {"runtime": "pulled", "image": "built"}
    asked = seeded.registry.asked(seeded.repository)[mark:]
    own = f"/v2/{seeded.repository}/pr-1/"
    assert {path.startswith(own) for method, path in asked if method not in {"GET", "HEAD"}} == {
        True
    }

    def state(namespace: str) -> str:
        other = seeded.machine(BS_CACHE_NAMESPACE=namespace)
        source = (pull_request.root / "svc/svc.py").read_text()
        (other.root / "svc/svc.py").write_text(source)
        return str(other.bs("status", "--json").json["targets"][0]["state"])

    assert [state(name) for name in ("pr-1", "pr-2", "")] == ["remote", "missing", "missing"]


def test_cold_engines_build_on_the_layers_of_the_registry(seeded: Shop, tmp_path: Path) -> None:
    seeded.machine(writes=True).build("all")
    with real_engines(tmp_path / "engines", "unix", "unix") as engines:
        cold = seeded.changed(seeded.machine(BS_ENGINES=named(engines)))
        report = cold.build("all")
        assert outcomes(report) == {"runtime": "pulled", "image": "built"}
        (used,) = report["engine"]["by_address"]
        lost, left = sorted(engines, key=lambda engine: engine.address != used)
        lost.kill()
        again = seeded.changed(cold).build("all")
        assert outcomes(again) == {"runtime": "fresh", "image": "built"}
        assert set(again["engine"]["by_address"]) == {left.address}


def test_what_no_branch_needs_any_longer_is_removed(seeded: Shop) -> None:
    machine = seeded.machine(writes=True)
    git(machine.root, "init", "-q")
    (machine.root / ".git/info/exclude").write_text(".bs/\n")
    sources: list[str] = []
    for _ in range(2):
        git(machine.root, "add", ".")
        git(machine.root, "commit", "-qm", "another")
        machine.build("all")
        sources.append((seeded.changed(machine).root / "svc/svc.py").read_text())

    def states(namespace: str = "") -> list[str]:
        other = seeded.machine(BS_CACHE_NAMESPACE=namespace)
        found: list[str] = []
        for text in sources:
            (other.root / "svc/svc.py").write_text(text.rpartition("# ")[0])
            found.append(other.bs("status", "--json").json["targets"][0]["state"])
        return found

    assert states() == ["remote", "remote"]
    arguments = ("cache", "gc", "--keep-builds", "0", "--min-age", "0")
    planned = machine.bs(*arguments, "--dry-run", "--json").json
    assert (len(planned["results"]), len(planned["builds"]), planned["kept_builds"]) == (1, 1, 1)
    assert states() == ["remote", "remote"]
    removed = machine.bs(*arguments)
    assert removed.code == 0, removed.err
    assert removed.out.startswith("1 results and 1 builds removed; ")
    assert states() == ["missing", "remote"]
    again = machine.bs(*arguments, "--json").json
    assert (again["results"], again["builds"], again["kept_results"]) == (
        [], [], planned["kept_results"],
    )  # fmt: skip


def test_only_what_a_trusted_key_signed_is_used(shop: Shop) -> None:
    keys = [shop.folder / name for name in ("trusted", "other")]
    trusted, _ = (shop.machine().bs("cache", "keygen", str(key)).out.strip() for key in keys)
    assert keys[0].stat().st_mode & 0o777 == 0o600
    shop.cache = f"cache: {{signed_by: ['{trusted}']}}\n"
    warm = cache_folder(os.environ)
    for key in (None, keys[1]):
        named = {"BS_CACHE_SIGNING_KEY_FILE": str(key)} if key else {}
        refused = shop.machine(writes=True, BS_CACHE_DIR=warm, **named).bs("cache", "publish")
        assert refused.code == 36
        assert "nothing is put into the shared cache" in refused.err
    assert {m for m, _ in shop.registry.asked(shop.repository)} <= {"GET"}
    pem = keys[0].read_text()
    seeding = shop.machine(writes=True, BS_CACHE_DIR=warm, BS_CACHE_SIGNING_KEY=pem)
    published = seeding.bs("cache", "publish")
    assert published.code == 0, published.err
    writer = shop.machine(writes=True, BS_CACHE_SIGNING_KEY=pem)
    writer.build("all")
    assert set(outcomes(shop.machine().build("all")).values()) == {"fresh"}
    kept = [p for p in writer.root.rglob("*") if p.is_file() and b"PRIVATE" in p.read_bytes()]
    assert kept == []
    # Another policy trusts another key: all of that is a miss, and said once.
    shop.cache = f"cache: {{signed_by: ['ed25519:{'A' * 43}=']}}\n"
    ran = shop.machine().bs("status", "--json")
    assert ran.json["targets"][0]["state"] == "missing"
    assert ran.err.count("isn't trusted") == 1


def test_a_registry_that_is_not_there_costs_a_warning(shop: Shop) -> None:
    warm = shop.machine(BS_CACHE_DIR=cache_folder(os.environ), BS_CACHE_REGISTRY="localhost:1/x")
    ran = warm.bs("build", "all", "--json", "--cache=remote:rw")
    assert ran.code == 0, ran.err
    assert outcomes(ran.json)["image"] == "built"
    assert ran.err.count("warning") == 1, ran.err
    assert "the shared cache isn't asked for the rest of this build" in ran.err
    again = warm.bs("build", "all", "--json")
    assert (again.code, again.err) == (0, "")
