"""Values of an account that [scope] asks for; roles of people by name, where they were ids."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("DELETE FROM watermark WHERE stream = 'User'")  # read in full once more
    op.add_column("account", sa.Column("traits", sa.Text()))
