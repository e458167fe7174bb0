"""The resource tree: the root, the base class of all resources, and the directive for branches.

URLs are paths of resources (traversal). A feature adds its branch to the root:
`config.add_branch("books", Catalogue)`. Each resource has one path: other spellings of it, which
traversal would accept, are refused, since proxies and caches do not know them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pyramid.config import Configurator
from pyramid.events import NewRequest
from pyramid.httpexceptions import HTTPNotFound
from pyramid.registry import Registry
from pyramid.request import Request

from bookshop.web.maintenance import refuse_if_closed

VIRTUAL_ROOT = "HTTP_X_VHM_ROOT"  # in the WSGI environment: a header of Pyramid's


class LookupBugError(RuntimeError):
    """A resource's code raised KeyError by mistake: a 500, which Pyramid would turn into a 404."""


class Resource:
    """A node of the tree. Subclasses override `child`; `__getitem__` sets parent and name.

    `address` is the path pattern of the class, which `bookshop urls` prints: `/books/{sku}`.
    `always_open` resources are served while the shop is closed for maintenance.
    """

    address: ClassVar[str] = ""
    always_open: ClassVar[bool] = False

    def __init__(self, request: Request) -> None:
        self.request = request
        self.__parent__: Resource | None = None
        self.__name__ = ""

    def child(self, name: str) -> Resource | None:
        """Return the child of that name, or None if there is none."""
        return None

    def __getitem__(self, name: str) -> Resource:
        """Return the child, with its parent and name set.

        Raises KeyError if there is none, and LookupBugError if `child` raised a KeyError.
        """
        try:
            resource = self.child(name)
        except KeyError as err:
            message = f"{type(self).__name__}.child({name!r}) failed"
            raise LookupBugError(message) from err
        if resource is None:
            raise KeyError(name)
        resource.__parent__, resource.__name__ = self, name
        return resource


Branch = Callable[[Request], Resource]


class Shop(Resource):
    """The root: `/`."""

    address = "/"

    def child(self, name: str) -> Resource | None:
        """Return the branch that a feature added under that name.

        Raises ShopClosedError here, since the branch may need a database that is unavailable.
        """
        branch = _branches(self.request.registry).get(name)
        resource = branch(self.request) if branch else None
        if resource is None or not resource.always_open:
            refuse_if_closed(self.request)
        return resource


def _branches(registry: Registry) -> dict[str, Branch]:
    branches: dict[str, Branch] = registry.branches
    return branches


def add_branch(config: Configurator, name: str, factory: Branch) -> None:
    """Directive: add `factory(request)` to the root as `/name`. A name is added once."""

    def register() -> None:
        _branches(config.registry)[name] = factory

    config.action(("branch", name), register)


def is_canonical_path(path: str) -> bool:
    """Return False for a path that leads to another path's resource or view.

    Traversal skips empty segments and `.`, resolves `..`, and looks for a view only after `@@`:
    `//books/./x`, `/x/../checkout`, `/@@checkout`.
    """
    _root, *folders, last = path.split("/")
    aliases = {".", ".."}.intersection((*folders, last))
    return "" not in folders and not aliases and "/@@" not in path


def refuse_aliases(event: NewRequest) -> None:
    """Raise HTTPNotFound if the path is not canonical; ignore the header X-Vhm-Root.

    With that header, which Pyramid prepends to the path, any visitor could choose what a path
    leads to. https://docs.pylonsproject.org/projects/pyramid/en/2.0-branch/narr/vhosting.html
    """
    environ = event.request.environ
    environ.pop(VIRTUAL_ROOT, None)
    if not is_canonical_path(environ["PATH_INFO"]):
        raise HTTPNotFound


def includeme(config: Configurator) -> None:
    """Set the root of the tree, and add the directive `add_branch`."""
    config.add_subscriber(refuse_aliases, NewRequest)
    config.registry.branches = {}
    config.set_root_factory(Shop)
    config.add_directive("add_branch", add_branch)
