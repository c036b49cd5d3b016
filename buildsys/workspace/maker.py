"""Who makes what is made in a workspace now: what action records say of it."""

import socket
from collections.abc import Mapping

from buildsys import __version__
from buildsys.workspace.checkout import Checkout


def made_by(root: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Host, version of bs, commit ("" if there is none), and the run of a CI system if it is one."""
    maker = {"host": socket.gethostname(), "bs": __version__, "commit": Checkout(root).commit()}
    run = _run(environment)
    return maker | {"run": run} if run else maker


def _run(environment: Mapping[str, str]) -> str:
    """The run of a CI system, as a URL where it has one."""
    github = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    if all(environment.get(name) for name in github):
        server, repository, run = (environment[name] for name in github)
        return f"{server}/{repository}/actions/runs/{run}"
    urls = ("CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL")
    return next((environment[name] for name in urls if environment.get(name)), "")
