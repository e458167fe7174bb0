"""`/health/live` and `/health/ready`: what a supervisor and a load balancer ask.

Alive is a process that answers; one that does not is started again. Ready is one that can serve
customers; while it is not, they are sent to another.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy.exc import SQLAlchemyError

from bookshop import migrations
from bookshop.ops.timeouts import TimeoutRunner, TooSlowError
from bookshop.web.resources import Resource

LEAST_ROOM = 2**27  # bytes free on the disk
LOG = logging.getLogger(__name__)


class Health(Resource):
    """`/health`."""


class NotReadyError(Exception):
    """Something that a shop needs to serve customers is not there."""


Checks = dict[str, Callable[[], None]]


def look(checks: Checks) -> dict[str, str]:
    """What each check finds, by its name: `ok` or `failing`."""
    found = {}
    for name, check in checks.items():
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
    try:
        found: dict[str, str] = request.registry.readiness.ask()
    except TooSlowError:
        found = {"database": "too slow"}
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
        if not migrations.is_usable(engine):
            raise NotReadyError("the database is of another version")

    checks = {"database": check_database, "schema": check_schema, "disk": lambda: _check_disk(var)}
    registry.readiness = TimeoutRunner(partial(look, checks), "health")
    config.add_branch("health", Health)
