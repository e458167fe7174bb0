"""The whole shop over WSGI or HTTP, its real database, and the sandbox over real HTTP."""

from tests.fixtures import make_shop, sandbox, sandbox_server, serve, shop, template

__all__ = ["make_shop", "sandbox", "sandbox_server", "serve", "shop", "template"]
