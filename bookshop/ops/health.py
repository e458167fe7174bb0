"""`/health/live` and `/health/ready`: the probes of a supervisor and of a load balancer.

A supervisor restarts a process that is not alive. A load balancer sends no customers to a process
that is not ready.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from bookshop import migrations
from bookshop.db import reason_of
from bookshop.ops.timeouts import DeadlineExceededError, TimeoutRunner
from bookshop.services import services
from bookshop.web.resources import Resource

MIN_FREE_BYTES = 2**27  # on the disk
LOG = logging.getLogger(__name__)


class Health(Resource):
    """`/health`."""

    address = "/health"
    always_open = True


class CheckFailedError(Exception):
    """A readiness check failed; the text says why."""


Checks = dict[str, Callable[[], None]]


def run_checks(checks: Checks) -> dict[str, str]:
    """Run each check, and return `ok` or `failing` by its name."""
    results = {}
    for name, check in checks.items():
        try:
            check()
        except (CheckFailedError, SQLAlchemyError, OSError) as err:
            LOG.warning("readiness_check_failed", extra={"check": name, "reason": reason_of(err)})
            results[name] = "failing"
        else:
            results[name] = "ok"
    return results


@view_config(context=Health, name="live", http_cache=0, writes=False, private=False)
def live(_context: Health, _request: Request) -> Response:
    """Answer 200. Nothing else is checked: a restart would repair nothing else."""
    return Response(text="alive\n", content_type="text/plain", charset="utf-8")


@view_config(
    context=Health, name="ready", renderer="json", http_cache=0, writes=False, private=False
)
def ready(_context: Health, request: Request) -> dict[str, Any]:
    """Check database, schema and disk: 200 if all are `ok`, otherwise 503."""
    try:
        results: dict[str, str] = services(request).readiness.run()
    except DeadlineExceededError:
        results = {"database": "too slow"}
    if set(results.values()) != {"ok"}:
        request.response.status_int = HTTPStatus.SERVICE_UNAVAILABLE
    return results


def _check_disk(folder: Path) -> None:
    # Permissions do not tell that a disk was mounted read-only after an error.
    with TemporaryFile(dir=folder):
        pass
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        message = f"{folder} has {free} bytes free"
        raise CheckFailedError(message)


def make_readiness(engine: Engine, var: Path) -> TimeoutRunner[dict[str, str]]:
    """Return the checks of `/health/ready`, which `run` runs within the deadline."""

    def check_database() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def check_schema() -> None:
        if not migrations.is_usable(engine):
            raise CheckFailedError("the database schema belongs to another version")

    folders = {var}
    if engine.dialect.name == "sqlite":
        folders.add(Path(engine.url.database or "").parent)

    def check_disks() -> None:
        for folder in folders:
            _check_disk(folder)

    checks = {"database": check_database, "schema": check_schema, "disk": check_disks}
    return TimeoutRunner(partial(run_checks, checks), "health")


def includeme(config: Configurator) -> None:
    """Add `/health` to the resource tree."""
    config.add_branch("health", Health)
