"""The catalogue's version grows by random steps, which need 64 bits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
expand_only = True


def upgrade() -> None:
    _change_type(sa.Integer(), sa.BigInteger())


def downgrade() -> None:
    # To 32 bits. The previous version counts in steps of one, from anywhere.
    op.execute("UPDATE catalogue_state SET version = version % 2147483647, facets_version = NULL")
    _change_type(sa.BigInteger(), sa.Integer())


def _change_type(old: sa.types.TypeEngine[int], new: sa.types.TypeEngine[int]) -> None:
    with op.batch_alter_table("catalogue_state") as state:
        state.alter_column("version", existing_type=old, type_=new, existing_nullable=False)
        state.alter_column("facets_version", existing_type=old, type_=new, existing_nullable=True)
