"""All BUILD.yaml files of a tree to one workspace."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from buildsys.errors import BuildFileError, UsageError
from buildsys.loading.build_file import PackageFile, RootFile, read_package, read_root
from buildsys.loading.merging import Rules
from buildsys.loading.nodes import Node, Plain, node_of
from buildsys.loading.suggestions import nearest
from buildsys.model.globs import matcher
from buildsys.model.label import Label
from buildsys.model.sources import SourceTree
from buildsys.model.target import ROOT_BUILD_FILE, Settings, Target


@dataclass(frozen=True, slots=True)
class Workspace:
    """What all BUILD.yaml files declare; targets in the order of their labels."""

    settings: Settings
    targets: Mapping[Label, Target]


class _BuildFileReader:
    """Files that can't be understood are remembered as well, by what is wrong with them."""

    name = "build-file/1"

    def read(self, text: str) -> Plain:
        # PyYAML takes longer to import than most commands of bs run, and no file is parsed twice.
        from buildsys.loading.yaml_nodes import parse  # noqa: PLC0415

        return parse(text)


_READER = _BuildFileReader()


def load(tree: SourceTree, rules: Rules) -> Workspace:
    """The workspace that the BUILD.yaml files of `tree` declare.

    Raises:
        UsageError: the root has no BUILD.yaml.
        BuildFileError: a BUILD.yaml can't be understood, or a label in it names no target.
    """
    if not tree.is_file(ROOT_BUILD_FILE):
        raise UsageError(
            f"the workspace has no {ROOT_BUILD_FILE} in its root",
            hint="write one with `workspace: NAME` in it",
        )
    root_node = _node(tree, ROOT_BUILD_FILE)
    root = read_root(root_node, rules)
    files = [read_package(root_node, "", rules, root)]
    files += [
        read_package(_node(tree, path), path.removesuffix(f"/{ROOT_BUILD_FILE}"), rules, root)
        for path in _package_paths(tree, root)
    ]
    targets = {target.label: target for file in files for target in file.package.targets}
    _check_references(files, targets)
    return Workspace(root.settings, MappingProxyType(dict(sorted(targets.items()))))


def _node(tree: SourceTree, path: str) -> Node:
    return node_of(tree.facts(path, _READER), path)


def _package_paths(tree: SourceTree, root: RootFile) -> list[str]:
    excluded = matcher(root.settings.exclude)
    ending = f"/{ROOT_BUILD_FILE}"
    return [path for path in tree.files_below("") if path.endswith(ending) and not excluded(path)]


def _check_references(files: Iterable[PackageFile], targets: Mapping[Label, Target]) -> None:
    for file in files:
        for reference in file.references:
            if reference.label not in targets:
                raise BuildFileError(
                    f"there is no target `{reference.label}`",
                    at=reference.at,
                    hint=nearest(str(reference.label), map(str, targets)),
                )
