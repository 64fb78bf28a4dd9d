"""What a firm's own past taught: weights, ranges and their achieved coverage, as rows."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "calibration",
        sa.Column("org", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "day",
            sa.Integer(),
            nullable=False,
            comment="the first day of the month it is for; learned from what ended before",
        ),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("org", "day", "name", name="pk_calibration"),
        comment="What the firm's own past taught, as named numbers (scoring.calibration), and how the backtest came out",
    )
