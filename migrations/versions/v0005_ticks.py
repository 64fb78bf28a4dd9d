"""Times of the schedule, so that replicas never run the same one."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "tick",
        sa.Column("name", sa.String(length=80), nullable=False, comment="whose schedule: the name of the lease"),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False, comment="when it was due"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False, comment="the lease that the last attempt held"),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=False, comment="running, skipped, or how the run ended"),
        sa.PrimaryKeyConstraint("name", "at", name="pk_tick"),
        comment="One row a time of the schedule, so that replicas never run the same one (docs/adr/0021)",
    )


def downgrade() -> None:
    op.drop_table("tick")
