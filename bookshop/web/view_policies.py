"""View options that declare policies of a view, and the derivers that enforce them.

- `catalogue_page=("q", "page")`: the page is the same for every visitor, depends on these query
  parameters alone, and is cached. It writes nothing and is not private.
- `writes=True`: the view writes to the database; in read-only mode 503 is returned instead. A view
  of methods that change something writes unless it states `writes=False`.
- `private=True`: the page is about one customer; the log does not contain its path.

A view that states neither value of an option is refused when the shop starts. While the shop is
closed for maintenance, only the views of `always_open` resources are called.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError
from pyramid.request import Request
from pyramid.response import Response

from bookshop.services import services
from bookshop.web.maintenance import read_only_response, refuse_if_closed
from bookshop.web.request_log import PUBLIC_PATH

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Predicates that choose a view by something other than the path.
NON_PATH_PREDICATES = (
    "request_param",
    "header",
    "accept",
    "xhr",
    "is_authenticated",
    "effective_principals",
)

View = Callable[[Any, Request], Response]


def catalogue_page(view: View, info: Any) -> View:
    """View deriver: answer from the page cache, and cache what the view returns."""
    parameters = info.options.get("catalogue_page")
    if parameters is None:
        return view
    if any(info.options.get(name) is not None for name in NON_PATH_PREDICATES):
        message = f"{info.original_view}: a catalogue page is chosen by its path alone"
        raise ConfigurationError(message)

    def cached(context: Any, request: Request) -> Response:
        render = partial(view, context, request)
        return services(request).page_cache.render(request, render, tuple(parameters))

    return cached


def refuse_writes_in_read_only_mode(view: View, info: Any) -> View:
    """View deriver for `writes`. It acts on the view that is called, however the URL is spelt."""
    if info.exception_only or not view_writes(info.options):
        return view
    renderer = getattr(info.options.get("renderer"), "name", None)

    def guarded(context: Any, request: Request) -> Response:
        if services(request).read_only.is_on():
            return read_only_response(request, renderer)
        return view(context, request)

    return guarded


def refuse_while_closed(view: View, info: Any) -> View:
    """View deriver: close the views of the root, and those that traversal reached before."""
    if info.exception_only:
        return view

    def open_or_refused(context: Any, request: Request) -> Response:
        if not context.always_open:
            refuse_if_closed(request)
        return view(context, request)

    return open_or_refused


def log_public_paths(view: View, info: Any) -> View:
    """View deriver for `private`: let the log contain the paths of the other views."""
    if info.exception_only or view_is_private(info.options):
        return view

    def public(context: Any, request: Request) -> Response:
        request.environ[PUBLIC_PATH] = True
        return view(context, request)

    return public


def view_writes(options: Any) -> bool:
    """Return True if a view with these options may write. Raises ConfigurationError."""
    methods = options.get("request_method") or SAFE_METHODS
    changes = not SAFE_METHODS & ({methods} if isinstance(methods, str) else set(methods))
    return _stated(options, "writes", implied=True if changes else None)


def view_is_private(options: Any) -> bool:
    """Return True if the path of a view with these options is private.

    Raises ConfigurationError.
    """
    return _stated(options, "private", implied=None)


def _stated(options: Any, name: str, *, implied: bool | None) -> bool:
    if options.get("catalogue_page") is not None:
        implied = False
    value: bool | None = options.get(name, implied)
    if value is None:
        view = options.get("view") or options.get("callable")
        message = f"{view} must state {name}=True or {name}=False"
        raise ConfigurationError(message)
    return value


catalogue_page.options = ("catalogue_page",)  # type: ignore[attr-defined]
refuse_writes_in_read_only_mode.options = ("writes",)  # type: ignore[attr-defined]
log_public_paths.options = ("private",)  # type: ignore[attr-defined]


def includeme(config: Configurator) -> None:
    """Add the view options."""
    config.add_view_deriver(catalogue_page)
    config.add_view_deriver(
        refuse_writes_in_read_only_mode, under="fail_closed", over="catalogue_page"
    )
    config.add_view_deriver(refuse_while_closed, under="fail_closed", over="catalogue_page")
    config.add_view_deriver(log_public_paths, under="fail_closed", over="catalogue_page")
