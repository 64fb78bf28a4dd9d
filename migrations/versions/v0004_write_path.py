"""What the write path needs: when a refused row is tried again, and how many API calls were made."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

RETRY = "a refused row is not sent again before this night"


def upgrade() -> None:
    op.add_column("ledger", sa.Column("retry_day", sa.Integer(), nullable=True, comment=RETRY))
    op.create_index("ix_ledger_org_account", "ledger", ["org", "account_id"])
    op.create_table(
        "api_calls",
        sa.Column("crm", sa.String(length=20), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False, comment="hours since 1970, the CRM's clock"),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False, comment="the CRM's calls a day, as it last said"),
        sa.PrimaryKeyConstraint("crm", "hour", name="pk_api_calls"),
        comment="API calls by all our runs, so that several runs share one day's allowance",
    )
