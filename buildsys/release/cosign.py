"""Signs images by cosign, where it is installed."""

import os
import shutil
import subprocess
from collections.abc import Mapping

from buildsys.errors import MachineError
from buildsys.model.digest import Digest
from buildsys.registry.repository import Repository, is_loopback

_NAME = "cosign"


class Cosign:
    """The program; `key` is a file, a `kms://` or `env://` URI, or nothing for cosign's keyless signing."""

    def __init__(self, environment: Mapping[str, str], key: str = "") -> None:
        """Find the program.

        Raises:
            MachineError: it isn't installed.
        """
        program = shutil.which(_NAME, path=environment.get("PATH", os.defpath))
        if program is None:
            raise MachineError(
                "`--sign` needs cosign, and it isn't on PATH",
                hint="see docs.sigstore.dev/cosign/system_config/installation",
            )
        self._program = program
        self._environment = environment
        self._key = key

    def sign(self, repository: Repository, digest: Digest) -> None:
        """Sign an image that the registry has.

        Raises:
            MachineError: cosign failed.
        """
        key = ["--key", self._key] if self._key else []
        plain = (
            ["--allow-http-registry"]
            if repository.plain and not is_loopback(repository.host)
            else []
        )
        done = subprocess.run(
            [self._program, "sign", "--yes", *key, *plain, f"{repository}@{digest}"],
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.strip()] or [
                "it said nothing"
            ]
            raise MachineError(f"cosign didn't sign {repository}@{digest}: {said[-1]}")
