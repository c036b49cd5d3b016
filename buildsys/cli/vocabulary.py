"""What completion offers: command → (commands, options → (help, has a value), takes targets).

`make docs` writes this from the commands themselves, as asking those takes typer 0.3 s.
"""

Command = tuple[dict[str, str], dict[str, tuple[str, bool]], bool]

COMMANDS: dict[str, Command] = {
    "": (
        {
            "build": "Build the images of targets, and only the layers that are stale",
            "status": "Say which layers of which targets are fresh; builds nothing, asks no engine",
            "doctor": "Say what this machine has for building, what it lacks, and what to do about it",
            "schema": "Print the JSON Schema of BUILD.yaml files",
            "dockerfile": "Print the Dockerfile of a target, complete: stock buildctl or docker builds it too",
            "image": "Say where the image of a target is; or export it",
            "load": "Load images into the Docker that runs here, as NAME:latest and under their digest's short form",
            "run": "Build a target if it is stale, and run its image in the foreground, on the host's network",
            "up": "Build the services that are stale, start them on loopback, wait until all are healthy, show logs",
            "down": "Stop all containers that `bs up` started in this workspace; what they stored stays",
            "test": "Run the targets' own tests on top of their dependency layers; those that passed before are not run",
            "size": "Say what images are made of: layers, packages, distributions, files. Builds nothing",
            "clean": "Remove what no record needs: sealed sources, damaged and left-over files. No layer is lost by it",
            "gc": "Keep the store within limits: remove what was used least recently, and what nobody needs",
            "profile": "Say where the time of a build went: by phase, by layer, in BuildKit; and its critical path",
            "verify": "Build what is stale, and check the real images: user, files, programs, labels, size, health",
            "affected": "Say which targets a change reaches, by their keys before and after it. Builds nothing, needs no store",
            "sbom": "Print what an image is made of: modules, distributions, crates, packages. SPDX 2.3 JSON",
            "provenance": "Print how an image was made: an in-toto statement with SLSA provenance",
            "push": "Push images, building those that are stale: all or none, then move the tags",
            "tags": "Print the references that `bs push` would tag, a line each; pushes and builds nothing",
            "engine": "The BuildKit that does the work",
            "bases": "The images that others are built on",
            "cache": "The cache that a team shares in a registry",
        },
        {},
        False,
    ),
    "build": (
        {},
        {
            "--json": ("Print one JSON document.", False),
            "-j": ("Actions at a time.", True),
            "--jobs": ("Actions at a time.", True),
            "-k": ("Build what a failure doesn't reach.", False),
            "--keep-going": ("Build what a failure doesn't reach.", False),
            "--force": ("Build even what is fresh.", False),
            "-n": ("Only say what would be built.", False),
            "--dry-run": ("Only say what would be built.", False),
            "--events": ("Write what happens as JSON lines.", True),
            "--profile": ("Write a trace; see `bs profile`.", True),
            "--summary": ("Append a Markdown page; GITHUB_STEP_SUMMARY by default.", True),
            "--report": ("Write which images it came to, as JSON.", True),
            "--code-quality": ("Write what failed as GitLab's report.", True),
            "--cache": (
                "Which caches to use, and how; else what BS_CACHE says, else remote:r,local:rw.",
                True,
            ),
        },
        True,
    ),
    "status": (
        {},
        {
            "--json": ("Print one JSON document.", False),
            "--explain": ("Say why, for each layer that isn't fresh.", False),
            "--exit-code": ("0 all fresh, 1 something stale, 2 error.", False),
            "--cache": (
                "Which caches to use, and how; else what BS_CACHE says, else remote:r,local:rw.",
                True,
            ),
        },
        True,
    ),
    "doctor": ({}, {}, False),
    "schema": ({}, {}, False),
    "dockerfile": ({}, {}, True),
    "image": (
        {},
        {
            "--json": ("Print one JSON document.", False),
            "--output": ("Export an OCI layout, or a tar for docker load.", True),
        },
        True,
    ),
    "load": ({}, {}, True),
    "run": (
        {},
        {
            "-e": ("Environment.", True),
            "--env": ("Environment.", True),
            "-v": ("A file or folder.", True),
            "--volume": ("A file or folder.", True),
        },
        True,
    ),
    "up": (
        {},
        {
            "-e": ("Environment.", True),
            "--env": ("Environment.", True),
            "-d": ("Leave them running; `bs down` stops them.", False),
            "--detach": ("Leave them running; `bs down` stops them.", False),
            "--timeout": ("Seconds until all have to be healthy.", True),
        },
        True,
    ),
    "down": ({}, {}, False),
    "test": (
        {},
        {
            "--json": ("Print one JSON document.", False),
            "-j": ("Actions at a time.", True),
            "--jobs": ("Actions at a time.", True),
            "--no-cache-tests": ("Run even tests that passed before.", False),
            "--junit": ("Write what all tests said as JUnit XML.", True),
            "--profile": ("Write a trace; see `bs profile`.", True),
            "--summary": ("Append a Markdown page; GITHUB_STEP_SUMMARY by default.", True),
            "--code-quality": ("Write what failed as GitLab's report.", True),
            "--cache": (
                "Which caches to use, and how; else what BS_CACHE says, else remote:r,local:rw.",
                True,
            ),
        },
        True,
    ),
    "size": (
        {},
        {
            "--json": ("Print one JSON document.", False),
            "--against": ("What changed since a commit, or another image.", True),
            "--top": ("Parts to show of each layer.", True),
        },
        True,
    ),
    "clean": (
        {},
        {
            "--all": ("Remove the whole store, with bases and records.", False),
            "--wait": ("How long to wait for builds.", True),
        },
        False,
    ),
    "gc": (
        {},
        {
            "--max-size": ("What the store may take: 20GB.", True),
            "--max-age": ("Remove what is unused for 12h, 30d, 4w.", True),
            "-n": ("Only say what would be removed.", False),
            "--dry-run": ("Only say what would be removed.", False),
            "--json": ("Print one JSON document.", False),
            "--keep-last-builds": (
                "Keep what the last builds of workspaces need, whatever the limits.",
                False,
            ),
            "--wait": ("How long to wait for builds.", True),
        },
        False,
    ),
    "profile": (
        {},
        {"--json": ("Print one JSON document.", False), "--top": ("Rows of each table.", True)},
        False,
    ),
    "verify": (
        {},
        {
            "--json": ("Print one JSON document.", False),
            "--rebuild": ("Also build all again from nothing, and compare to the bit.", False),
            "--run": ("Run the images, for their health checks.", False),
            "--timeout": ("Seconds until an image has to be healthy.", True),
        },
        True,
    ),
    "affected": (
        {},
        {
            "--since": ("Compare with the merge base of HEAD and it.", True),
            "--json": ("Print one JSON document.", False),
            "--matrix": ("Print a matrix for GitHub Actions.", False),
            "--explain": ("Say why, for each target.", False),
            "--only": ("Leave out what concerns only the other.", True),
            "--exit-code": ("0 nothing affected, 1 something, 2 error.", False),
        },
        True,
    ),
    "sbom": ({}, {}, True),
    "provenance": ({}, {}, True),
    "push": (
        {},
        {
            "--to": ("Where the repositories of the images are.", True),
            "--tag": ("{commit}, {branch}, {key} and text; may be repeated.", True),
            "--compression": ("Of the layers; gzip for old clients.", True),
            "--sign": ("Sign the images by cosign.", False),
            "--sign-key": ("cosign's --key; implies --sign.", True),
            "--builder-id": ("The builder, for provenance.", True),
            "--json": ("Print one JSON document.", False),
        },
        True,
    ),
    "tags": (
        {},
        {
            "--to": ("Where the repositories of the images are.", True),
            "--tag": ("{commit}, {branch}, {key} and text; may be repeated.", True),
        },
        True,
    ),
    "engine": (
        {
            "start": "Find BuildKit, or start a private one",
            "stop": "Stop the BuildKit that bs started; its cache and the store stay",
            "status": "Say which of the named engines answer, or whether the private BuildKit runs and where its log is",
        },
        {},
        False,
    ),
    "engine start": ({}, {}, False),
    "engine stop": ({}, {}, False),
    "engine status": ({}, {}, False),
    "bases": (
        {
            "list": "Say what each base stands for here",
            "bootstrap": "Make bases from Debian packages, without a registry",
            "update": "Ask the registries what the bases are now, and pin that in bases.lock",
        },
        {},
        False,
    ),
    "bases list": ({}, {"--json": ("Print one JSON document.", False)}, False),
    "bases bootstrap": ({}, {"--force": ("Make it anew, with today's packages.", False)}, False),
    "bases update": ({}, {}, False),
    "cache": (
        {
            "publish": "Put into the shared cache what is stored here of targets; what is there already stays as it is",
            "keygen": "Make a key that results are signed by, and print the public one for BUILD.yaml",
        },
        {},
        False,
    ),
    "cache publish": ({}, {}, True),
    "cache keygen": ({}, {}, False),
}
