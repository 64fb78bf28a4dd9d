"""A HubSpot portal as a doctor sees it; see `connectors.diagnosis.Diagnosis`."""

from collections.abc import Mapping, Sequence

from connectors.diagnosis import Identity, Quota, Trouble
from connectors.errors import CrmError
from connectors.hubspot import schema
from connectors.hubspot.api import HISTORY_PAGE, LINKS, PAGE
from connectors.hubspot.client import TEST_PORTALS, WRITE_SCOPE, HubSpotCrm
from connectors.hubspot.errors import NAME
from connectors.hubspot.streams import STREAMS

#: calls of a night besides data: scopes, definitions, owners, pipelines, rates
LOOKING = 25
KEY = "edit the service key in the portal (Development > Keys), see docs/hubspot.md"
APPLY = "run `assay schema apply --yes` with a key that has crm.schemas.companies.write"
KINDS = {"meetings": "meetings", "calls": "calls", "emails": "e-mails", "tasks": "tasks"}


class HubSpotDiagnosis:
    name, guide = NAME, "docs/hubspot.md"

    def __init__(self, crm: HubSpotCrm) -> None:
        self.crm, self.sizes = crm, dict[str, int]()
        crm.transport.attempts = 2  # a doctor does not wait for better times
        crm.budget.share = crm.budget.stop = 1.0  # and comes when there is little left

    def clock(self) -> int | None:
        """A key has no clock."""
        return None

    def login(self) -> None:
        self.crm.api.call("GET", "/account-info/{date}/details")

    def identity(self) -> Identity:
        account = self.crm.api.call("GET", "/account-info/{date}/details").json()
        return Identity(
            str(account["portalId"]),
            f"HubSpot portal {account['portalId']}",
            account.get("accountType") in TEST_PORTALS,
            "service key",
        )

    def permissions(self) -> Sequence[Trouble]:
        crm, found = self.crm, list[Trouble]()
        scopes = crm.scopes()
        for stream in STREAMS:
            before = len(crm.notes)
            try:
                crm.look_at(stream, scopes)
            except CrmError as error:
                found.append(Trouble(str(error.args[0]), error.fix or KEY))
            found += [Trouble(note, KEY, grave=False) for note in crm.notes[before:]]
        if scopes is not None and WRITE_SCOPE not in scopes:
            found.append(Trouble(f"the key lacks the scope {WRITE_SCOPE}: nothing can be written", KEY, grave=False))
        return found

    def records(self) -> Sequence[Trouble]:
        """A key sees every record of the types it may read."""
        return ()

    def scope(self) -> Mapping[str, str]:
        self.crm.look_for_traits()
        return self.crm.traits.absent

    def fields(self) -> Sequence[Trouble]:
        definitions = self.crm.properties.get(schema.OBJECT, {})
        absent = [schema.NAMES[f.meaning] for f in schema.FIELDS if schema.NAMES[f.meaning] not in definitions]
        troubles = [Trouble(f"absent or archived: {', '.join(absent)}", APPLY)] if absent else []
        for field in schema.FIELDS:
            definition = definitions.get(schema.NAMES[field.meaning])
            wanted = schema.definition(field)["type"]
            if definition is not None and definition.type != wanted:
                troubles.append(
                    Trouble(
                        f"{schema.NAMES[field.meaning]} is {definition.type}, not {wanted}",
                        "give the property its type back",
                    )
                )
            elif definition is not None and (why := schema.fault(field, definition)):
                troubles.append(Trouble(f"{schema.NAMES[field.meaning]} {why}", APPLY))
        return troubles

    def quota(self) -> Quota:
        """First night: a list call for every hundred records. Later ones list ids, search what changed, read links again."""
        for stream in STREAMS:
            if stream.type in self.crm.properties and stream.type not in self.sizes:
                self.sizes[stream.type] = self._count(stream.type, [])
        first, later = LOOKING, LOOKING + -(-self.sizes.get(schema.OBJECT, 0) // (20 * PAGE))  # one in twenty is written
        for stream in STREAMS:
            rows = self.sizes.get(stream.type, 0)
            first += -(-rows // (HISTORY_PAGE if stream.history else PAGE))
            later += (-(-rows // PAGE) if stream.listed else 1) + len(stream.moving) * -(-rows // LINKS)
        return Quota(self.crm.budget.used, self.crm.budget.allowed, first, later)

    def coverage(self, days: int) -> Mapping[str, int]:
        since = (self.crm.api.now - days * 86_400) * 1000
        recent = [{"propertyName": "hs_timestamp", "operator": "GTE", "value": str(since)}]
        return {kind: self._count(type_, recent) for type_, kind in KINDS.items() if type_ in self.crm.properties}

    def _count(self, type_: str, filters: Sequence[Mapping[str, str]]) -> int:
        """Return the total of a search that asks for one record."""
        body = {"filterGroups": [{"filters": list(filters)}] if filters else [], "limit": 1}
        return int(self.crm.api.call("POST", f"/crm/objects/{{date}}/{type_}/search", json=body).json()["total"])

    def close(self) -> None:
        self.crm.close()
