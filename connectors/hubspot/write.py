"""Write-back: batch update by id; one result a company (docs/facts/hubspot.md, "List, search and batch")."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.errors import CrmError, Refused
from connectors.hubspot.api import PAGE, Api
from connectors.hubspot.errors import Locked
from connectors.hubspot.schema import NAMES, OBJECT, WRITTEN, outgoing, read
from connectors.lost_answers import send_confirmed
from connectors.port import Sending
from scoring.records import FieldUpdate, WriteResult


def write(api: Api, updates: Sequence[FieldUpdate]) -> Iterator[Sending | WriteResult]:
    """Set our properties, a hundred companies a call, in the order of their ids."""
    ordered = sorted(updates, key=lambda u: u.account_id)
    for start in range(0, len(ordered), PAGE):
        part = ordered[start : start + PAGE]
        yield Sending(tuple(u.account_id for u in part))
        yield from _batch(api, part)


def calls(rows: int) -> int:
    """Return API calls that writing so many companies takes, if none is refused."""
    return -(-rows // PAGE)


def reread(api: Api, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return our properties as they are now; what a merged company has become is another company."""
    for records in api.read(OBJECT, ids, list(NAMES.values())) if ids else ():
        columns = {n: [r["properties"].get(n) or "" for r in records] for n in NAMES.values()}
        yield from zip((str(r["id"]) for r in records), read(columns, len(records)), strict=True)


def fingerprint(properties: Mapping[str, Any]) -> dict[str, str]:
    """Map meaning -> how the portal defines our property: what a change of it could spoil."""
    ours = {f.meaning: properties.get(NAMES[f.meaning]) for f in WRITTEN}
    return {
        m: " ".join((p.type, p.field_type, *(o.value for o in p.options or ()))) for m, p in ours.items() if p is not None
    }


def _batch(api: Api, part: Sequence[FieldUpdate]) -> Iterator[WriteResult]:
    """One call; a batch that is refused as a whole is halved down to the bad record."""

    def send(some: Sequence[FieldUpdate]) -> Any:
        body = {"inputs": [{"id": u.account_id, "properties": outgoing(u.values)} for u in some]}
        return api.call("POST", f"/crm/objects/{{date}}/{OBJECT}/batch/update", json=body, repeat=False).json()

    try:
        arrived, rest, answer = send_confirmed(part, send, lambda ids: reread(api, ids), api.sleep)
    except (Refused, Locked) as error:
        yield from _halved(api, part, error)
        return
    yield from (WriteResult(u.account_id, ok=True) for u in arrived)
    done = {str(r["id"]) for r in (answer or {}).get("results", ())}
    refused = {i: e for e in (answer or {}).get("errors") or () for i in _named(e)}
    for update in rest:
        yield _result(update.account_id, done, refused)


def _halved(api: Api, part: Sequence[FieldUpdate], error: CrmError) -> Iterator[WriteResult]:
    if len(part) == 1:
        code, _, message = ("LOCKED", "", error.args[0]) if isinstance(error, Locked) else str(error.args[0]).partition(": ")
        yield WriteResult(part[0].account_id, False, code, readable(message), transient=isinstance(error, Locked))
        return
    half = len(part) // 2
    yield from _batch(api, part[:half])
    yield from _batch(api, part[half:])


def _result(account: str, done: set[str], refused: dict[str, dict[str, Any]]) -> WriteResult:
    if account in done:
        return WriteResult(account, ok=True)
    error = refused.get(account, {"category": "NOT_ANSWERED", "message": "the answer does not name this company"})
    return WriteResult(
        account, ok=False, code=str(error.get("category", "")), message=readable(str(error.get("message", "")))
    )


def _named(error: dict[str, Any]) -> list[str]:
    """Return the ids that an entry of `errors` is about."""
    return [str(i) for i in (error.get("context") or {}).get("ids", ())]


#: "Property values were not valid: [{...}]": JSON inside the message
NESTED = re.compile(r"\[\{.*\}\]")


def readable(message: str) -> str:
    """Return the words inside a message that carries JSON; else the message itself."""
    match = NESTED.search(message)
    try:
        inner = [str(x.get("message") or x.get("localizedErrorMessage")) for x in json.loads(match[0])] if match else []
    except (ValueError, AttributeError):
        inner = []
    return "; ".join(inner) or message
