"""One Salesforce org behind the `Crm` port."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.errors import CrmError, FieldMissing, Refused
from connectors.keyed import Keyed, address
from connectors.port import Check, Known, Page, Pulled, Sending
from connectors.salesforce import bulk, permissions, schema, scope_fields, sharing, soql, streams, write
from connectors.salesforce.budget import Budget
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.errors import NAME, code_of, explain
from connectors.salesforce.session import Session
from connectors.salesforce.sheet import Context
from connectors.salesforce.streams import STREAMS, Stream
from connectors.scope_fields import Traits
from connectors.scope_fields import stream as with_traits
from connectors.transport import Transport
from scoring.records import KINDS, FieldUpdate, WriteResult

#: rows become visible late with an earlier stamp; this much is read again (docs/adr/0003)
OVERLAP = 600
#: a delta up to here goes by REST, page after page; beyond by Bulk
REST_ROWS = 4_000
#: codes with which Bulk refuses an object that REST can read
BULK_REFUSES = ("INVALIDENTITY", "FEATURENOTENABLED", "API_ERROR")


class SalesforceCrm:
    """Reads an org and writes our fields; see `connectors.port.Crm` for what each method keeps."""

    name = NAME

    def __init__(self, config: SalesforceConfig, sleep: Callable[[float], None] = time.sleep) -> None:
        self.config, self.sleep = config, sleep
        self.budget = Budget(config.quota_share, config.quota_stop)
        self.transport = Transport(
            NAME, explain, allow_hosts=config.allow_hosts, ca_file=config.ca_file, admit=self.budget.admit,
            heard=self._heard,
        )  # fmt: skip
        self.session = Session(config, self.transport)
        self.fields: dict[str, dict[str, Any]] = {}  #: object -> its describe, read once a run
        self.objects: set[str] = set()  #: objects that this user may query
        self.reach = sharing.Reach({})
        self.traits = Traits()
        self.notes: list[str] = []
        self.skew: int | None = None
        self.begun: dict[str, tuple[int, str]] = {}  #: object -> server's time and address of its running job

    @property
    def calls(self) -> int:
        return self.transport.calls

    def close(self) -> None:
        """Give the connections back; nothing can be asked afterwards."""
        self.transport.close()

    # ---- check ------------------------------------------------------------------------------------------------------

    def check(self) -> Check:
        self.session.login()
        self.choose_version()
        now, organization = self.organization()
        features = self.session.call("GET", self.session.data("/connect/organization")).json().get("features", {})
        self.objects = self.queryable()
        for stream in filter(self.wanted, STREAMS):
            self.look_at(stream)
        self.look_for_traits()
        self.reach = sharing.reach(self.session, self.fields.keys() & self.objects)
        self.notes += filter(None, [self.reach.note()])
        return Check(
            org_id=organization["Id"], org_name=organization["Name"], sandbox=bool(organization["IsSandbox"]),
            currency=features.get("defaultCurrencyIsoCode") or self._corporate_currency(), now=now,
            calls_used=self.budget.used, calls_allowed=self.budget.allowed, unwritable=self._unwritable(),
            lacking=tuple(self.lacking()), visible=self.reach.seen, notes=tuple(self.notes),
            fields=write.fingerprint(self.fields[schema.OBJECT]), skew=self.skew, absent=self.traits.absent,
            offered=self.traits.offered,
        )  # fmt: skip

    def choose_version(self) -> None:
        """The configured version, or the newest one the org has."""
        offered = [v["version"] for v in self.session.call("GET", "/services/data").json()]
        wanted = self.config.api_version
        if wanted not in offered:
            self.session.version = max((v for v in offered if float(v) < float(wanted)), key=float, default=offered[-1])
            self.notes.append(f"API version {wanted} is not offered by this org, {self.session.version} is used")

    def organization(self) -> tuple[int, dict[str, Any]]:
        path = self.session.data("/query")
        response = self.session.call("GET", path, params={"q": "SELECT Id, Name, IsSandbox FROM Organization"})
        return _now(response), response.json()["records"][0]

    def _corporate_currency(self) -> str:
        query = "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true"
        found = self.session.call("GET", self.session.data("/query"), params={"q": query}).json()["records"]
        return str(found[0]["IsoCode"]) if found else "USD"

    def queryable(self) -> set[str]:
        listing = self.session.control(lambda sdk: sdk.describe())
        return {o["name"] for o in listing["sobjects"] if o.get("queryable", True)}

    def wanted(self, stream: Stream) -> bool:
        return self.config.objects is None or stream.entity in self.config.objects

    def look_at(self, stream: Stream) -> None:
        """Describe an object once; raise for what is required, note what its absence degrades."""
        if stream.entity not in self.objects:
            if stream.needed:
                raise FieldMissing(f"object {stream.entity} is not visible to this user", crm=NAME,
                                   fix="assign the permission set Assay_Integration; see docs/salesforce.md")  # fmt: skip
            if stream.absent:
                self.notes.append(f"{stream.entity} is not there: {stream.absent}")
            return
        found = self._describe(stream.entity)
        missing = [f for f in stream.required if f not in found]
        if missing:
            raise FieldMissing(
                f"{stream.entity}: field {', '.join(missing)} is not visible to this user", crm=NAME,
                fix="give the user read access to it (permission set Assay_Integration)",
            )  # fmt: skip
        for name, loss in stream.optional.items():
            if loss and not self._has(stream.entity, name):
                self.notes.append(f"{stream.entity}.{name} is not visible: {loss}")

    def look_for_traits(self) -> None:
        """Where this org holds what [scope] asks for; after `look_at` has described Account."""
        self.traits = scope_fields.found(self.config.traits, self.fields.get(schema.OBJECT, {}), self._has)

    def _describe(self, entity: str) -> dict[str, Any]:
        if entity not in self.fields:
            described = self.session.control(lambda sdk: getattr(sdk, entity).describe())
            self.fields[entity] = {f["name"]: f for f in described["fields"]}
        return self.fields[entity]

    def _has(self, entity: str, name: str) -> bool:
        """Whether a field, or a parent's field behind a dot, is visible."""
        head, _, rest = name.partition(".")
        if not rest:
            return name in self.fields.get(entity, {})
        link = next((f for f in self.fields.get(entity, {}).values() if f.get("relationshipName") == head), None)
        parent = link["referenceTo"][0] if link else ""
        return parent in self.objects and rest in self._describe(parent)

    def _unwritable(self) -> tuple[str, ...]:
        account = self.fields.get(schema.OBJECT, {})
        return tuple(f.meaning for f in schema.WRITTEN if not account.get(schema.NAMES[f.meaning], {}).get("updateable"))

    def lacking(self) -> list[str]:
        """What the permission set grants and this user does not have, after `check` has looked at the objects."""
        wanted = self.config.objects
        seen = {name: fields.keys() for name, fields in self.fields.items()}
        missing = permissions.lacking(seen)
        missing = [path for path in missing if wanted is None or path.partition(".")[0] in (*wanted, schema.OBJECT)]
        return missing + self.reach.lacking()

    # ---- pull -------------------------------------------------------------------------------------------------------

    def pull(self, since: Mapping[str, int], known: Known) -> Iterator[Pulled]:
        context = Context(
            Keyed(self.config.subject_salt), Keyed(self.config.subject_salt, address), dict(known.zones()),
            traits=self._besides(schema.OBJECT),
        )  # fmt: skip
        streams = [s for s in STREAMS if s.entity in self.fields and self.wanted(s)]
        try:
            self.begun = {s.entity: begun for s in streams if self._named(s) not in since and (begun := self._begin(s))}
            for stream in streams:
                yield from self._stream(stream, since.get(self._named(stream)), context)
        finally:
            for _, job in self.begun.values():
                bulk.remove(self.session, job)
            self.begun = {}

    def _begin(self, stream: Stream) -> tuple[int, str] | None:
        """Start a first load's job, so that the org works on all of them at once; None where REST is the way."""
        if stream.whole:
            return None
        try:
            return _now(self.session.call("GET", self.session.data(""))), bulk.start(self.session, self._soql(stream, None))
        except Refused as error:
            if code_of(error) not in BULK_REFUSES:
                raise
            return None

    def _soql(self, stream: Stream, since: int | None) -> str:
        filterable = {n for n, f in self.fields[stream.entity].items() if f["filterable"]}
        cursor = None if stream.whole else soql.cursor(filterable)
        return soql.select(
            stream.entity,
            self._selected(stream),
            since=(cursor, since) if cursor and since is not None else None,
            where=stream.where,
        )

    def _stream(self, stream: Stream, since: int | None, context: Context) -> Iterator[Page]:
        """A stream's pages; the last one carries the watermark."""
        text, name = self._soql(stream, since), self._named(stream)
        started: list[int] = []
        held: Page | None = None
        for columns, count in self._read(stream, text, since is not None, started):
            for rows in streams.rows(stream, columns, count, context):
                if held is not None:
                    yield held
                held = Page(name, stream.kind, rows, None, dict(context.odd))
                context.odd.clear()
        last = held or Page(name, stream.kind, ())
        yield Page(last.stream, last.kind, last.rows, max(0, started[0] - OVERLAP), last.odd)

    def _selected(self, stream: Stream) -> list[str]:
        ours = list(schema.NAMES.values()) if stream.entity == schema.OBJECT else []
        besides = [f for fields in self._besides(stream.entity).values() for f in fields]
        wanted = dict.fromkeys((*stream.required, *stream.optional, *ours, *besides))
        return [f for f in wanted if self._has(stream.entity, f)]

    def _besides(self, entity: str) -> dict[str, tuple[str, ...]]:
        """The criteria of [scope] that an object's records are asked for, with its fields."""
        return {name: fields for name, fields in self.traits.fields.items() if fields and entity == schema.OBJECT}

    def _named(self, stream: Stream) -> str:
        """The stream's name: another one where [scope] asks for more, so that its records are read again."""
        return with_traits(stream.entity, self._besides(stream.entity))

    def _read(self, stream: Stream, text: str, delta: bool, started: list[int]) -> Iterator[bulk.Table]:
        """Small answers by REST, large ones by Bulk; `started` receives the server's time before the query."""
        if stream.entity in self.begun:
            moment, address = self.begun.pop(stream.entity)
            started.append(moment)
            yield from self._pages(address)
            return
        response = self.session.call("GET", self.session.data("/queryAll"), params={"q": text})
        started.append(_now(response))
        body = response.json()
        if body["totalSize"] > REST_ROWS and not stream.whole:
            yield from self._bulk_first(text)
            return
        yield from self._records(body)

    def _bulk_first(self, text: str) -> Iterator[bulk.Table]:
        """Bulk; where it refuses the object, REST."""
        try:
            address = bulk.start(self.session, text)
        except Refused as error:
            if code_of(error) not in BULK_REFUSES:
                raise
            yield from self._rest(text)
            return
        yield from self._pages(address)

    def _pages(self, address: str) -> Iterator[bulk.Table]:
        try:
            yield from bulk.pages(self.session, address, self.sleep)
        finally:
            bulk.remove(self.session, address)

    def _rest(self, text: str) -> Iterator[bulk.Table]:
        yield from self._records(self.session.call("GET", self.session.data("/queryAll"), params={"q": text}).json())

    def _records(self, body: Any) -> Iterator[bulk.Table]:
        """A REST answer and the pages after it."""
        while True:
            yield _columns(body["records"])
            if body["done"]:
                return
            body = self.session.call("GET", body["nextRecordsUrl"]).json()

    def ids(self, kind: str) -> Iterator[Sequence[str]]:
        if kind not in KINDS:
            raise CrmError(f"unknown kind {kind}", crm=NAME)
        for stream in STREAMS:
            if stream.kind != kind or stream.entity not in self.fields or not self.wanted(stream):
                continue
            key = self._key(stream)
            text = soql.select(stream.entity, (key,), where=stream.where)
            source = self._rest(text) if stream.whole else self._bulk_first(text)
            for columns, _ in source:
                yield list(columns.get(key, ()))

    def _key(self, stream: Stream) -> str:
        """The field that becomes our record's id: names for stages and currencies, as other records refer to them."""
        if stream.kind == "currency_rate":
            return "IsoCode"
        if stream.kind == "stage":
            return "ApiName" if self._has(stream.entity, "ApiName") else "MasterLabel"
        return "Id"

    # ---- write ------------------------------------------------------------------------------------------------------

    def write(self, updates: Sequence[FieldUpdate]) -> Iterator[Sending | WriteResult]:
        yield from write.write(self.session, updates, self.sleep)

    def reread(self, account_ids: Sequence[str], token: str = "") -> Iterator[tuple[str, str]]:
        names = [n for n in schema.NAMES.values() if self._has(schema.OBJECT, n)]
        yield from write.reread(self.session, names, account_ids, token, self.sleep)

    def _heard(self, response: Any) -> None:
        """What the login server's clock says, when it answers; the budget hears every answer."""
        self.budget.heard(response)
        if "/services/oauth2/" in str(response.url) and "date" in response.headers:
            self.skew = round(time.time()) - _now(response)


def _now(response: Any) -> int:
    """The API's clock: its Date header."""
    return int(parsedate_to_datetime(response.headers["date"]).timestamp())


def _columns(records: Sequence[Mapping[str, Any]]) -> bulk.Table:
    """REST records as the columns of text that Bulk gives."""
    names = [n for n in records[0] if n != "attributes"] if records else []
    columns: dict[str, Sequence[str]] = {}
    for name in names:
        if any(isinstance(r[name], dict) for r in records):
            inner = {k for r in records if r[name] for k in r[name] if k != "attributes"}
            columns |= {f"{name}.{k}": [bulk.as_text((r[name] or {}).get(k)) for r in records] for k in inner}
        else:
            columns[name] = [bulk.as_text(r[name]) for r in records]
    return columns, len(records)
