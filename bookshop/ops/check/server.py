"""`[server:main]` and what Pyramid is told: fit for customers, and for the proxy in front."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from pyramid.settings import asbool

from bookshop.ops.check.findings import Finding, error, warning
from bookshop.ops.check.ini import APP, SERVER, Ini
from bookshop.ops.server import DEFAULTS, LISTEN
from bookshop.settings import Settings
from bookshop.settings.parsers import is_loopback

DEBUGGING = (
    "debug_all",
    "debug_authorization",
    "debug_notfound",
    "debug_routematch",
    "debug_templates",
    "reload_all",
    "reload_templates",
)


def run_checks(ini: Ini, settings: Settings | None = None) -> Iterator[Finding]:
    """All that is to be said of the server and its options, the less where settings are wrong."""
    server, app = ini.section(SERVER), ini.section(APP)
    yield from _threads(server, settings.stripe.max_concurrency if settings else 0)
    environment = app.get("bookshop.environment", "development")
    if (settings.shop.environment if settings else environment) == "development":
        return
    yield from _debugging(app)
    yield from _itself(server)
    yield from _proxy(server, settings.shop.url if settings else app.get("bookshop.url", ""))
    if settings and settings.limits.storage == "memory":
        yield warning(
            "limits.storage",
            "is memory: each process counts for itself, and forgets at each start",
            "limits.storage = database",
            "whoever tests stolen cards gets as many tries as there are processes",
        )


def _threads(server: Mapping[str, str], places: int) -> Iterator[Finding]:
    raw = server.get("threads", str(DEFAULTS["threads"]))
    if not raw.isdigit():
        yield error("threads", f"{raw!r} is no number", "threads = 16", "the server does not start")
    elif int(raw) <= places:
        yield error(
            "threads",
            f"is {raw}, and {places} of them may wait for Stripe (stripe.max_concurrency)",
            f"threads = {places + 4}",
            "when Stripe is slow nobody sees the catalogue any more",
        )


def _debugging(app: Mapping[str, str]) -> Iterator[Finding]:
    for name in DEBUGGING:
        variable = f"PYRAMID_{name.upper()}"
        why = "it slows the shop, and tells strangers of its inside"
        if asbool(os.environ.get(variable)):
            problem = f"is on by the environment's {variable}, and for developers"
            yield warning(f"pyramid.{name}", problem, f"unset {variable}", why)
        elif asbool(app.get(f"pyramid.{name}")):
            problem, fix = "is for developers", f"pyramid.{name} = false"
            yield warning(f"pyramid.{name}", problem, fix, why)
    if "pyramid_debugtoolbar" in app.get("pyramid.includes", "").split():
        yield error(
            "pyramid.includes",
            "includes the debug toolbar",
            "pyramid.includes =",
            "strangers can run programs on this machine",
        )


def _itself(server: Mapping[str, str]) -> Iterator[Finding]:
    if server.get("use", "egg:bookshop") not in {"egg:bookshop", "egg:bookshop#main"} and not (
        server["use"].startswith("config:")
    ):
        yield warning(
            "use",
            f"is {server['use']}, not the shop's own server",
            "use = egg:bookshop",
            "a restart may lose requests that are under way",
        )
    if asbool(server.get("expose_tracebacks")):
        yield error(
            "expose_tracebacks",
            "is on",
            "expose_tracebacks = false",
            "strangers see the shop's inside when something breaks",
        )


def _proxy(server: Mapping[str, str], url: str) -> Iterator[Finding]:
    trusted = server.get("trusted_proxy", "").strip()
    if trusted == "*":
        yield error(
            "trusted_proxy",
            "is *: anybody may say who they are",
            "trusted_proxy = 127.0.0.1",
            "limits hold nobody back who makes addresses up",
        )
    elif not trusted and url.startswith("https://"):
        yield warning(
            "trusted_proxy",
            "is missing, and a proxy ends https",
            "trusted_proxy = 127.0.0.1",
            "all customers look like one, and are limited together",
        )
    elif trusted and "x-forwarded-for" not in server.get("trusted_proxy_headers", "").lower():
        yield warning(
            "trusted_proxy_headers",
            "does not name x-forwarded-for",
            "trusted_proxy_headers = x-forwarded-for x-forwarded-proto",
            "all customers look like one, and are limited together",
        )
    if not asbool(server.get("clear_untrusted_proxy_headers", "true")):
        yield error(
            "clear_untrusted_proxy_headers",
            "is off: what strangers say of themselves is believed",
            "clear_untrusted_proxy_headers = true",
            "limits hold nobody back who makes addresses up",
        )
    if is_loopback(trusted) and not all(is_loopback(host) for host in _hosts(server)):
        yield warning(
            "listen" if "listen" in server else "host",
            "is open to other machines, and the proxy is on this one",
            f"listen = {LISTEN}",
            "customers can go around the proxy, without https",
        )


def _hosts(server: Mapping[str, str]) -> list[str]:
    """At which of this machine's addresses the server listens, as waitress takes its options."""
    if "unix_socket" in server:
        return []
    if "listen" not in server and ("host" in server or "port" in server):
        return [server.get("host", "*")]  # without it waitress takes all of them
    return [each.rpartition(":")[0].strip("[]") for each in server.get("listen", LISTEN).split()]
