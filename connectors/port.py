"""The port between Assay and any CRM: five methods, and what each must keep."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from scoring.records import FieldUpdate, WriteResult


@dataclass(frozen=True, slots=True)
class Check:
    """What a CRM said about itself before the night."""

    org_id: str  #: the CRM's own id of the org or portal
    org_name: str
    sandbox: bool  #: a test org
    currency: str  #: the org's own currency, ISO code
    now: int  #: the CRM API's clock (its Date header), seconds
    calls_used: int | None  #: of the org's daily API calls, by everyone
    calls_allowed: int | None
    unwritable: tuple[str, ...] = ()  #: our fields (Meaning) that are absent or read-only for this user
    lacking: tuple[str, ...] = ()  #: what the user should see and does not; a night that writes must not lose more of it
    #: records that this user sees, by the CRM's own word; may be a few only
    visible: Mapping[str, int] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)  #: Meaning -> how the CRM defines it now, in its own words
    skew: int | None = None  #: this machine's clock minus the login server's, seconds; None where nothing tells
    notes: tuple[str, ...] = ()  #: what is missing and which feature that degrades, one sentence each
    absent: Mapping[str, str] = field(default_factory=dict)  #: criterion of [scope] -> why this CRM cannot tell
    offered: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: criterion -> values by the CRM's own definition


@dataclass(frozen=True, slots=True)
class Whole:
    """These parents have no other children of a page's kind than the page's rows: what else is held of them is gone."""

    column: str  #: the children's field that names the parent
    parents: Sequence[str]
    where: Mapping[str, str] = field(default_factory=dict)  #: only children with these values


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of one kind, to be saved in one transaction.

    `rows` hold one tuple a record in the order of `records.columns(kind)`. `watermark` is set on the last page of a
    stream only: everything changed before it (seconds) has been delivered.
    """

    stream: str  #: where it came from, the CRM's own word; several streams may fill one kind
    kind: str  #: a key of records.KINDS
    rows: Sequence[tuple[Any, ...]]
    watermark: int | None = None
    odd: Mapping[str, int] = field(default_factory=dict)  #: oddity -> count: values that were mended or left out
    whole: Whole | None = None
    resume: str = ""  #: where this stream goes on if the night ends after this page; given back by `Known.resume`


@dataclass(frozen=True, slots=True)
class Patch:
    """New values of some fields of records that are held; what is not held is passed over."""

    stream: str
    kind: str
    columns: Sequence[str]  #: "id" first
    rows: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Listing:
    """Ids of records that exist now. After the last one of a kind, what was not among them is gone."""

    stream: str
    kind: str
    ids: Sequence[str]
    last: bool = False


Pulled = Page | Patch | Listing


class Known(Protocol):
    """What the database holds, for connectors that find changes by comparing."""

    def zones(self) -> Mapping[str, str]:
        """Return time zones of owners known from earlier nights."""
        ...

    def missing(self, kind: str, ids: Sequence[str]) -> set[str]:
        """Return those of `ids` that are not held, or held as deleted."""
        ...

    def recent(self, kind: str) -> Iterator[Sequence[str]]:
        """Return ids, in order, of held records whose links still matter: activities of the scoring window."""
        ...

    def resume(self, stream: str) -> str:
        """Tell what the last `Page.resume` of an unfinished stream said; empty for none."""
        ...


@dataclass(frozen=True, slots=True)
class Sending:
    """Said before these accounts are sent, so that the ledger can be committed first.

    `token` names work that goes on by itself after the call, such as a bulk job; `reread` waits for its end.
    """

    account_ids: tuple[str, ...]
    token: str = ""


class Crm(Protocol):
    """One org of one CRM. Every method raises `CrmError` and nothing else for what the CRM does.

    Vendor words never cross this line: kinds and fields are those of `scoring.records`.
    """

    name: str  #: "salesforce", "hubspot"

    @property
    def calls(self) -> int:
        """API calls made so far, retries included."""
        ...

    def check(self) -> Check:
        """Log in and look around. Read-only. Raises if a night cannot succeed."""
        ...

    def pull(self, since: Mapping[str, int], known: Known) -> Iterator[Pulled]:
        """Return everything changed at or after `since[stream]` (all, for an absent stream), deleted records included.

        Streams come in an order in which lookups precede their users, pages of one stream together, its watermark with
        the last (an empty page if nothing changed). Delivering a record twice is allowed, leaving one out is not.
        """
        ...

    def ids(self, kind: str) -> Iterator[Sequence[str]] | None:
        """Return ids of all records of `kind` that exist now, in batches: what is not among them is gone.

        None where the CRM has no such list, because these records come and go with their parents.
        """
        ...

    def write(self, updates: Sequence[FieldUpdate]) -> Iterator[Sending | WriteResult]:
        """Set our fields on existing accounts, in the order of `account_id`; exactly one result a row.

        Yields `Sending` before each call; the caller may commit before it asks for the next value. Never creates, never
        deletes, never touches a field that is not ours. One row's refusal does not stop the others.
        """
        ...

    def reread(self, account_ids: Sequence[str], token: str = "") -> Iterator[tuple[str, str]]:
        """Wait until what `token` names has ended, then our fields of these accounts as they are now, straight from the records.

        (account id, canonical JSON as in `Account.ours`); accounts that are gone are left out. Read-only but for ending a
        job that was never started.
        """
        ...


class SchemaAdmin(Protocol):
    """Our fields in the CRM; used by an admin's login only, never by the night. Rows are (thing, its state)."""

    def show(self) -> Sequence[tuple[str, str]]:
        """What is to be done for each of our fields ("exists", "create", "grant access", "differs: ...") and their access."""
        ...

    def apply(self) -> Sequence[tuple[str, str]]:
        """Create what is missing and give the nightly user access; idempotent. What was done."""
        ...

    def in_use(self) -> Sequence[tuple[str, str]]:
        """Tell what there is of ours, and who uses it: records with values, people, set-up that refers to it."""
        ...

    def remove(self) -> Sequence[tuple[str, str]]:
        """Take it all away, values included; what the CRM refuses is "left: ..." in its own words. What was done."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...
