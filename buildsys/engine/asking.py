"""Asking an engine whether it is there, and what is wrong with the connection if it isn't."""

import re
import subprocess
from collections.abc import Mapping

from buildsys.engine.address import Engine
from buildsys.errors import MachineError

ANSWER_S = 10.0
"""An engine that takes longer to say what workers it has is none that can be worked with."""
_WRAPPING = re.compile(
    r"^error: |failed to list workers: |Unavailable: |(transport|connection error): |desc = |\""
    r"|error reading server preface: |authentication handshake failed: |Error while dialing: "
)
_AGAIN = 3
_CLOSED = "it closes the connection at once, as one does that wants TLS, or another certificate"
_MEANINGS = {
    "tls: certificate required": "it takes none of our client certificates",
    "tls: bad certificate": "it doesn't take our client certificate",
    "tls: unknown certificate authority": "it doesn't take our client certificate",
    "failed to verify certificate": "its certificate isn't one that we trust",
    "first record does not look like a TLS handshake": "it speaks no TLS",
    "server preface: EOF": _CLOSED,
    "server preface: connection reset": _CLOSED,
    "write: broken pipe": _CLOSED,
    "write: connection reset": _CLOSED,
    "read: connection reset": _CLOSED,
}
"""What gRPC says of connections → what it means."""


def none_answers(problems: Mapping[str, str]) -> MachineError:
    """`problems` has, for the address of each engine that was tried, why it failed."""
    said = "".join(f"\n    {address}: {problem}" for address, problem in problems.items())
    return MachineError(
        f"no BuildKit answers:{said}",
        hint="mend one of them (`bs doctor` asks them again), or name none (BS_ENGINES, BUILDKIT_HOST,"
        " `engine`), so that bs finds or starts one itself",
    )


def answers(engine: Engine, within_s: float = ANSWER_S) -> str:
    """What is wrong with an engine; "" if a BuildKit answers there.

    An engine that refuses a certificate says so and closes the connection, and what we see of it may be
    either: for a connection by TLS it is worth asking again.
    """
    problem = _ask(engine, within_s)
    for _ in range(_AGAIN if engine.security else 0):
        if _CLOSED not in problem:
            break
        problem = _ask(engine, within_s)
    return problem


def _ask(engine: Engine, within_s: float) -> str:
    command = [engine.buildctl, "--timeout", "5", *engine.command[1:], "debug", "workers"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=within_s)
    except subprocess.CalledProcessError as error:
        return explained(str(error.stderr).strip()) or "no answer"
    except subprocess.TimeoutExpired:
        return f"no answer within {within_s:g} s"
    except OSError as error:
        return str(error)
    return ""


def explained(said: str) -> str:
    """What buildctl says of a connection, without what gRPC wraps around it."""
    plain = _WRAPPING.sub("", said)
    meaning = next((text for sign, text in _MEANINGS.items() if sign in said), "")
    return f"{meaning} ({plain})" if meaning else plain
