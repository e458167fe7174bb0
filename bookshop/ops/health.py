"""`/health/live` and `/health/ready`: what a supervisor and a load balancer ask.

Alive is a process that answers; one that does not is started again. Ready is one that can serve
customers; while it is not, they are sent to another.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlowError
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy.exc import SQLAlchemyError

from bookshop import migrations
from bookshop.resources import Resource

DEADLINE = 2  # seconds that all of it may take
LEAST_ROOM = 2**27  # bytes free on the disk
LOG = logging.getLogger(__name__)


class Health(Resource):
    """`/health`."""


class NotReadyError(Exception):
    """Something that a shop needs to serve customers is not there."""


class Readiness:
    """Asks whether the shop can serve customers, in one thread of its own.

    A database that hangs keeps that thread, and never one of those that serve.
    """

    def __init__(self, checks: dict[str, Callable[[], None]], deadline: float = DEADLINE) -> None:
        """Each check raises where it finds something; `deadline` (seconds) is for all of them."""
        self._checks = checks
        self._deadline = deadline
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._asking: Future[dict[str, str]] | None = None

    def ask(self) -> dict[str, str]:
        """What each check found, by its name: `ok`, `failing` or `too slow`."""
        asking = self._asking
        if asking is None or asking.done():
            asking = self._asking = self._pool.submit(self._ask)
        try:
            return asking.result(self._deadline)
        except TooSlowError:
            LOG.warning("not ready: no answer within %s seconds", self._deadline)
            return dict.fromkeys(self._checks, "too slow")

    def _ask(self) -> dict[str, str]:
        found = {}
        for name, check in self._checks.items():
            try:
                check()
            except (NotReadyError, SQLAlchemyError, OSError) as err:
                LOG.warning("not ready: %s: %s", name, getattr(err, "orig", err))
                found[name] = "failing"
            else:
                found[name] = "ok"
        return found


@view_config(context=Health, name="live", http_cache=0)
def live(_context: Health, _request: Request) -> Response:
    """This process answers. Nothing else is asked: starting it again would mend nothing else."""
    return Response(text="alive\n", content_type="text/plain", charset="utf-8")


@view_config(context=Health, name="ready", renderer="json", http_cache=0)
def ready(_context: Health, request: Request) -> dict[str, Any]:
    """Database, schema and disk: 200 where all are well, otherwise 503."""
    found: dict[str, str] = request.registry.readiness.ask()
    if set(found.values()) != {"ok"}:
        request.response.status_int = HTTPStatus.SERVICE_UNAVAILABLE
    return found


def _check_disk(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        message = f"{folder} cannot be written to"
        raise NotReadyError(message)
    free = shutil.disk_usage(folder).free
    if free < LEAST_ROOM:
        message = f"{folder} has {free} bytes left"
        raise NotReadyError(message)


def includeme(config: Configurator) -> None:
    """Hang `/health` on the tree."""
    registry = config.registry
    engine, var = registry.engine, registry.bookshop.shop.var

    def check_database() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def check_schema() -> None:
        if not migrations.is_current(engine):
            raise NotReadyError("the database is of another version")

    registry.readiness = Readiness(
        {"database": check_database, "schema": check_schema, "disk": lambda: _check_disk(var)}
    )
    config.add_branch("health", Health)
