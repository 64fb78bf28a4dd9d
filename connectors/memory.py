"""A CRM in memory: what the contract means, in the fewest lines; tests of the night run on it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.port import Check, Known, Page, Sending
from scoring.records import KINDS, FieldUpdate, WriteResult, columns

CALL = 200


class MemoryCrm:
    """Holds records by kind and id, each with the second it changed; kinds are streams."""

    name = "memory"

    def __init__(self, now: int, currency: str = "EUR") -> None:
        self.now, self.currency = now, currency
        self.records: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.stamps: dict[tuple[str, str], int] = {}
        self.refuses: dict[str, str] = {}  #: account -> code with which its writes are refused
        self._calls = 0

    @property
    def calls(self) -> int:
        return self._calls

    def put(self, kind: str, /, **values: Any) -> None:
        """Create or change a record, as a person in the CRM would."""
        blank = dict.fromkeys(columns(kind)) | {"deleted": False} | ({"ours": "{}"} if kind == "account" else {})
        record = self.records[kind].get(values["id"], blank)
        self.records[kind][values["id"]] = record | values
        self.stamps[kind, values["id"]] = self.now

    def check(self) -> Check:
        return Check("memory-1", "Memory", True, self.currency, self.now, self._calls, None)

    def pull(self, since: Mapping[str, int], known: Known) -> Iterator[Page]:
        for kind, records in self.records.items():
            self._calls += 1
            fresh = [r for i, r in sorted(records.items()) if self.stamps[kind, i] >= since.get(kind, 0)]
            yield Page(kind, kind, [tuple(r[c] for c in columns(kind)) for r in fresh], self.now)

    def ids(self, kind: str) -> Iterator[Sequence[str]]:
        self._calls += 1
        yield sorted(self.records[kind])

    def write(self, updates: Sequence[FieldUpdate]) -> Iterator[Sending | WriteResult]:
        ordered = sorted(updates, key=lambda u: u.account_id)
        for start in range(0, len(ordered), CALL):
            part = ordered[start : start + CALL]
            yield Sending(tuple(u.account_id for u in part))
            self._calls += 1
            yield from map(self._write, part)

    def _write(self, update: FieldUpdate) -> WriteResult:
        account = self.records["account"].get(update.account_id)
        code = "NOT_FOUND" if account is None or account["deleted"] else self.refuses.get(update.account_id, "")
        if account is None or code:
            return WriteResult(update.account_id, False, code, "refused")
        merged = json.loads(account["ours"]) | dict(update.values)
        filled = {k: v for k, v in sorted(merged.items()) if v is not None}
        self.put("account", id=update.account_id, ours=json.dumps(filled, separators=(",", ":"), ensure_ascii=False))
        return WriteResult(update.account_id, ok=True)

    def reread(self, account_ids: Sequence[str], token: str = "") -> Iterator[tuple[str, str]]:
        self._calls += 1
        accounts = self.records["account"]
        yield from ((i, accounts[i]["ours"]) for i in account_ids if i in accounts and not accounts[i]["deleted"])


class EmptyDatabase:
    """What an empty database holds: `connectors.port.Known` for a first pull."""

    def zones(self) -> dict[str, str]:
        return {}

    def missing(self, kind: str, ids: Sequence[str]) -> set[str]:
        return set(ids)

    def recent(self, kind: str) -> Iterator[Sequence[str]]:
        yield from ()

    def resume(self, stream: str) -> str:
        return ""
