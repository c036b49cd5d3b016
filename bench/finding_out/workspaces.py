"""Synthetic workspaces: N services in Go, Python and Rust in turn, each with ten small sources and a manifest.

Every service uses one of ten shared `common/libN`. The same sources are declared for bs, for turbo or for
bazel, each in a tree of its own that is committed to git, so that nobody reads the files of the others.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from buildsys.loading import bases_lock
from buildsys.rules.bases import BUILT_IN

LIBRARIES = 10
_SOURCES = 9
"""Beside the main file."""
_CRATE = (
    '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n\n[workspace]\n\n[dependencies]\n'
)
_PUBLIC = '["//visibility:public"]'
_RULES = ("go_image", "python_image", "rust_image")


def generate(root: Path, targets: int, tool: str = "bs") -> int:
    """Write the workspace of `tool` into the new folder `root`, commit it, and return how many files it has."""
    count = 0
    for path, content in _files(targets, tool):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        count += 1
    for arguments in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "all"),
    ):
        subprocess.run(["git", "-C", str(root), *arguments], check=True)
    return count


def edited_files(root: Path, targets: int) -> list[Path]:
    """A source of each service, in the order of the services."""
    return [root / folder / _source(number, 0) for number, folder in _services(targets)]


def edit(source: Path, mark: str) -> None:
    """Another content; comments in all three languages, so that it's still a program."""
    comment = "#" if source.suffix == ".py" else "//"
    lines = source.read_text().splitlines()
    source.write_text("\n".join([lines[0], f"{comment} {mark}", *lines[2:]]) + "\n")


def _services(targets: int) -> Iterator[tuple[int, str]]:
    width = max(4, len(str(targets)))
    return ((number, f"cmd/svc-{number:0{width}}") for number in range(targets))


def _files(targets: int, tool: str) -> Iterator[tuple[str, str]]:
    yield "go.mod", "module example.com/w\n\ngo 1.24\n"
    yield ".gitignore", "/.bs/\n/.turbo/\n/bazel-*\nnode_modules/\nout.txt\n"
    for number in range(LIBRARIES):
        yield from _library(f"common/lib{number}", number)
    for number, folder in _services(targets):
        for path, content in _service(number, folder.rpartition("/")[2]):
            yield f"{folder}/{path}", content
    yield from _DECLARED[tool](targets)


def _library(folder: str, number: int) -> Iterator[tuple[str, str]]:
    yield f"{folder}/lib.go", f"package lib{number}\n\nconst Number = {number}\n"
    yield f"{folder}/__init__.py", f"NUMBER = {number}\n"
    yield f"{folder}/crate/Cargo.toml", _CRATE.format(f"lib{number}")
    yield f"{folder}/crate/src/lib.rs", f"pub const NUMBER: u32 = {number};\n"


def _service(number: int, name: str) -> Iterator[tuple[str, str]]:
    rule, library = _RULES[number % 3], number % LIBRARIES
    yield _source(number, None), _MAIN[rule].format(library=library)
    for index in range(_SOURCES):
        yield _source(number, index), _SOURCE[rule].format(name=name, index=index)
    if rule == "python_image":
        yield "requirements.txt", ""
    elif rule == "rust_image":
        dependency = f'lib{library} = {{ path = "../../common/lib{library}/crate" }}\n'
        yield "Cargo.toml", _CRATE.format(name) + dependency
        yield "Cargo.lock", f'version = 4\n\n[[package]]\nname = "{name}"\nversion = "0.1.0"\n'


def _source(number: int, index: int | None) -> str:
    name = "main" if index is None else f"part{index}"
    return (f"{name}.go", f"{name}.py", f"src/{name}.rs")[number % 3]


_MAIN = {
    "go_image": 'package main\n\nimport "example.com/w/common/lib{library}"\n\n'
    "func main() {{ println(lib{library}.Number) }}\n",
    "python_image": "from common.lib{library} import NUMBER\n\nprint(NUMBER)\n",
    "rust_image": 'fn main() {{ println!("{{}}", lib{library}::NUMBER); }}\n',
}
_SOURCE = {
    "go_image": "package main\n\n// Part{index} of {name} does next to nothing.\n"
    "func Part{index}(value int) int {{\n\tif value > {index} {{\n\t\treturn value - {index}\n\t}}\n"
    "\treturn value\n}}\n",
    "python_image": '"""Part {index} of {name}."""\n\n\ndef part(value: int) -> int:\n'
    "    return value - {index} if value > {index} else value\n",
    "rust_image": "// Part {index} of {name}.\n\npub fn part(value: u32) -> u32 {{\n"
    "    if value > {index} {{ value - {index} }} else {{ value }}\n}}\n",
}


def _for_bs(targets: int) -> Iterator[tuple[str, str]]:
    yield "BUILD.yaml", "workspace: synthetic\ndefaults:\n  all: {port: 8080}\n"
    pins = {base.name: f"{base.image}@sha256:{index:064}" for index, base in enumerate(BUILT_IN)}
    yield bases_lock.NAME, bases_lock.render(pins)
    for number, folder in _services(targets):
        name = folder.rpartition("/")[2]
        rule = _RULES[number % 3]
        module = "\n    module: main" if rule == "python_image" else ""
        yield (
            f"{folder}/BUILD.yaml",
            f"targets:\n  - name: {name}\n    rule: {rule}{module}\n    max_size: 15MB\n",
        )


def _for_turbo(targets: int) -> Iterator[tuple[str, str]]:
    task = {"dependsOn": ["^build"], "outputs": ["out.txt"]}
    yield "turbo.json", json.dumps({"tasks": {"build": task}})
    root = {"name": "w", "private": True, "packageManager": "npm@10.0.0"}
    yield "package.json", json.dumps(root | {"workspaces": ["cmd/*", "common/*"]})
    libraries = {f"common/lib{number}": f"lib{number}" for number in range(LIBRARIES)}
    packages: dict[str, object] = {"": root | {"workspaces": ["cmd/*", "common/*"]}}
    for folder, name in libraries.items():
        package = {"name": name, "version": "1.0.0"}
        packages |= {folder: package, f"node_modules/{name}": {"resolved": folder, "link": True}}
        yield f"{folder}/package.json", json.dumps(package)
    for number, folder in _services(targets):
        name = folder.rpartition("/")[2]
        package_json = {
            "name": name,
            "version": "1.0.0",
            "dependencies": {f"lib{number % LIBRARIES}": "1.0.0"},
        }
        packages |= {
            folder: package_json,
            f"node_modules/{name}": {"resolved": folder, "link": True},
        }
        scripts = {"scripts": {"build": "echo built > out.txt"}}
        yield f"{folder}/package.json", json.dumps(package_json | scripts)
    lock = {"name": "w", "lockfileVersion": 3, "requires": True, "packages": packages}
    yield "package-lock.json", json.dumps(lock)


def _for_bazel(targets: int) -> Iterator[tuple[str, str]]:
    yield "WORKSPACE", ""
    everything = 'glob(["**"], exclude = ["BUILD.bazel"])'
    for number in range(LIBRARIES):
        yield (
            f"common/lib{number}/BUILD.bazel",
            f'filegroup(name = "lib{number}", srcs = {everything}, visibility = {_PUBLIC})\n',
        )
    for number, folder in _services(targets):
        name = folder.rpartition("/")[2]
        library = f"//common/lib{number % LIBRARIES}"
        sources = f'srcs = {everything} + ["{library}"], outs = ["out.txt"]'
        rule = f'genrule(name = "{name}", {sources}, cmd = "cat $(SRCS) | wc -c > $@")\n'
        yield f"{folder}/BUILD.bazel", rule


_DECLARED = {"bs": _for_bs, "turbo": _for_turbo, "bazel": _for_bazel}
