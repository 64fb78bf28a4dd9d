"""The JSON API's records, as its OpenAPI document describes them. Money in whole units, dates as YYYY-MM-DD, instants in
seconds since 1970-01-01T00:00Z; null is unknown."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal[
    "Comfort zone", "Earning its time", "Under-worked", "Balanced", "Not enough evidence", "Logging too thin"
]  # fmt: skip
Number = float | None
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reason(Record):
    code: str = Field(description="what the code means: docs/reasons.md")
    text: str


class Account(Record):
    """One account's verdict: the fields of `assay scores`."""

    crm: str
    account_id: str
    name: str
    owner_id: str | None = Field(description="null where there is none, or owners are hidden")
    state: State
    state_since: Day
    expected: Number = Field(description="revenue of the next 12 months")
    expected_low: Number
    expected_high: Number
    headroom: Number
    potential: Number
    potential_low: Number
    potential_high: Number
    trailing_12m: Number = Field(description="revenue of the last 12 months")
    currency: str
    grade: str
    hours: Number = Field(description="selling hours in the window")
    hours_low: Number
    hours_high: Number
    fair_hours: Number = Field(description="the share of its owner's hours in proportion to potential")
    hours_gap: Number = Field(description="hours - fair_hours")
    p_over: Number
    p_under: Number
    p_shallow: Number
    confidence: int
    reasons: list[Reason]
    next_step: str
    coverage: dict[str, float | str | None]
    evidence: dict[str, float | str | None]
    as_of: Day
    model_version: str


class AccountInFull(Account):
    """One account with the records behind its numbers: the fields of `assay explain --json`."""

    owner: str | None = Field(description="the owner's name")
    records: dict[str, list[dict[str, Any]]] = Field(description="by kind; units as in the database: seconds, cents, days")


class Accounts(Record):
    items: list[Account]
    total: int = Field(description="accounts of the firm, whatever the filter")
    next: str | None = Field(description="`after` of the next page; null on the last one")


class Run(Record):
    """One night of one CRM."""

    id: int
    crm: str | None
    started_at: int
    ended_at: int | None
    day: Day | None = Field(description="as of which date it judged")
    mode: str = Field(description="dry or write")
    outcome: str = Field(description="running, done, rejected, quota, stopped, failed")
    message: str
    calls: int = Field(description="API calls")
    detail: dict[str, Any] = Field(description="rows a stream, seconds a step, counts")


class Runs(Record):
    items: list[Run]
    next: int | None = Field(description="`before` of the next page; null on the last one")


class Reject(Record):
    """A row that the CRM refused."""

    id: int
    run: int
    crm: str
    account_id: str
    name: str
    code: str = Field(description="the CRM's code")
    message: str = Field(description="the CRM's words")
    at: int


class Rejects(Record):
    items: list[Reject]
    next: int | None


class Org(Record):
    crm: str
    name: str
    external_id: str
    sandbox: bool
    currency: str
    hold: str | None = Field(description="why publishing is on hold")


class Status(Record):
    version: str
    problems: list[str] = Field(description="empty = ready")
    next_run: int | None
    orgs: list[Org]
    accounts: int
    runs: list[Run] = Field(description="the last five")


class StateSum(Record):
    state: State
    accounts: int
    hours: float
    share: float
    trailing_12m: float
    expected: float
    potential: float


class Move(Record):
    """Hours taken from (negative) or given to one account, and what they are taken to be worth."""

    account_id: str
    hours: Number
    low: Number
    high: Number
    value: Number


class Moves(Record):
    """What could move within books, the most hours first; never a best plan."""

    page: int
    pages: int
    items: list[Move]


class Summary(Record):
    """The report without its accounts; of hours that could move the sums and the largest of each side."""

    model_config = ConfigDict(extra="allow")
    org: str
    crm: str
    day: Day
    currency: str
    preset: str
    window_days: int
    headline: str
    deck: str
    states: list[StateSum]
    movable: dict[str, Number]
    comfort_share_by_book_quartiles: list[float] | None = Field(description="null where it would show persons")
    changed: list[dict[str, str]] = Field(description="at most 1,000 accounts that changed their state last night")
    coverage: dict[str, Any]
    run: dict[str, Any]


class Change(Record):
    """One field of one account that the next write would change."""

    crm: str
    account_id: str
    name: str
    field: str
    old: str | float | None
    new: str | float | None
    why: str


class Plan(Record):
    accounts: int
    fields: dict[str, int] = Field(description="field -> accounts")
    page: int
    pages: int
    items: list[Change]


class Problem(Record):
    detail: str
