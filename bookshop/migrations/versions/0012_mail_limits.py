"""Mail limits: whether a payment with an order's address was attempted, and who gets an e-mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
expand_only = True


def upgrade() -> None:
    op.add_column(
        "orders",
        sa.Column("email_attempted", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("mails", sa.Column("mailbox", sa.String(), nullable=True))
    op.create_index(op.f("ix_mails_mailbox"), "mails", ["mailbox"])


def downgrade() -> None:
    op.drop_index(op.f("ix_mails_mailbox"), "mails")
    op.drop_column("mails", "mailbox")
    op.drop_column("orders", "email_attempted")
