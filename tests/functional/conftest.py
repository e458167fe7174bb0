"""The whole shop over WSGI or HTTP, its real database, and the sandbox over real HTTP."""

from tests.fixtures import (
    delivering,
    make_each_shop,
    make_shop,
    postgres_url,
    sandbox,
    sandbox_server,
    serve,
    shop,
    template,
)

__all__ = [
    "delivering",
    "make_each_shop",
    "make_shop",
    "postgres_url",
    "sandbox",
    "sandbox_server",
    "serve",
    "shop",
    "template",
]
