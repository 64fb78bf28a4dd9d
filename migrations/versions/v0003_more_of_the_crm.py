"""What a CRM says besides: who owned an account when, account teams, quotes; and indexes that the larger sums need."""

from alembic import op

revision = "0003"
down_revision = "0002"

ATTENDEES = ["org", "activity_id", "side", "person_id", "declined", "deleted"]


def upgrade() -> None:
    op.drop_index("ix_participant_activity", "participant")
    op.create_index("ix_participant_activity", "participant", ATTENDEES)
