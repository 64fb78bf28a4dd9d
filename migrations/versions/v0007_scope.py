"""Values of an account that [scope] asks for."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("account", sa.Column("traits", sa.Text(), nullable=False, server_default="{}"))
