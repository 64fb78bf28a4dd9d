"""Which records the running user reaches, beyond what objects and fields allow: sharing (docs/facts/salesforce.md, "Record access")."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.salesforce import soql
from connectors.salesforce.session import Session

#: records of one UserRecordAccess query ("UserRecordAccess", object reference)
SAMPLE = 200
#: what opens an object's records to somebody who owns none of them
OPENERS = {
    "Account": "View All on Account, or a sharing rule",
    "Contact": "View All on Contact",
    "Opportunity": "View All on Opportunity",
    "Task": "View All Data, where activities are private",
    "Event": "View All Data, where activities are private",
}


@dataclass(frozen=True, slots=True)
class Reach:
    """How many records of each object are visible (of activities only whether there are any: counting millions takes too long);
    of `sampled` accounts `editable` ones may be written."""

    seen: Mapping[str, int]
    sampled: int = 0
    editable: int = 0

    def lacking(self) -> list[str]:
        """Tell what is lost as a whole, in words that stay the same from night to night."""
        lost = [f"{name}: not one record ({OPENERS[name]})" for name, count in self.seen.items() if not count]
        return lost + (["Account: edit of any record"] if self.sampled and not self.editable else [])

    def note(self) -> str:
        """Return a part of the accounts that is read and cannot be written; empty if there is none."""
        closed = self.sampled - self.editable
        return (
            f"{closed} of {self.sampled} sampled accounts are not this user's to edit and will be refused" if closed else ""
        )


def reach(session: Session, known: Collection[str]) -> Reach:
    """Look at some records of each object: four calls."""
    names = [n for n in OPENERS if n in known]
    query = f"SELECT Id FROM Account LIMIT {SAMPLE}"  # noqa: S608 a constant
    accounts = [r["Id"] for r in session.call("GET", session.data("/query"), params={"q": query}).json()["records"]]
    return Reach(_seen(session, names), len(accounts), _editable(session, accounts) if accounts else 0)


def _seen(session: Session, names: Sequence[str]) -> dict[str, int]:
    """Map object -> records; one composite call may hold five queries ("Composite", REST API guide)."""
    requests = [{"method": "GET", "referenceId": n, "url": session.data(f"/query?q=SELECT+{_what(n)}")} for n in names]
    answer = session.call("POST", session.data("/composite"), json={"allOrNone": False, "compositeRequest": requests})
    bodies: dict[str, Any] = {r["referenceId"]: r["body"] for r in answer.json()["compositeResponse"]}
    return {n: int(bodies[n]["totalSize"]) for n in names if isinstance(bodies[n], dict)}


def _what(name: str) -> str:
    return f"Id+FROM+{name}+LIMIT+1" if name in ("Task", "Event") else f"COUNT()+FROM+{name}"


def _editable(session: Session, accounts: list[str]) -> int:
    user = session.call("GET", "/services/oauth2/userinfo").json()["user_id"]
    ids = ", ".join(map(soql.text, accounts))
    where = f"UserId = {soql.text(user)} AND RecordId IN ({ids})"
    query = f"SELECT RecordId, HasEditAccess FROM UserRecordAccess WHERE {where}"  # noqa: S608 ids of the org itself
    records = session.call("GET", session.data("/query"), params={"q": query}).json()["records"]
    return sum(bool(r["HasEditAccess"]) for r in records)
