"""One Salesforce org behind the `Crm` port."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.errors import CrmError, FieldMissing
from connectors.keyed import Keyed, address
from connectors.port import Check, Known, Pulled, Sending
from connectors.salesforce import permissions, schema, scope_fields, sharing, write
from connectors.salesforce.budget import Budget
from connectors.salesforce.config import HOSTS, SalesforceConfig
from connectors.salesforce.errors import NAME, explain
from connectors.salesforce.pull import Pull
from connectors.salesforce.session import Session, server_time
from connectors.salesforce.sheet import Context
from connectors.salesforce.streams import STREAMS, Stream
from connectors.scope_fields import Traits
from connectors.transport import Transport
from scoring.records import KINDS, FieldUpdate, WriteResult


class SalesforceCrm:
    """Reads an org and writes our fields; see `connectors.port.Crm` for what each method keeps."""

    name = NAME

    def __init__(self, config: SalesforceConfig, sleep: Callable[[float], None] = time.sleep) -> None:
        self.config, self.sleep = config, sleep
        self.budget = Budget(config.quota_share, config.quota_stop)
        self.transport = Transport(
            NAME,
            explain,
            hosts=HOSTS,
            allow_hosts=config.allow_hosts,
            ca_file=config.ca_file,
            before_call=self.budget.before_call,
            after_response=self._after_response,
        )
        self.session = Session(config, self.transport)
        self.fields: dict[str, dict[str, Any]] = {}  #: object -> its describe, read once a run
        self.objects: set[str] = set()  #: objects that this user may query
        self.reach = sharing.Reach({})
        self.traits = Traits()
        self.notes: list[str] = []
        self.skew: int | None = None

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
            org_id=organization["Id"],
            org_name=organization["Name"],
            sandbox=bool(organization["IsSandbox"]),
            currency=features.get("defaultCurrencyIsoCode") or self._corporate_currency(),
            now=now,
            calls_used=self.budget.used,
            calls_allowed=self.budget.allowed,
            unwritable=self._unwritable(),
            lacking=tuple(self.lacking()),
            visible=self.reach.seen,
            notes=tuple(self.notes),
            fields=write.fingerprint(self.fields[schema.OBJECT]),
            skew=self.skew,
            absent=self.traits.absent,
            offered=self.traits.offered,
        )

    def choose_version(self) -> None:
        """Choose the configured version, or the newest one the org has."""
        offered = [v["version"] for v in self.session.call("GET", "/services/data").json()]
        wanted = self.config.api_version
        if wanted not in offered:
            self.session.version = max((v for v in offered if float(v) < float(wanted)), key=float, default=offered[-1])
            self.notes.append(f"API version {wanted} is not offered by this org, {self.session.version} is used")

    def organization(self) -> tuple[int, dict[str, Any]]:
        path = self.session.data("/query")
        response = self.session.call("GET", path, params={"q": "SELECT Id, Name, IsSandbox FROM Organization"})
        return server_time(response), response.json()["records"][0]

    def _corporate_currency(self) -> str:
        query = "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true"
        records = self.session.call("GET", self.session.data("/query"), params={"q": query}).json()["records"]
        return str(records[0]["IsoCode"]) if records else "USD"

    def queryable(self) -> set[str]:
        listing = self.session.control(lambda sdk: sdk.describe())
        return {o["name"] for o in listing["sobjects"] if o.get("queryable", True)}

    def wanted(self, stream: Stream) -> bool:
        return self.config.objects is None or stream.entity in self.config.objects

    def look_at(self, stream: Stream) -> None:
        """Describe an object once; raise for what is required, note what its absence degrades."""
        if stream.entity not in self.objects:
            if stream.needed:
                raise FieldMissing(
                    f"object {stream.entity} is not visible to this user",
                    crm=NAME,
                    fix="assign the permission set Assay_Integration; see docs/salesforce.md",
                )
            if stream.absent:
                self.notes.append(f"{stream.entity} is not there: {stream.absent}")
            return
        fields = self._describe(stream.entity)
        missing = [f for f in stream.required if f not in fields]
        if missing:
            raise FieldMissing(
                f"{stream.entity}: field {', '.join(missing)} is not visible to this user",
                crm=NAME,
                fix="give the user read access to it (permission set Assay_Integration)",
            )
        for name, loss in stream.optional.items():
            if loss and not self._has(stream.entity, name):
                self.notes.append(f"{stream.entity}.{name} is not visible: {loss}")

    def look_for_traits(self) -> None:
        """Find where this org holds what [scope] asks for; after `look_at` has described Account."""
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
        """Tell what the permission set grants and this user does not have, after `check` has looked at the objects."""
        wanted = self.config.objects
        visible = {name: fields.keys() for name, fields in self.fields.items()}
        missing = permissions.lacking(visible)
        missing = [path for path in missing if wanted is None or path.partition(".")[0] in (*wanted, schema.OBJECT)]
        return missing + self.reach.lacking()

    # ---- pull -------------------------------------------------------------------------------------------------------

    def pull(self, since: Mapping[str, int], known: Known) -> Iterator[Pulled]:
        pull = self._pull()
        salt = self.config.subject_salt
        context = Context(Keyed(salt), Keyed(salt, address), dict(known.zones()), traits=pull.besides(schema.OBJECT))
        yield from pull.all(self._readable(), since, context)

    def ids(self, kind: str) -> Iterator[Sequence[str]]:
        if kind not in KINDS:
            raise CrmError(f"unknown kind {kind}", crm=NAME)
        for stream in self._readable():
            if stream.kind == kind:
                yield from self._pull().ids(stream)

    def _pull(self) -> Pull:
        return Pull(self.session, self.fields, self._has, self.traits, self.sleep)

    def _readable(self) -> list[Stream]:
        return [s for s in STREAMS if s.entity in self.fields and self.wanted(s)]

    # ---- write ------------------------------------------------------------------------------------------------------

    def write(self, updates: Sequence[FieldUpdate]) -> Iterator[Sending | WriteResult]:
        yield from write.write(self.session, updates, self.sleep)

    def reread(self, account_ids: Sequence[str], token: str = "") -> Iterator[tuple[str, str]]:
        names = [n for n in schema.NAMES.values() if self._has(schema.OBJECT, n)]
        yield from write.reread(self.session, names, account_ids, token, self.sleep)

    def _after_response(self, response: Any) -> None:
        """Note what the login server's clock says, when it answers; the budget hears every answer."""
        self.budget.after_response(response)
        if "/services/oauth2/" in str(response.url) and "date" in response.headers:
            self.skew = round(time.time()) - server_time(response)
