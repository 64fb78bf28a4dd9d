"""What a second CRM needs: links between CRMs, and streams that go on where they stopped."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = {
    "account": (("domain", sa.Text()), ("foreign_id", sa.String(40))),
    "contact": (("foreign_id", sa.String(40)),),
    "owner": (("person_key", sa.BigInteger()),),
    "opportunity": (("foreign_id", sa.String(40)),),
}
#: streams whose records have gained a value: read in full once more
READ_AGAIN = ("User", "Account")


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for name, kind in columns:
            op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_index("ix_contact_role_opportunity", "contact_role", ["org", "opportunity_id"])
    op.create_table(
        "resume",
        sa.Column("org", sa.SmallInteger(), nullable=False),
        sa.Column("stream", sa.String(length=80), nullable=False),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="where an unfinished stream goes on; the connector's own words"
        ),
        sa.ForeignKeyConstraint(["org"], ["org.id"], name="fk_resume_org"),
        sa.PrimaryKeyConstraint("org", "stream", name="pk_resume"),
    )
    op.create_table(
        "link",
        sa.Column("org", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False, comment="account, owner, contact, opportunity"),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("to_id", sa.String(length=40), nullable=False, comment="the same thing's id in the first CRM"),
        sa.Column("why", sa.String(length=20), nullable=False, comment="id, domain, person or name"),
        sa.ForeignKeyConstraint(["org"], ["org.id"], name="fk_link_org"),
        sa.PrimaryKeyConstraint("org", "kind", "id", name="pk_link"),
        comment="What is known in two CRMs (rulings 16); made anew every night",
    )
    watermark = sa.table("watermark", sa.column("stream"))
    op.execute(watermark.delete().where(watermark.c.stream.in_(READ_AGAIN)))
