"""What the database knows of imports: how far each has come, so that it can go on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bookshop.db import Base


class ImportRun(Base):
    """A file that is being imported, or was: `done` of its records have been seen to.

    `file` is the digest of its path, size and time of change.
    """

    __tablename__ = "imports"

    file: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    done: Mapped[int]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
