"""Checks of `[server:main]` and of Pyramid's options: fit for customers and for the proxy."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from pyramid.settings import asbool

from bookshop.ops.check.findings import Finding, error, warning
from bookshop.ops.check.ini import APP, SERVER, Ini
from bookshop.ops.server import DEFAULTS, LISTEN
from bookshop.settings import Settings
from bookshop.settings.parsers import is_loopback

DEBUG_OPTIONS = (
    "debug_all",
    "debug_authorization",
    "debug_notfound",
    "debug_routematch",
    "debug_templates",
    "reload_all",
    "reload_templates",
)
OWN_SERVER = {"egg:bookshop", "egg:bookshop#main"}
SPARE_THREADS = 4  # beyond those that may wait for Stripe
ONE_NETWORK = "all customers seem to have one address and share one rate limit"
FORGED = "attackers can pretend any address and so avoid rate limits"


def run_checks(ini: Ini, settings: Settings | None = None) -> Iterator[Finding]:
    """Yield all findings about the server. Without `settings`, those that need only the INI."""
    server, app = ini.section(SERVER), ini.section(APP)
    yield from _check_threads(server, settings.stripe.max_concurrency if settings else 0)
    environment = app.get("bookshop.environment", "development")
    if (settings.shop.environment if settings else environment) == "development":
        return
    yield from _check_debugging(app)
    yield from _check_server(server)
    yield from _check_proxy(server, settings.shop.url if settings else app.get("bookshop.url", ""))
    yield from _check_addresses(server)
    if settings and settings.limits.storage == "memory":
        yield warning(
            "limits_in_memory",
            "limits.storage",
            "is memory: each process counts on its own and starts at zero after a restart",
            "limits.storage = database",
            "card testers get as many attempts as there are processes",
        )


def _check_threads(server: Mapping[str, str], max_concurrency: int) -> Iterator[Finding]:
    threads = server.get("threads", str(DEFAULTS["threads"]))
    if not threads.isdigit():
        fix, why = "threads = 16", "the server does not start"
        yield error("threads_invalid", "threads", f"{threads!r} is not a number", fix, why)
    elif int(threads) <= max_concurrency:
        yield error(
            "threads_too_few",
            "threads",
            f"is {threads}, but {max_concurrency} threads may wait for Stripe"
            " (stripe.max_concurrency)",
            f"threads = {max_concurrency + SPARE_THREADS}",
            "when Stripe is slow, the catalogue does not respond",
        )


def _check_debugging(app: Mapping[str, str]) -> Iterator[Finding]:
    why = "it slows the shop down and shows its internals to visitors"
    for option in DEBUG_OPTIONS:
        key, variable = f"pyramid.{option}", f"PYRAMID_{option.upper()}"
        if asbool(os.environ.get(variable)):
            problem = f"is enabled by the environment variable {variable}; it is for development"
            yield warning("debugging_enabled", key, problem, f"unset {variable}", why)
        elif asbool(app.get(key)):
            problem = "is enabled; it is for development"
            yield warning("debugging_enabled", key, problem, f"{key} = false", why)
    if "pyramid_debugtoolbar" in app.get("pyramid.includes", "").split():
        yield error(
            "debug_toolbar_included",
            "pyramid.includes",
            "includes the debug toolbar",
            "pyramid.includes =",
            "visitors can run code on this machine",
        )


def _check_server(server: Mapping[str, str]) -> Iterator[Finding]:
    use = server.get("use", "egg:bookshop")
    if use not in OWN_SERVER and not use.startswith("config:"):
        yield warning(
            "other_server",
            "use",
            f"is {use}, not the shop's own server",
            "use = egg:bookshop",
            "a restart may interrupt requests",
        )
    if asbool(server.get("expose_tracebacks")):
        yield error(
            "tracebacks_exposed",
            "expose_tracebacks",
            "is on",
            "expose_tracebacks = false",
            "visitors see the shop's internals when an error occurs",
        )


def _check_proxy(server: Mapping[str, str], url: str) -> Iterator[Finding]:
    trusted = server.get("trusted_proxy", "").strip()
    if trusted == "*":
        yield error(
            "any_proxy_trusted",
            "trusted_proxy",
            "is *, so every client may report any address as its own",
            "trusted_proxy = 127.0.0.1",
            FORGED,
        )
    elif not trusted and url.startswith("https://"):
        yield warning(
            "no_proxy_trusted",
            "trusted_proxy",
            "is missing, but bookshop.url is https, which a proxy terminates",
            "trusted_proxy = 127.0.0.1",
            ONE_NETWORK,
        )
    elif trusted and "x-forwarded-for" not in server.get("trusted_proxy_headers", "").lower():
        yield warning(
            "client_address_not_forwarded",
            "trusted_proxy_headers",
            "does not include x-forwarded-for",
            "trusted_proxy_headers = x-forwarded-for x-forwarded-proto",
            ONE_NETWORK,
        )
    if not asbool(server.get("clear_untrusted_proxy_headers", "true")):
        yield error(
            "untrusted_headers_kept",
            "clear_untrusted_proxy_headers",
            "is off, so headers sent by clients are trusted",
            "clear_untrusted_proxy_headers = true",
            FORGED,
        )


def _check_addresses(server: Mapping[str, str]) -> Iterator[Finding]:
    local_proxy = is_loopback(server.get("trusted_proxy", "").strip())
    if local_proxy and not all(is_loopback(host) for host in _hosts(server)):
        yield warning(
            "proxy_can_be_bypassed",
            "listen" if "listen" in server else "host",
            "accepts connections from other machines, but the proxy is on this one",
            f"listen = {LISTEN}",
            "customers can bypass the proxy and its https",
        )


def _hosts(server: Mapping[str, str]) -> list[str]:
    """Return the addresses that the server listens at, by waitress's rules."""
    if "unix_socket" in server:
        return []
    if "listen" not in server and ("host" in server or "port" in server):
        return [server.get("host", "*")]  # without `host`, all addresses
    return [each.rpartition(":")[0].strip("[]") for each in server.get("listen", LISTEN).split()]
