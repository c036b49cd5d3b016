"""Bases without a registry: a root file system of Debian packages, by mmdebstrap.

The tar that mmdebstrap writes is filtered while it is copied: documentation and device nodes go, times
become constant, and what an image needs to run anything at all is added where packages don't bring it.
"""

import fnmatch
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from buildsys.errors import MachineError
from buildsys.model.target import Bootstrap

TIME = 315_532_800
"""1980-01-01, as of everything that bs packs."""

_ALWAYS_TRIMMED = (
    "/dev/*", "/proc/*", "/sys/*", "/var/cache/*", "/var/log/*", "/var/lib/apt/lists/*", "/run/*",
    "/etc/machine-id", "/etc/resolv.conf", "/etc/hostname",
)  # fmt: skip
_MERGED = ("bin", "sbin", "lib", "lib64")
_BUSYBOX = "usr/bin/busybox"
# Packages that are only unpacked leave no list of what is there. Scanners read one file a package, as in the
# images that are called distroless.
_LIST = (
    'mkdir -p "$1/var/lib/dpkg/status.d" && for deb in "$1"/var/cache/apt/archives/*.deb; do'
    ' dpkg-deb -f "$deb" Package Source Version Architecture Maintainer'
    ' > "$1/var/lib/dpkg/status.d/$(dpkg-deb -f "$deb" Package)" || exit 1; done'
)
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}


@dataclass(frozen=True, slots=True)
class Mmdebstrap:
    """The port `Bootstrapper`; `scratch` gives a folder in which one root file system is made."""

    scratch: Callable[[], AbstractContextManager[str]]
    search_path: str
    note: Callable[[str], None]
    environment: tuple[str, ...] = (
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    )

    @contextmanager
    def root(self, bootstrap: Bootstrap) -> Iterator[Callable[[BinaryIO], None]]:
        program = shutil.which("mmdebstrap", path=self.search_path)
        if program is None:
            raise MachineError(
                "a base has to be bootstrapped, and mmdebstrap isn't installed",
                hint="apt-get install -y --no-install-recommends mmdebstrap",
            )
        self.note(f"bootstrapping {', '.join(bootstrap.packages)} ({bootstrap.suite})")
        with self.scratch() as folder:
            raw = os.path.join(folder, "root.tar")
            _mmdebstrap([program, *_arguments(bootstrap), raw], folder)
            yield lambda into: copy_filtered(bootstrap, raw, into)


def _arguments(bootstrap: Bootstrap) -> list[str]:
    documents = [f"--dpkgopt=path-exclude={path}" for path in bootstrap.trim if "*" in path]
    return [
        "--quiet",
        f"--variant={bootstrap.variant}",
        f"--include={','.join(bootstrap.packages)}",
        *([f"--extract-hook={_LIST}"] if bootstrap.variant == "extract" else documents),
        bootstrap.suite,
    ]


def _mmdebstrap(command: list[str], folder: str) -> None:
    environment = dict(os.environ) | {"SOURCE_DATE_EPOCH": str(TIME), "TMPDIR": folder}
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    except subprocess.CalledProcessError as error:
        raise MachineError(
            f"mmdebstrap failed: {str(error.stderr).strip()[-1500:]}",
            hint="check that Debian's package mirror can be reached",
        ) from error


@dataclass(slots=True)
class _Copy:
    """A copy under way; `names` are those written, without a leading `./`."""

    tar: tarfile.TarFile
    names: set[str] = field(default_factory=set)

    def add(self, member: tarfile.TarInfo, content: io.BufferedIOBase | None = None) -> None:
        member.mtime = TIME
        member.uname = member.gname = ""
        member.pax_headers = {k: v for k, v in member.pax_headers.items() if "time" not in k}
        self.tar.addfile(member, content)
        self.names.add(member.name)

    def add_new(self, name: str, *, kind: bytes, mode: int, link: str = "", text: str = "") -> None:
        if name in self.names:
            return
        member = tarfile.TarInfo(name)
        member.type, member.mode, member.linkname = kind, mode, link
        member.size = len(text)
        self.add(member, io.BytesIO(text.encode()))


def copy_filtered(bootstrap: Bootstrap, raw: str, into: BinaryIO) -> None:
    """Copy mmdebstrap's tar into a base's layer."""
    trim = (*_ALWAYS_TRIMMED, *bootstrap.trim)
    with (
        tarfile.open(raw) as source,
        tarfile.open(fileobj=into, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        copy = _Copy(target)
        for member in source:
            member.name = member.name.removeprefix("./")
            if member.name not in {"", "."} and not _trimmed(member, trim):
                content = source.extractfile(member) if member.isreg() else None
                copy.add(member, content)  # type: ignore[arg-type]
        _complete(copy, bootstrap, source)


def _trimmed(member: tarfile.TarInfo, patterns: tuple[str, ...]) -> bool:
    path = f"/{member.name}"
    return (
        member.ischr()
        or member.isblk()
        or any(fnmatch.fnmatchcase(path, p) or path.startswith(f"{p}/") for p in patterns)
    )


def _complete(copy: _Copy, bootstrap: Bootstrap, source: tarfile.TarFile) -> None:
    """What every program takes for granted, where the packages alone don't bring it."""
    for name in _MERGED:
        if f"usr/{name}" in copy.names:
            copy.add_new(name, kind=tarfile.SYMTYPE, mode=0o777, link=f"usr/{name}")
    for name, mode in (("etc", 0o755), ("root", 0o700), ("tmp", 0o1777), ("usr/sbin", 0o755)):
        copy.add_new(name, kind=tarfile.DIRTYPE, mode=mode)
    copy.add_new("sbin", kind=tarfile.SYMTYPE, mode=0o777, link="usr/sbin")
    for name, text in _FILES.items():
        copy.add_new(name, kind=tarfile.REGTYPE, mode=0o644, text=text)
    for path, target in bootstrap.links:
        copy.add_new(path.lstrip("/"), kind=tarfile.SYMTYPE, mode=0o777, link=target)
    if bootstrap.busybox:
        for applet in _applets(source):
            copy.add_new(f"usr/bin/{applet}", kind=tarfile.SYMTYPE, mode=0o777, link="busybox")


def _applets(source: tarfile.TarFile) -> list[str]:
    """The applets of the static BusyBox in the tar, as it lists them itself."""
    content = source.extractfile(_BUSYBOX)
    assert content is not None
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "busybox")
        with open(program, "wb") as file:
            shutil.copyfileobj(content, file)
        os.chmod(program, 0o700)
        listed = subprocess.run([program, "--list"], check=True, capture_output=True, text=True)
    return sorted(set(listed.stdout.split()) - {"busybox"})
