"""Indexes by which the page of one account finds its records without reading the firm's."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0002"

NO_ACCOUNT, OURS = sa.text("account_id IS NULL"), sa.text("side = 'ours'")
INDEXES = (
    ("ix_opportunity_account", "opportunity", ["org", "account_id"], None),
    ("ix_contact_account", "contact", ["org", "account_id"], None),
    ("ix_activity_account", "activity", ["org", "account_id", "starts_at"], None),
    ("ix_activity_owner", "activity", ["org", "owner_id", "starts_at"], None),
    ("ix_activity_of_opportunity", "activity", ["org", "opportunity_id", "account_id"], NO_ACCOUNT),
    ("ix_activity_of_contact", "activity", ["org", "contact_id", "account_id"], NO_ACCOUNT),
    ("ix_participant_ours", "participant", ["org", "person_id", "side", "activity_id"], OURS),
)


def upgrade() -> None:
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
