"""`make bench-engines`: a changed line in each Go service, on one engine and on three.

Engines on one machine share its cores, so each is given a share of one by a cgroup, as if it were a small
machine (`--share`, in percent; 0 for none). That takes cgroups of version 1 and root; elsewhere they have no
limit, and three have no more to offer than one. Writes a section of docs/benchmarks.md.
"""

import argparse
import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.document import machine as this_machine
from bench.document import table, write_section
from bench.optimizations.builds import BsBuild
from bench.optimizations.dockerfiles import SERVICES, Service
from buildsys.cli import context
from buildsys.engine.provision import Toolbox

REPOSITORY = Path(__file__).parents[2]
CGROUPS = Path("/sys/fs/cgroup/cpu")
PERIOD_US = 100_000
GRACE_S = 20.0
COUNT = 3
GO = tuple(service for service in SERVICES if service.language == "go")
CONFIG = """\
root = "{folder}/root"
[grpc]
  address = ["unix://{folder}/s"]
[worker.oci]
  enabled = true
  networkMode = "host"
  binary = "{runtime}"
  defaultCgroupParent = "/{group}"
[worker.containerd]
  enabled = false
"""


@dataclass(frozen=True)
class Limited:
    """A buildkitd of its own, with its steps in a cgroup."""

    folder: Path

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/s"

    @property
    def group(self) -> Path:
        return CGROUPS / f"bs-bench-{os.getpid()}-{self.folder.name}"

    @contextmanager
    def running(self, toolbox: Toolbox) -> Iterator[None]:
        self.folder.mkdir()
        config = self.folder / "buildkitd.toml"
        values = {"folder": self.folder, "runtime": toolbox.runtime(), "group": self.group.name}
        config.write_text(CONFIG.format(**values))
        alone = ["unshare", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child"]
        command = [*alone, toolbox.provide("buildkitd"), "--config", str(config)]
        if limitable():
            self.group.mkdir()
            # It moves itself there before it becomes buildkitd, and so do all that it starts.
            command = ["sh", "-c", f'echo 0 > {self.group}/cgroup.procs; exec "$@"', "sh", *command]
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            while not (self.folder / "s").exists() and process.poll() is None:
                time.sleep(0.02)
            yield
        finally:
            process.kill()
            process.wait()
            self._remove_group()

    def _remove_group(self) -> None:
        """What ran in it takes a moment to end."""
        deadline = time.monotonic() + GRACE_S
        while self.group.is_dir() and time.monotonic() < deadline:
            for group in sorted(self.group.glob("**/"), reverse=True):
                with suppress(OSError):
                    group.rmdir()
            time.sleep(0.05)

    def limit(self, percent: int) -> None:
        if limitable() and percent:
            (self.group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self.group / "cpu.cfs_quota_us").write_text(str(PERIOD_US * percent // 100))


def limitable() -> bool:
    return (CGROUPS / "cpu.cfs_period_us").exists() and os.access(CGROUPS, os.W_OK)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=int, default=30, help="percent of a core for each engine")
    parser.add_argument("--times", type=int, default=3)
    chosen = parser.parse_args()
    toolbox = context.machine().daemon.toolbox
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "checkout"
        subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(root)], check=True)
        engines = [Limited(Path(name) / f"engine-{number}") for number in range(COUNT)]
        first, second, third = (engine.running(toolbox) for engine in engines)
        with first, second, third:
            for engine in engines * 2:
                print(f"unpacking: {build(root, [engine]):.1f} s", flush=True)
            for engine in engines:
                engine.limit(chosen.share)
            rows = [measured(root, engines) for _ in range(chosen.times)]
    lines = list(_lines(rows, chosen.share))
    print("\n".join(lines))
    write_section("One engine and three", lines)


def measured(root: Path, engines: list[Limited]) -> tuple[float, float]:
    one, three = build(root, engines[:1]), build(root, engines)
    print(f"one {one:.1f} s, three {three:.1f} s", flush=True)
    return one, three


def build(root: Path, engines: list[Limited]) -> float:
    """Seconds of a build in which all that is stale is the code of each service."""
    for service in GO:
        _edit(root, service)
    named = {
        "BS_ENGINES": ",".join(engine.address for engine in engines),
        "BS_ENGINES_SOLVES": "2" if len(engines) > 1 else str(len(GO)),
    }
    return BsBuild(root, named).build_all(GO)


def _edit(root: Path, service: Service) -> None:
    path = root / service.code
    path.write_text(f"{path.read_text()}\nvar bench_{uuid.uuid4().hex} = 1\n")


def _lines(rows: list[tuple[float, float]], share: int) -> Iterator[str]:
    yield f"`make bench-engines` on {this_machine()} One changed line in each of"
    yield f"{', '.join(service.name for service in GO)}; the engines have the layers unpacked."
    if limitable() and share:
        yield f"Each engine has {share}% of a core, as a machine of its own would have more of them."
    else:
        yield "They share this machine's cores, so that three have no more to offer than one."
    yield ""
    one, three = (median(column) for column in zip(*rows, strict=True))
    body = [(f"{a:.1f}", f"{b:.1f}", f"{a / b:.1f}") for a, b in rows]
    body.append((f"median {one:.1f}", f"{three:.1f}", f"{one / three:.1f}"))
    yield from table(("one engine, s", "three engines, s", "ratio"), body)


if __name__ == "__main__":
    main()
