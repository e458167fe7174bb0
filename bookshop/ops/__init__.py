"""Operations: health checks, metrics, logs, `bookshop check`, backups, privacy, the server."""

from __future__ import annotations

from pyramid.config import Configurator


def includeme(config: Configurator) -> None:
    """Add the health checks and the metrics."""
    config.include("bookshop.ops.metrics")
    config.include("bookshop.ops.health")
