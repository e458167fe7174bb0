"""The catalogue's version: a number that grows with every change that a page can show."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from bookshop.catalogue.models import CatalogueState


def touch(connection: Connection | Session) -> None:
    """Add one to the catalogue's version, in the caller's transaction.

    All who change the catalogue share that row: it is locked until the transaction ends.
    """
    connection.execute(update(CatalogueState).values(version=CatalogueState.version + 1))
