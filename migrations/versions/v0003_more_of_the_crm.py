"""What a CRM says besides: who owned an account when, account teams, quotes; and indexes that the larger sums need."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = {
    "owner_change": (("account_id", sa.String(40), False), ("changed_at", sa.BigInteger(), False),
                     ("owner_id", sa.String(40), True), ("former_id", sa.String(40), True)),
    "team_member": (("account_id", sa.String(40), False), ("owner_id", sa.String(40), False), ("role", sa.Text(), True),
                    ("created_at", sa.BigInteger(), True)),
    "quote": (("opportunity_id", sa.String(40), True), ("presented", sa.Boolean(), False),
              ("created_at", sa.BigInteger(), True)),
    "quote_item": (("quote_id", sa.String(40), False), ("product_id", sa.String(40), True), ("family", sa.Text(), True),
                   ("amount_cents", sa.BigInteger(), True), ("created_at", sa.BigInteger(), True)),
}  # fmt: skip
ATTENDEES = ["org", "activity_id", "side", "person_id", "declined", "deleted"]


def upgrade() -> None:
    for name, columns in TABLES.items():
        op.create_table(
            name,
            sa.Column("org", sa.SmallInteger(), autoincrement=False, nullable=False),
            sa.Column("id", sa.String(40), nullable=False),
            *(sa.Column(column, kind, nullable=nullable) for column, kind, nullable in columns),
            sa.Column("deleted", sa.Boolean(), nullable=False),
            sa.PrimaryKeyConstraint("org", "id", name=f"pk_{name}"),
            sqlite_with_rowid=False,
        )
    op.drop_index("ix_participant_activity", "participant")
    op.create_index("ix_participant_activity", "participant", ATTENDEES)
