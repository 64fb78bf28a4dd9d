"""Our permission sets in the org: what they grant, what they lack, whom they are assigned to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.errors import CrmError, Forbidden, Refused
from connectors.salesforce import soql
from connectors.salesforce.errors import NAME, code_of
from connectors.salesforce.permissions import USER, Grant, PermissionSet
from connectors.salesforce.session import Session

Record = dict[str, Any]
OBJECT_RIGHTS = ("Create", "Read", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords")
FIELD_RIGHTS = ("Read", "Edit")
#: records of one collection call
MAX_RECORDS = 200
TWICE = ("DUPLICATE_VALUE", "DUPLICATES_DETECTED")


class Granted:
    """One permission set as it is in the org; `id` is empty while there is none."""

    def __init__(self, session: Session, wanted: PermissionSet) -> None:
        self.session, self.wanted = session, wanted
        rights = ", ".join(f"Permissions{name}" for name in USER)
        records = query(session, f"SELECT Id, {rights} FROM PermissionSet WHERE Name = {soql.text(wanted.name)}")  # noqa: S608
        self.id = str(records[0]["Id"]) if records else ""
        self.user = {n for n in USER if records and records[0][f"Permissions{n}"]}
        self.objects = self._held("ObjectPermissions", "SobjectType", OBJECT_RIGHTS) if self.id else {}
        self.fields = self._held("FieldPermissions", "Field", FIELD_RIGHTS) if self.id else {}

    def _held(self, entity: str, key: str, rights: Sequence[str]) -> dict[str, Record]:
        names = ", ".join(f"Permissions{r}" for r in rights)
        where = f"ParentId = {soql.text(self.id)}"
        return {r[key]: r for r in query(self.session, f"SELECT Id, {key}, {names} FROM {entity} WHERE {where}")}  # noqa: S608

    def _has(self, grant: Grant) -> bool:
        if not grant.path:
            return grant.right in self.user
        record = (self.fields if "." in grant.path else self.objects).get(grant.path, {})
        return bool(record.get(f"Permissions{grant.right}"))

    def lacking(self) -> list[Grant]:
        return [g for g in self.wanted.grants if not self._has(g)]

    def extra(self) -> list[str]:
        """Return rights to objects and fields that the set grants beyond what it needs; an admin's own decision."""
        wanted = self.wanted.objects() | self.wanted.fields()
        return [
            f"{path}: {right}"
            for granted, rights in ((self.objects, OBJECT_RIGHTS), (self.fields, FIELD_RIGHTS))
            for path, record in sorted(granted.items())
            for right in rights
            if record[f"Permissions{right}"] and right not in wanted.get(path, ())
        ]

    def complete(self) -> None:
        """Make the set and grant what it lacks; raises `CrmError` with the CRM's words."""
        user = {f"Permissions{n}": True for n in self.wanted.user()}
        if not self.id:
            facts = {"Name": self.wanted.name, "Label": self.wanted.label, "Description": self.wanted.description}
            self.id = create(self.session, "/sobjects/PermissionSet", facts | user)
        elif not self.user >= set(self.wanted.user()):
            send(self.session, "PATCH", f"/sobjects/PermissionSet/{self.id}", user)
        self._complete("ObjectPermissions", self.wanted.objects(), self.objects)
        self._complete("FieldPermissions", self.wanted.fields(), self.fields)

    def _complete(self, entity: str, wanted: Mapping[str, set[str]], granted: Mapping[str, Record]) -> None:
        new, more = [], []
        for path, rights in wanted.items():
            flags: Record = {"attributes": {"type": entity}} | {f"Permissions{r}": True for r in rights}
            if path not in granted:
                new.append(flags | self._key(entity, path))
            elif not all(granted[path][f"Permissions{r}"] for r in rights):
                more.append(flags | {"id": granted[path]["Id"]})
        self._send("POST", new)
        self._send("PATCH", more)

    def _key(self, entity: str, path: str) -> Record:
        key = (
            {"Field": path, "SobjectType": path.partition(".")[0]} if entity == "FieldPermissions" else {"SobjectType": path}
        )
        return {"ParentId": self.id} | key

    def _send(self, method: str, records: Sequence[Record]) -> None:
        for start in range(0, len(records), MAX_RECORDS):
            part = records[start : start + MAX_RECORDS]
            answers = send(self.session, method, "/composite/sobjects", {"allOrNone": False, "records": part})
            for record, answer in zip(part, answers, strict=True):
                errors = [] if answer["success"] else answer["errors"]
                if errors and errors[0]["statusCode"] not in TWICE:
                    path = record.get("Field") or record.get("SobjectType") or record.get("id")
                    raise _refused(f"{self.wanted.name}: {path}: {errors[0]['statusCode']}: {errors[0]['message']}")

    def assigned(self) -> dict[str, str]:
        """Map user's id -> id of the assignment."""
        if not self.id:
            return {}
        where = f"PermissionSetId = {soql.text(self.id)}"
        assignments = query(self.session, f"SELECT Id, AssigneeId FROM PermissionSetAssignment WHERE {where}")  # noqa: S608
        return {r["AssigneeId"]: r["Id"] for r in assignments}

    def assign(self, user: str) -> None:
        create(self.session, "/sobjects/PermissionSetAssignment", {"PermissionSetId": self.id, "AssigneeId": user})

    def remove(self) -> None:
        """Take the set from its users and delete it."""
        delete(self.session, self.assigned().values())
        delete(self.session, [self.id])


def query(session: Session, text: str, path: str = "/query") -> list[Record]:
    records: list[Record] = session.call("GET", session.data(path), params={"q": text}).json()["records"]
    return records


def create(session: Session, path: str, body: Record) -> str:
    """Return the new record's id; empty if it is there already."""
    try:
        return str(send(session, "POST", path, body)["id"])
    except Refused as error:
        if code_of(error) in TWICE:
            return ""
        raise _refused(str(error.args[0])) from None


def delete(session: Session, ids: Iterable[str]) -> None:
    listed = list(ids)
    if not listed:
        return
    for answer in send(session, "DELETE", f"/composite/sobjects?ids={','.join(listed)}", None):
        if not answer["success"]:
            raise _refused(f"{answer['errors'][0]['statusCode']}: {answer['errors'][0]['message']}")


def send(session: Session, method: str, path: str, body: Record | None) -> Any:
    try:
        answer = session.call(method, session.data(path), json=body)
    except Forbidden as error:
        raise _refused(str(error.args[0])) from None
    return answer.json() if answer.content else None


def _refused(message: str) -> CrmError:
    return CrmError(
        f"schema: {message}",
        crm=NAME,
        fix="set [salesforce] access_token and instance_url to the session of an admin who may customise the "
        "application; see docs/salesforce.md",
    )
