"""The progress of imports, so that an interrupted one can resume."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bookshop.db import Base


class ImportRun(Base):
    """The import of a file, of which `done` records have been processed.

    `file` is the digest of its path, size and modification time.
    """

    __tablename__ = "imports"

    file: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    done: Mapped[int]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
