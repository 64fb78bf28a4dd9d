"""Write-back: batch update by id; one result a company (reference: hubspot.md 1.7, 1.8)."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.errors import CrmError, Refused
from connectors.hubspot.api import PAGE, Api
from connectors.hubspot.schema import OBJECT, outgoing
from connectors.port import Sending
from scoring.records import FieldUpdate, WriteResult


def write(api: Api, updates: Sequence[FieldUpdate]) -> Iterator[Sending | WriteResult]:
    """Set our properties, a hundred companies a call, in the order of their ids."""
    ordered = sorted(updates, key=lambda u: u.account_id)
    for start in range(0, len(ordered), PAGE):
        part = ordered[start : start + PAGE]
        yield Sending(tuple(u.account_id for u in part))
        yield from _batch(api, part)


def _batch(api: Api, part: Sequence[FieldUpdate]) -> Iterator[WriteResult]:
    """One call; a batch that is refused as a whole is halved down to the bad record."""
    body = {"inputs": [{"id": u.account_id, "properties": outgoing(u.values)} for u in part]}
    try:
        answer = api.call("POST", f"/crm/objects/{{date}}/{OBJECT}/batch/update", json=body).json()
    except Refused as error:
        yield from _halved(api, part, error)
        return
    done = {str(r["id"]) for r in answer.get("results", ())}
    refused = {i: e for e in answer.get("errors") or () for i in _named(e)}
    for update in part:
        yield _result(update.account_id, done, refused)


def _halved(api: Api, part: Sequence[FieldUpdate], error: CrmError) -> Iterator[WriteResult]:
    if len(part) == 1:
        code, _, message = str(error.args[0]).partition(": ")
        yield WriteResult(part[0].account_id, ok=False, code=code, message=readable(message))
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
    """The ids that an entry of `errors` is about."""
    return [str(i) for i in (error.get("context") or {}).get("ids", ())]


#: "Property values were not valid: [{...}]": JSON inside the message
NESTED = re.compile(r"\[\{.*\}\]")


def readable(message: str) -> str:
    """The words inside a message that carries JSON; else the message itself."""
    match = NESTED.search(message)
    try:
        inner = [str(x.get("message") or x.get("localizedErrorMessage")) for x in json.loads(match[0])] if match else []
    except (ValueError, AttributeError):
        inner = []
    return "; ".join(inner) or message
