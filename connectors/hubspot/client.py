"""One HubSpot portal behind the `Crm` port."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.errors import CrmError, FieldMissing, Forbidden, Refused
from connectors.hubspot import activities, mapping, schema, scope_fields, sdk, write
from connectors.hubspot.api import Api
from connectors.hubspot.budget import Budget
from connectors.hubspot.config import HOSTS, HubSpotConfig
from connectors.hubspot.errors import NAME, explain
from connectors.hubspot.pull import Pull
from connectors.hubspot.sheet import Context
from connectors.hubspot.streams import ACTIVITIES, FAMILY, PRODUCTS, STREAMS, Stream
from connectors.keyed import Keyed, address
from connectors.port import Check, Known, Listing, Page, Pulled, Sending
from connectors.scope_fields import Traits
from connectors.transport import Transport
from scoring.records import KINDS, FieldUpdate, WriteResult

#: a burst window is waited out, several times if need be
ATTEMPTS = 10
#: kinds of account that are no customer's own portal
TEST_PORTALS = ("SANDBOX", "DEVELOPER_TEST", "APP_DEVELOPER")
#: properties without which a type says nothing
REQUIRED = {"companies": ("name", "hubspot_owner_id"), "deals": ("dealstage", "amount", "closedate")}
WRITE_SCOPE = "crm.objects.companies.write"


class HubSpotCrm:
    """Reads a portal and writes our properties; see `connectors.port.Crm` for what each method keeps."""

    name = NAME

    def __init__(self, config: HubSpotConfig, sleep: Callable[[float], None] = time.sleep) -> None:
        self.config = config
        self.budget = Budget(config.quota_share, config.quota_stop, sleep=sleep)
        self.transport = Transport(
            NAME,
            explain,
            hosts=HOSTS,
            allow_hosts=config.allow_hosts,
            ca_file=config.ca_file,
            before_call=self.budget.before_call,
            after_response=self.budget.after_response,
            attempts=ATTEMPTS,
        )
        self.api = Api(config, self.transport, sleep)
        self.sdk = sdk.client(config, self.transport)
        self.properties: dict[str, dict[str, Any]] = {}  #: type -> its property definitions, read once a run
        self.zone, self.currency = "UTC", "USD"
        self.traits = Traits()
        self.notes: list[str] = []
        self.lacking: list[str] = []  #: types that this key does not open

    @property
    def calls(self) -> int:
        return self.transport.calls

    def close(self) -> None:
        """Give the connections back; nothing can be asked afterwards."""
        self.api.close()
        self.transport.close()

    # ---- check ------------------------------------------------------------------------------------------------------

    def check(self) -> Check:
        account = self.api.call("GET", "/account-info/{date}/details").json()
        now = self.api.now
        self.zone = str(account.get("timeZone") or "UTC")
        self.currency = str(account.get("companyCurrency") or "USD")
        scopes = self.scopes()
        for stream in STREAMS:
            self.look_at(stream, scopes)
        self.look_for_traits()
        return Check(
            org_id=str(account["portalId"]),
            org_name=f"HubSpot portal {account['portalId']}",
            sandbox=account.get("accountType") in TEST_PORTALS,
            currency=self.currency,
            now=now,
            calls_used=self.budget.used,
            calls_allowed=self.budget.allowed,
            unwritable=self._unwritable(scopes),
            lacking=(*self.lacking, *self._unseen()),
            notes=tuple(self.notes),
            fields=write.fingerprint(self.properties[schema.OBJECT]),
            absent=self.traits.absent,
            offered=self.traits.offered,
        )

    def scopes(self) -> set[str] | None:
        """Tell what the key may do, as HubSpot itself says; None where it does not say."""
        try:
            path = "/oauth/v2/private-apps/get/access-token-info"
            return set(self.api.call("POST", path, json={"tokenKey": self.config.token}).json().get("scopes") or ()) or None
        except (Refused, Forbidden):
            return None

    def look_at(self, stream: Stream, scopes: set[str] | None) -> None:
        """Learn a type's properties once; raise for what is required, note what its absence degrades."""
        if scopes is not None and stream.scopes and not scopes & set(stream.scopes):
            self._without(stream, f"the key lacks the scope {' or '.join(stream.scopes)}")
            return
        try:
            definitions = self.sdk.crm.properties.core_api.get_all(stream.type).results
        except (Forbidden, Refused) as error:
            if stream.needed:
                raise
            self._without(stream, error.args[0])
            return
        self.properties[stream.type] = {p.name: p for p in definitions}
        missing = [p for p in REQUIRED.get(stream.type, ()) if p not in self.properties[stream.type]]
        if missing:
            raise FieldMissing(
                f"{stream.type}: property {', '.join(missing)} is not there for this key",
                crm=NAME,
                fix="restore it (Settings > Properties), or give the key access to it",
            )

    def look_for_traits(self) -> None:
        """Find where this portal holds what [scope] asks for; after `look_at` has learned the properties of companies."""
        self.traits = scope_fields.found(self.config.traits, self.properties.get(schema.OBJECT, {}))

    def _without(self, stream: Stream, why: str) -> None:
        if stream.needed:
            raise Forbidden(
                f"{stream.type}: {why}",
                crm=NAME,
                fix="add it to the service key in the portal (Development > Keys), see docs/hubspot.md",
            )
        self.lacking.append(stream.type)
        self.notes.append(f"{stream.type} are not read ({why}): {stream.absent}")

    def _unseen(self) -> list[str]:
        """Return our properties that are not there: never made, or archived."""
        return [f"{schema.OBJECT}.{name}" for name in schema.NAMES.values() if name not in self.properties[schema.OBJECT]]

    def _unwritable(self, scopes: set[str] | None) -> tuple[str, ...]:
        """Return our properties that are absent, or lack a value that we write; all of them without the scope."""
        if scopes is not None and WRITE_SCOPE not in scopes:
            self.notes.append(f"the key lacks the scope {WRITE_SCOPE}: nothing can be written")
            return tuple(f.meaning for f in schema.WRITTEN)
        there = self.properties[schema.OBJECT]
        faults = {f.meaning: schema.fault(f, there.get(schema.NAMES[f.meaning])) for f in schema.WRITTEN}
        return tuple(f"{meaning} ({why})" for meaning, why in faults.items() if why)

    # ---- pull -------------------------------------------------------------------------------------------------------

    def pull(self, since: Mapping[str, int], known: Known) -> Iterator[Pulled]:
        salt = self.config.subject_salt
        asked = {name: found for name, found in self.traits.fields.items() if found}
        context = Context(Keyed(salt), Keyed(salt, address), zone=self.zone, traits=asked)
        yield from self._lookups(context)
        names = {type_: frozenset(found) for type_, found in self.properties.items()}
        pull = Pull(self.api, context, known, names)
        streams = [s for s in STREAMS if s.type in self.properties]
        for stream in streams:
            yield from pull.stream(stream, since.get(pull.named(stream)))
        old = [s for s in streams if s in ACTIVITIES and s.type in since]
        if old:
            yield from pull.relinked(old)

    def _lookups(self, context: Context) -> Iterator[Pulled]:
        """Read owners, stages and rates, which are small, in full every night; a stage that is not among them is gone."""
        now = self.api.now
        yield Page("owners", "owner", [mapping.owner(o, context) for o in self._owners()], now)
        pipelines = self.sdk.crm.pipelines.pipelines_api.get_all("deals").results
        ordered = sorted(pipelines, key=lambda p: (p.display_order, p.id))
        stages = [mapping.stage(p, n, s, context) for n, p in enumerate(ordered) for s in p.stages]
        yield Listing("pipelines", "stage", [row[0] for row in stages], last=True)
        yield Page("pipelines", "stage", stages, now)
        yield Page("currencies", "currency_rate", self._rates(), now)
        context.families = self._families()

    def _owners(self) -> Iterator[Any]:
        """Active and deactivated ones: records keep pointing at both."""
        for archived in (False, True):
            after: str | None = None
            while True:
                place = {"after": after} if after else {}
                page = self.sdk.crm.owners.owners_api.get_page(limit=100, archived=archived, **place)
                yield from page.results
                after = page.paging.next.after if page.paging and page.paging.next else None
                if after is None:
                    break

    def _rates(self) -> list[tuple[Any, ...]]:
        """Tell what other currencies are worth in the portal's own; a portal with one currency has none."""
        own = [mapping.currency(self.currency, 1.0, self.currency)]
        try:
            offered = self.api.call("GET", "/settings/currencies/{date}/exchange-rates/current").json().get("results", ())
        except (Refused, Forbidden):
            return own
        rates = {r["fromCurrencyCode"]: float(r["conversionRate"]) for r in offered if r["toCurrencyCode"] == self.currency}
        others = [mapping.currency(code, rate, self.currency) for code, rate in sorted(rates.items()) if rate > 0]
        return [*own, *(row for row in others if row[0] != self.currency)]

    def _families(self) -> dict[str, str]:
        """Product -> family, from the first property of that sense that is filled."""
        if "line_items" not in self.properties:
            return {}
        by_product: dict[str, str] = {}
        try:
            for records, _ in self.api.pages(PRODUCTS, FAMILY):
                families = {str(r["id"]): next((v for n in FAMILY if (v := r["properties"].get(n))), "") for r in records}
                by_product |= {product: family for product, family in families.items() if family}
        except (Refused, Forbidden):
            return {}
        return by_product

    def ids(self, kind: str) -> Iterator[Sequence[str]] | None:
        if kind not in KINDS:
            raise CrmError(f"unknown kind {kind}", crm=NAME)
        if kind == "owner":
            return iter([[str(o.id) for o in self._owners()]])
        streams = [s for s in STREAMS if s.kind == kind and s.type in self.properties]
        return self._listed(streams) if streams else None

    def _listed(self, streams: Sequence[Stream]) -> Iterator[Sequence[str]]:
        for stream in streams:
            named = stream in ACTIVITIES
            for records, _ in self.api.pages(stream.type, [stream.stamp]):
                yield [activities.activity_id(stream.type, str(r["id"])) if named else str(r["id"]) for r in records]

    # ---- write ------------------------------------------------------------------------------------------------------

    def write(self, updates: Sequence[FieldUpdate]) -> Iterator[Sending | WriteResult]:
        yield from write.write(self.api, updates)

    def reread(self, account_ids: Sequence[str], token: str = "") -> Iterator[tuple[str, str]]:
        wanted = set(account_ids)
        yield from (found for found in write.reread(self.api, account_ids) if found[0] in wanted)
