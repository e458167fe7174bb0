"""Operations: health checks, metrics, logs, checks, backups, the server."""

from __future__ import annotations

from pyramid.config import Configurator


def includeme(config: Configurator) -> None:
    """Serve health checks and metrics."""
    config.include("bookshop.ops.metrics")
    config.include("bookshop.ops.health")
