"""`bookshop urls`: the shop's views, read from Pyramid's configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click
from pyramid.registry import Registry
from pyramid.util import as_sorted_tuple

from bookshop.cli.shop import ShopContext, json_option, print_json
from bookshop.cli.tables import print_rows
from bookshop.web.resources import Resource
from bookshop.web.view_policies import view_is_private, view_writes


@dataclass(frozen=True, slots=True)
class ViewDescription:
    """A view: its URL, the resource it belongs to, and what it may do.

    `view` is the function, as module and name. `permission` is None if everyone may use the view.
    """

    address: str
    resource: str
    view: str
    methods: tuple[str, ...]
    permission: str | None
    writes: bool
    private: bool


def describe_views(registry: Registry) -> list[ViewDescription]:
    """Return the views of all resources, sorted by address. Error pages are left out."""
    descriptions = (_describe(registry, item["introspectable"]) for item in _views(registry))
    return sorted(descriptions, key=lambda each: (each.address, each.methods))


def _views(registry: Registry) -> Iterator[Any]:
    for item in registry.introspector.get_category("views"):
        context = item["introspectable"]["context"]
        if isinstance(context, type) and issubclass(context, Resource):
            yield item


def _describe(registry: Registry, view: Any) -> ViewDescription:
    resource, function = view["context"], view["callable"]
    options = {**view, "request_method": view["request_methods"]}
    address = resource.address
    if view["name"]:
        address = f"{address.rstrip('/')}/{view['name']}"
    if view["request_param"]:
        address += "?" + "&".join(as_sorted_tuple(view["request_param"]))
    return ViewDescription(
        address=address,
        resource=resource.__name__,
        view=f"{function.__module__}.{function.__name__}",
        methods=_methods(view["request_methods"]),
        permission=_permission(registry, view),
        writes=view_writes(options),
        private=view_is_private(options),
    )


def _methods(stated: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the methods of a view. Pyramid lets GET imply HEAD; no method means both."""
    methods = set(as_sorted_tuple(stated or "GET"))
    return tuple(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _permission(registry: Registry, view: Any) -> str | None:
    for related in registry.introspector.related(view):
        if related.category_name == "permissions":
            permission: str = related["value"]
            return permission
    return None


@click.command()
@json_option
@click.pass_obj
def urls(shop: ShopContext, *, as_json: bool) -> None:
    """List the shop's addresses, each with its view and methods.

    Read-only mode refuses the views marked "writes". The log does not contain the paths of the
    views marked "private".
    """
    views = describe_views(shop.registry)
    if as_json:
        print_json({"urls": [asdict(view) for view in views]})
        return
    headers = ("address", "resource", "view", "methods", "permission", "writes", "private")
    print_rows(
        headers,
        (
            (
                view.address,
                view.resource,
                view.view.removeprefix("bookshop."),
                " ".join(view.methods),
                view.permission or "",
                "writes" if view.writes else "",
                "private" if view.private else "",
            )
            for view in views
        ),
    )
