"""Every table, as SQLAlchemy Core. Units and field meanings: `scoring.records`.

Pulled records live in one table a kind, keyed by (org, id); `org` is the row of the org they came from. What Assay
itself decides lives in `night` (one row an account and night), `verdict` (the latest in full) and `ledger` (what was
sent to the CRM).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def _pulled(name: str, *columns: Column[object]) -> Table:
    """Define a table of pulled records. WITHOUT ROWID keeps one B-tree instead of two on SQLite."""
    return Table(
        name,
        metadata,
        Column("org", SmallInteger, primary_key=True, autoincrement=False),
        Column("id", String(40), primary_key=True),
        *columns,
        Column("deleted", Boolean, nullable=False),
        sqlite_with_rowid=False,
    )


def _ref(name: str, *, nullable: bool = True) -> Column[object]:
    """Define an id of the CRM; no foreign key, because real orgs hold ids that point nowhere."""
    return Column(name, String(40), nullable=nullable)


def _int(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, BigInteger, nullable=nullable)


def _flag(name: str) -> Column[object]:
    return Column(name, Boolean, nullable=False)


org = Table(
    "org",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("crm", String(20), nullable=False),
    Column("external_id", String(80), nullable=False, comment="the CRM's id of the org; pinned at the first run"),
    Column("name", Text, nullable=False),
    Column("sandbox", Boolean, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("hold", Text, comment="why publishing is on hold"),
    Index("uq_org_crm", "crm", unique=True),
)

watermark = Table(
    "watermark",
    metadata,
    Column("org", SmallInteger, ForeignKey("org.id"), primary_key=True),
    Column("stream", String(80), primary_key=True),
    Column("delivered_until", BigInteger, nullable=False, comment="everything changed before has been saved"),
    Column("reconciled_at", BigInteger, comment="last comparison of all ids"),
)

resume = Table(
    "resume",
    metadata,
    Column("org", SmallInteger, ForeignKey("org.id"), primary_key=True),
    Column("stream", String(80), primary_key=True),
    Column("state", Text, nullable=False, comment="where an unfinished stream goes on; the connector's own words"),
)

owner = _pulled(
    "owner",
    Column("name", Text, nullable=False),
    _flag("active"),
    Column("kind", Text),
    Column("role", Text),
    _ref("manager_id"),
    Column("time_zone", String(64)),
    _int("person_key"),
    _int("started_at"),
)
stage = _pulled(
    "stage",
    Column("label", Text, nullable=False),
    _int("position"),
    _flag("closed"),
    _flag("won"),
    _int("probability"),
)
stage.c.id.type = String(255)
currency_rate = _pulled("currency_rate", _int("micro_per_corporate", nullable=False), _flag("corporate"))
account = _pulled(
    "account",
    Column("name", Text, nullable=False),
    _ref("owner_id"),
    _ref("parent_id"),
    Column("category", Text),
    Column("industry", Text),
    Column("country", Text),
    _int("employees"),
    _int("annual_revenue_cents"),
    Column("currency", String(3)),
    _int("created_at"),
    _ref("merged_into"),
    Column("domain", Text),
    _ref("foreign_id"),
    Column("ours", Text, nullable=False),
    Column("traits", Text),
)
contact = _pulled(
    "contact",
    _ref("account_id"),
    Column("department", Text),
    Column("level", String(20)),
    _ref("foreign_id"),
    _int("created_at"),
)
opportunity = _pulled(
    "opportunity",
    _ref("account_id"),
    _ref("owner_id"),
    Column("name", Text, nullable=False),
    Column("stage", Text),
    _int("amount_cents"),
    Column("currency", String(3)),
    _int("probability"),
    _int("close_day"),
    Column("category", Text),
    _int("created_at"),
    _flag("closed"),
    _flag("won"),
    _ref("foreign_id"),
)
opportunity_change = _pulled(
    "opportunity_change",
    _ref("opportunity_id", nullable=False),
    _int("changed_at", nullable=False),
    Column("stage", Text),
    _int("amount_cents"),
    _int("close_day"),
    _int("probability"),
)
Index(
    "ix_opportunity_change_then",
    opportunity_change.c.org,
    opportunity_change.c.opportunity_id,
    opportunity_change.c.changed_at,
)
line_item = _pulled(
    "line_item",
    _ref("opportunity_id", nullable=False),
    _ref("product_id"),
    Column("family", Text),
    _int("amount_cents"),
    _int("created_at"),
)
Index("ix_line_item_opportunity", line_item.c.org, line_item.c.opportunity_id)
owner_change = _pulled(
    "owner_change",
    _ref("account_id", nullable=False),
    _int("changed_at", nullable=False),
    _ref("owner_id"),
    _ref("former_id"),
)
team_member = _pulled(
    "team_member",
    _ref("account_id", nullable=False),
    _ref("owner_id", nullable=False),
    Column("role", Text),
    _int("created_at"),
)
quote = _pulled("quote", _ref("opportunity_id"), _flag("presented"), _int("created_at"))
quote_item = _pulled(
    "quote_item",
    _ref("quote_id", nullable=False),
    _ref("product_id"),
    Column("family", Text),
    _int("amount_cents"),
    _int("created_at"),
)
contact_role = _pulled(
    "contact_role",
    _ref("opportunity_id", nullable=False),
    _ref("contact_id", nullable=False),
    Column("role", Text),
    _int("created_at"),
)
Index("ix_contact_role_opportunity", contact_role.c.org, contact_role.c.opportunity_id)
activity = _pulled(
    "activity",
    Column("kind", String(10), nullable=False),
    Column("status", String(10), nullable=False),
    _ref("account_id"),
    _ref("opportunity_id"),
    _ref("contact_id"),
    _ref("owner_id"),
    _int("starts_at"),
    _int("seconds"),
    _int("owner_day"),
    _flag("all_day"),
    Column("direction", String(3)),
    _flag("child"),
    _ref("twin_id"),
    _int("subject_key"),
    _int("thread_key"),
    Column("category", Text),
    _int("created_at"),
)
participant = _pulled(
    "participant",
    _ref("activity_id", nullable=False),
    Column("side", String(6), nullable=False),
    _ref("person_id", nullable=False),
    _flag("declined"),
)
# every column that minutes and first meetings read: SQLite takes no index that would send it back to the table
Index(
    "ix_participant_activity",
    *(participant.c[name] for name in ("org", "activity_id", "side", "person_id", "declined", "deleted")),
)

link = Table(
    "link",
    metadata,
    Column("org", SmallInteger, ForeignKey("org.id"), primary_key=True),
    Column("kind", String(20), primary_key=True, comment="account, owner, contact, opportunity"),
    Column("id", String(40), primary_key=True),
    Column("to_id", String(40), nullable=False, comment="the same thing's id in the first CRM"),
    Column("why", String(20), nullable=False, comment="id, domain, person or name"),
    comment="What is known in two CRMs (rulings 16); made anew every night",
)

account_owner = Table(
    "account_owner",
    metadata,
    Column("org", SmallInteger, primary_key=True, autoincrement=False),
    Column("account_id", String(40), primary_key=True),
    Column("from_at", BigInteger, primary_key=True, comment="when this owner took over; 0 = assumed for all time before"),
    Column("owner_id", String(40)),
    comment="Who owned an account from when; recorded from the first pull on (rulings 15)",
)

night = Table(
    "night",
    metadata,
    Column("org", SmallInteger, primary_key=True, autoincrement=False),
    Column("account_id", String(40), primary_key=True),
    Column("day", Integer, primary_key=True, comment="the night, days since 1970-01-01"),
    Column("p_over", Float, nullable=False),
    Column("p_under", Float, nullable=False),
    Column("p_shallow", Float, nullable=False),
    Column("gate", String(20), nullable=False, comment="'' judged, else why not: evidence or logging"),
    Column("grade", String(1), nullable=False),
    Column("target", String(20), nullable=False, comment="state of the entry rule alone, without memory"),
    Column("state", String(20), nullable=False, comment="state with hysteresis"),
    Column("since", Integer, nullable=False, comment="day this state began"),
    Column("streak", Integer, nullable=False, comment="nights in a row that pointed away from the state"),
    Index("ix_night_day", "org", "day"),
    sqlite_with_rowid=False,
    comment="The fold of rulings 2: each row follows from the row before and that night's signals",
)

verdict = Table(
    "verdict",
    metadata,
    Column("org", SmallInteger, primary_key=True, autoincrement=False),
    Column("account_id", String(40), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("owner_id", String(40)),
    Column("body", Text, nullable=False, comment="the Score as JSON"),
    comment="The latest verdict in full",
)

calibration = Table(
    "calibration",
    metadata,
    Column("org", SmallInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, comment="the first day of the month it is for; learned from what ended before"),
    Column("name", String(80), primary_key=True),
    Column("value", Float, nullable=False),
    comment="What the firm's own past taught, as named numbers (scoring.calibration), and how the backtest came out",
)

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("org", SmallInteger, ForeignKey("org.id"), nullable=True),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("day", Integer, comment="as_of"),
    Column("mode", String(10), nullable=False, comment="dry or write"),
    Column("outcome", String(12), nullable=False, comment="running, done, rejected, quota, stopped, failed"),
    Column("message", Text, nullable=False, server_default=""),
    Column("calls", Integer, nullable=False, server_default="0"),
    Column("detail", Text, nullable=False, server_default="{}", comment="JSON: rows per stream, seconds per step, counts"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run", Integer, ForeignKey("run.id"), nullable=False),
    Column("org", SmallInteger, ForeignKey("org.id"), nullable=False),
    Column("account_id", String(40), nullable=False),
    Column("status", String(10), nullable=False, comment="planned, sending, acked, rejected, unknown, superseded"),
    Column("old", Text, nullable=False, comment="JSON as read in this run's pull"),
    Column("new", Text, nullable=False, comment="JSON as sent"),
    Column("why", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("token", Text, nullable=False, server_default="", comment="what settles the outcome after a crash"),
    Column("code", Text, nullable=False, server_default=""),
    Column("message", Text, nullable=False, server_default=""),
    Column("at", BigInteger, nullable=False),
    Column("retry_day", Integer, comment="a refused row is not sent again before this night"),
    Index("ix_ledger_org_status", "org", "status"),
    Index("ix_ledger_org_account", "org", "account_id"),
    Index("ix_ledger_run", "run"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("holder", Text, nullable=False, comment="host, boot id, process id and start, so that a dead local holder shows"),
    Column("fence", Integer, nullable=False, comment="grows with every new holder"),
    Column("expires_at", BigInteger, nullable=False),
)

tick = Table(
    "tick",
    metadata,
    Column("name", String(80), primary_key=True, comment="whose schedule: the name of the lease"),
    Column("at", BigInteger, primary_key=True, autoincrement=False, comment="when it was due"),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False, comment="the lease that the last attempt held"),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("outcome", String(12), nullable=False, comment="running, skipped, or how the run ended"),
    comment="One row a time of the schedule, so that replicas never run the same one (docs/adr/0021)",
)

api_calls = Table(
    "api_calls",
    metadata,
    Column("crm", String(20), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False, comment="hours since 1970, the CRM's clock"),
    Column("calls", Integer, nullable=False),
    Column("allowed", Integer, nullable=False, comment="the CRM's calls a day, as it last said"),
    comment="API calls by all our runs, so that several runs share one day's allowance",
)
