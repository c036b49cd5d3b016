"""The configuration of an OCI bundle (runtime-spec, config.md).

A container gets what Docker would give it, but no capabilities, and the host's network.
"""

from collections.abc import Mapping

from buildsys.containers.container import ContainerSpec, Mount

HOST_FILES = ("/etc/hosts", "/etc/resolv.conf")
"""As the network is the host's, so are its names."""

_NAMESPACES = ("pid", "ipc", "uts", "mount")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def bundle_config(spec: ContainerSpec, mounts: tuple[Mount, ...]) -> dict[str, object]:
    """config.json of a bundle whose root file system is its folder `rootfs`."""
    variables = {"PATH": _PATH} | dict(spec.environment)
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": spec.uid, "gid": spec.gid},
            "args": list(spec.command),
            "env": [f"{name}={value}" for name, value in variables.items()],
            "cwd": spec.folder,
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs"},
        "hostname": spec.name,
        "mounts": [*_SYSTEM_MOUNTS, *map(_bind, mounts)],
        "linux": {
            "namespaces": [{"type": kind} for kind in _NAMESPACES],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": [
                "/proc/bus",
                "/proc/fs",
                "/proc/irq",
                "/proc/sys",
                "/proc/sysrq-trigger",
            ],
        },
    }


def _bind(mount: Mount) -> Mapping[str, object]:
    options = ["rbind", "ro" if mount.read_only else "rw", "nosuid", "nodev"]
    return {
        "destination": mount.target,
        "source": mount.source,
        "type": "bind",
        "options": options,
    }


def _mount(target: str, kind: str, *options: str) -> Mapping[str, object]:
    return {"destination": target, "type": kind, "source": kind, "options": list(options)}


_SYSTEM_MOUNTS = (
    _mount("/proc", "proc"),
    _mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
    _mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
    _mount("/dev/shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),  # noqa: S108
    _mount("/dev/mqueue", "mqueue", "nosuid", "noexec", "nodev"),
    _mount("/tmp", "tmpfs", "nosuid", "nodev", "mode=1777"),  # noqa: S108
)
