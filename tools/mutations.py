"""Mutations of a module: each changes one node with one of mutmut's operators."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

# Calls whose arguments matter to type checkers only, or whose change no test can detect.
_UNSEEN_CALLS = {"TypeVar", "NewType", "cast", "getLogger", "len", "isinstance"}


@dataclass(frozen=True)
class Mutation:
    """A module with one fault: its path in the tree, the line, and the new source."""

    path: str
    line: int
    diff: str
    source: str

    @property
    def id(self) -> str:
        """A hash of path and diff, which is the same in every run."""
        return hashlib.sha256(f"{self.path}\n{self.diff}".encode()).hexdigest()[:10]


class _Places(cst.CSTVisitor):
    """Collects each node that can be mutated, with its replacements."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _is_unseen(node):
            return False
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                line = self.get_metadata(PositionProvider, node).start.line
                self.found += [(line, node, replacement) for replacement in operator(node)]
        return True


def _is_unseen(node: cst.CSTNode) -> bool:
    """Return True for nodes without behaviour: annotations, decorators, docstrings, imports."""
    match node:
        case cst.Annotation() | cst.Decorator() | cst.Import() | cst.ImportFrom():
            return True
        case cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString()):
            return True
        case cst.Call(func=cst.Name(value=name) | cst.Attribute(attr=cst.Name(value=name))):
            return name in _UNSEEN_CALLS
        case cst.If(test=cst.Name(value="TYPE_CHECKING")):
            return True
    return False


class Module:
    """The places of a module below `root` that can be mutated, numbered from 0."""

    def __init__(self, root: Path, path: Path) -> None:
        self._name = path.relative_to(root).as_posix()
        self._source = path.read_text(encoding="utf-8")
        wrapper = MetadataWrapper(cst.parse_module(self._source))
        places = _Places()
        wrapper.visit(places)
        self._tree, self._places = wrapper.module, places.found

    def __len__(self) -> int:
        return len(self._places)

    def mutate(self, number: int) -> Mutation | None:
        """Return the mutation of a place; None if it changes nothing or is not valid Python."""
        line, node, replacement = self._places[number]
        changed = self._tree.deep_replace(node, replacement)
        assert isinstance(changed, cst.Module)  # noqa: S101 - a module stays one  # nosec B101
        try:
            compile(changed.code, self._name, "exec")
        except SyntaxError:
            return None
        if changed.code == self._source:
            return None
        return Mutation(self._name, line, self._diff(changed.code), changed.code)

    def _diff(self, mutated: str) -> str:
        names = self._name, f"{self._name} (mutated)"
        before, after = self._source.splitlines(), mutated.splitlines()
        return "\n".join(difflib.unified_diff(before, after, *names, lineterm="", n=2))
