"""Signatures of shared results: ed25519. The only importer of cryptography, which is imported when it is used.

A public key is written `ed25519:BASE64`, of its 32 bytes; a private one as PEM (PKCS #8), as openssl writes it.
"""

import base64
import binascii
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buildsys.errors import MachineError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PREFIX = "ed25519:"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`Signer`."""

    private: "Ed25519PrivateKey"

    @staticmethod
    def from_pem(pem: bytes) -> "SigningKey":
        """Read a private key.

        Raises:
            UsageError: it is none; the message doesn't show it.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PrivateKey,
        )
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_private_key,
        )

        try:
            found = load_pem_private_key(pem, None)
        except (ValueError, TypeError):
            found = None
        if not isinstance(found, Ed25519PrivateKey):
            raise UsageError(
                "the signing key is no ed25519 key in PEM",
                hint="make one by `bs cache keygen FILE`",
            )
        return SigningKey(found)

    @staticmethod
    def generate() -> "SigningKey":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PrivateKey,
        )

        return SigningKey(Ed25519PrivateKey.generate())

    def pem(self) -> bytes:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def public(self) -> str:
        return _PREFIX + base64.b64encode(self.private.public_key().public_bytes_raw()).decode()

    def __call__(self, message: bytes) -> str:
        return f"{self.public}:{base64.b64encode(self.private.sign(message)).decode()}"


@dataclass(frozen=True, slots=True)
class SignedBy:
    """`Verifier`: one of these keys has signed. With no keys, everything is trusted."""

    keys: tuple[str, ...]

    def __call__(self, message: bytes, signature: str) -> str:
        if not self.keys:
            return ""
        if not signature:
            return "it isn't signed"
        public, _, signed = signature.rpartition(":")
        if public not in self.keys:
            return "it is signed by a key that isn't trusted"
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )

        key = Ed25519PublicKey.from_public_bytes(_decoded(public.removeprefix(_PREFIX)))
        try:
            key.verify(_decoded(signed), message)
        except InvalidSignature:
            return "its signature is wrong"
        return ""


def write_key(path: str) -> SigningKey:
    """Make a key; its file is readable by this user alone, and replaces no other.

    Raises:
        MachineError: it can't be written.
    """
    key = SigningKey.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise MachineError(f"can't write {path}: {error.strerror}") from None
    with open(descriptor, "wb") as file:
        file.write(key.pem())
    return key


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
