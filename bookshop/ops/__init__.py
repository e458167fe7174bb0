"""Running the shop: error pages, maintenance, what happens at the start."""

from __future__ import annotations

from pyramid.config import Configurator
from pyramid.tweens import EXCVIEW, INGRESS


def includeme(config: Configurator) -> None:
    """Say how the shop is, and put the maintenance page in front of everything else."""
    config.include("bookshop.ops.requests")
    config.include("bookshop.ops.metrics")
    config.include("bookshop.ops.health")
    config.add_tween("bookshop.ops.maintenance.maintenance_tween", under=INGRESS)
    config.add_tween(
        "bookshop.ops.maintenance.read_only_tween",
        under="bookshop.ops.maintenance.maintenance_tween",
        over=EXCVIEW,
    )
