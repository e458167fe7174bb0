"""The trunk of the tree: the root, and the base class of everything that hangs on it.

URLs are resources. A feature hangs its branch on the root with
`config.add_branch("books", Catalogue)`; this module knows no feature.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request


class LookupBugError(RuntimeError):
    """A KeyError out of a lookup's own code, which must be a 500 and not read as a 404."""


class Resource:
    """A place in the tree. Subclasses answer `child`; placing and errors are done here."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.__parent__: Resource | None = None
        self.__name__ = ""

    def child(self, name: str) -> Resource | None:
        """The child of that name, or None where there is none."""
        return None

    def __getitem__(self, name: str) -> Resource:
        """The placed child; KeyError, which traversal takes as 404, only where there is none."""
        try:
            found = self.child(name)
        except KeyError as err:
            message = f"{type(self).__name__}.child({name!r}) failed"
            raise LookupBugError(message) from err
        if found is None:
            raise KeyError(name)
        found.__parent__, found.__name__ = self, name
        return found


Branch = Callable[[Request], Resource]


class Shop(Resource):
    """The root: `/`."""

    def child(self, name: str) -> Resource | None:
        """The branch that a feature has hung on the tree under that name."""
        branch: Branch | None = self.request.registry.branches.get(name)
        return branch(self.request) if branch else None


def add_branch(config: Configurator, name: str, factory: Branch) -> None:
    """Directive: hang `factory(request)` on the root as `/name`; a name is given once."""

    def register() -> None:
        config.registry.branches[name] = factory

    config.action(("branch", name), register)


def includeme(config: Configurator) -> None:
    """Plant the tree."""
    branches: dict[str, Any] = {}
    config.registry.branches = branches
    config.set_root_factory(Shop)
    config.add_directive("add_branch", add_branch)
