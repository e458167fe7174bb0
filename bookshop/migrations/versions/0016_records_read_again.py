"""The next import reads every record again: markets and sales rights were not read before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None
expand_only = False

BOOKS = sa.table("books", sa.column("source"))


def upgrade() -> None:
    op.execute(sa.update(BOOKS).values(source=None))


def downgrade() -> None:
    """Change nothing: the next import reads every record again."""
