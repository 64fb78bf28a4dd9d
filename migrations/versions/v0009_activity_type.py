"""The CRM's own type of an activity, so that a firm can say which are not selling. Old rows have none until `assay run --full`."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("activity", sa.Column("category", sa.Text()))
