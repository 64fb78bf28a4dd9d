"""A Salesforce org as a doctor sees it; see `connectors.diagnosis.Diagnosis`."""

import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime

from connectors.diagnosis import Identity, Quota, Trouble
from connectors.errors import CrmError, Unavailable
from connectors.salesforce import permissions, schema, sharing
from connectors.salesforce.bulk import MAX_RECORDS
from connectors.salesforce.client import SalesforceCrm
from connectors.salesforce.config import HOSTS
from connectors.salesforce.errors import NAME
from connectors.salesforce.granting import query
from connectors.salesforce.sharing import Reach
from connectors.salesforce.streams import STREAMS
from connectors.transport import Transport

#: calls of a night besides data: login, describes, what `check` looks at
LOOKING = 35
#: what is seen of activities; the last one needs no EmailMessage, which not every org has
COUNTED = {
    "meetings": "SELECT COUNT() FROM Event WHERE ActivityDate = LAST_N_DAYS:{days} AND IsChild = false",
    "calls": "SELECT COUNT() FROM Task WHERE ActivityDate = LAST_N_DAYS:{days} AND TaskSubtype = 'Call'",
    "e-mails": "SELECT COUNT() FROM Task WHERE ActivityDate = LAST_N_DAYS:{days} AND TaskSubtype = 'Email'",
    "tasks": "SELECT COUNT() FROM Task WHERE ActivityDate = LAST_N_DAYS:{days} AND TaskSubtype = 'Task'",
}
GRANT = "run `assay schema apply --yes` as an admin, or add it to the permission set Assay_Integration and assign that to the user"


SHARE = "share the accounts with the integration user for editing, or grant Modify All on Account (access modes)"
PRIVATE = "if there are some, activities are private: grant View All Data (access modes)"


def _record_fix(what: str) -> tuple[str, bool]:
    """Tell how to open records, and whether their absence is grave: a firm may well have no event, but not no account."""
    if what.startswith(("Task", "Event")):
        return PRIVATE, False
    return (SHARE, True) if "edit" in what else (GRANT, not what.startswith("Contact"))


class SalesforceDiagnosis:
    name, guide = NAME, "docs/salesforce.md"

    def __init__(self, crm: SalesforceCrm) -> None:
        self.crm, self.session = crm, crm.session
        self.reach = Reach({})
        crm.transport.attempts = 2  # a doctor does not wait for better times
        crm.budget.share = crm.budget.stop = 1.0  # and comes when there is little left

    def clock(self) -> int | None:
        """Return the login server's own Date; its answer is a refusal, because nothing is asked of it."""
        config = self.crm.config
        plain = Transport(
            NAME, lambda _: None, hosts=HOSTS, allow_hosts=config.allow_hosts, ca_file=config.ca_file, attempts=2
        )
        try:
            response = plain.request("POST", config.login_url.rstrip("/") + "/services/oauth2/token", content=b"")
        finally:
            plain.close()
        said = response.headers.get("date")
        return None if said is None else round(time.time() - parsedate_to_datetime(said).timestamp())

    def login(self) -> None:
        self.session.login()

    def identity(self) -> Identity:
        """Raises where the API is closed to this user."""
        self.crm.choose_version()
        _, found = self.crm.organization()
        user = self.session.call("GET", "/services/oauth2/userinfo").json()["preferred_username"]
        return Identity(found["Id"], found["Name"], bool(found["IsSandbox"]), user)

    def permissions(self) -> Sequence[Trouble]:
        crm, troubles = self.crm, list[Trouble]()
        crm.objects = crm.queryable()
        for stream in filter(crm.wanted, STREAMS):
            try:
                crm.look_at(stream)
            except CrmError as error:
                troubles.append(Trouble(str(error.args[0]), GRANT))
        visible = {name: fields.keys() for name, fields in crm.fields.items()}
        named = " ".join(t.what for t in troubles)
        for path in permissions.lacking(visible):
            if path in permissions.OPTIONAL:  # hidden or not there: nothing tells, and the night goes on without
                continue
            if not all(part in named for part in path.split(".")):
                troubles.append(Trouble(f"{path} is not visible to this user", GRANT, grave=False))
        return troubles

    def records(self) -> Sequence[Trouble]:
        self.reach = sharing.reach(self.session, self.crm.fields.keys() & self.crm.objects)
        troubles = [Trouble(what, *_record_fix(what)) for what in self.reach.lacking()]
        partly = self.reach.note() if self.reach.editable else ""
        return [*troubles, *([Trouble(partly, SHARE, grave=False)] if partly else [])]

    def scope(self) -> Mapping[str, str]:
        self.crm.look_for_traits()
        return self.crm.traits.absent

    def fields(self) -> Sequence[Trouble]:
        account = self.crm.fields.get(schema.OBJECT, {})
        absent = [schema.NAMES[f.meaning] for f in schema.FIELDS if schema.NAMES[f.meaning] not in account]
        troubles = [Trouble(f"absent or hidden: {', '.join(absent)}", GRANT)] if absent else []
        for field in schema.FIELDS:
            described = account.get(schema.NAMES[field.meaning])
            wrong = schema.fault(field, described) if described else ""
            if wrong:
                troubles.append(
                    Trouble(
                        f"{schema.NAMES[field.meaning]} {wrong}",
                        "put the field's type and values back as `assay schema export` writes them",
                    )
                )
            elif described and field.written and not described["updateable"]:
                troubles.append(Trouble(f"{schema.NAMES[field.meaning]} is read-only for this user", GRANT))
        return troubles

    def quota(self) -> Quota:
        budget, sizes = self.crm.budget, self.reach.seen
        first = LOOKING + sum(5 + rows // MAX_RECORDS for rows in sizes.values()) + 5 * (len(STREAMS) - len(sizes))
        writes = -(-sizes.get("Account", 0) // (20 * 200))  # one account in twenty, two hundred a call
        return Quota(budget.used, budget.allowed, first, LOOKING + len(STREAMS) + writes)

    def coverage(self, days: int) -> Mapping[str, int]:
        counts: dict[str, int] = {}
        for kind, text in COUNTED.items():
            try:
                path = self.session.data("/query")
                counts[kind] = int(self.session.call("GET", path, params={"q": text.format(days=days)}).json()["totalSize"])
            except Unavailable:
                raise
            except CrmError:
                continue  # an object or field that this user does not see; the permissions say so
        if "EmailMessage" in self.crm.fields:
            text = f"SELECT COUNT(Id) n FROM EmailMessage WHERE MessageDate = LAST_N_DAYS:{days:d}"  # noqa: S608 a number
            counts["e-mails"] = max(counts.get("e-mails", 0), int(query(self.session, text)[0]["n"]))
        return counts

    def close(self) -> None:
        self.crm.close()
