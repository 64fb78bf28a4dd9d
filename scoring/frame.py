"""Facts by column become arrays by account."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Facts = Mapping[str, Mapping[str, Sequence[Any]]]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Frame:
    """The accounts of one night, sorted by id, and sums of other facts over them."""

    def __init__(self, facts: Facts, day: int) -> None:
        self.facts, self.day = facts, day
        self.accounts = facts["accounts"]
        self.ids: list[str] = list(self.accounts["id"])
        self.n = len(self.ids)
        self.at = {account: i for i, account in enumerate(self.ids)}
        rates = facts["rates"]
        micro = dict(zip(rates["id"], rates["micro_per_corporate"], strict=True))
        self._factor = {c: 1_000_000 / m for c, m in micro.items() if m}

    def sum(self, fact: str, column: str) -> Floats:
        """Return the sum of a column over each account's rows."""
        rows = self.facts[fact]
        return self.add(rows["account_id"], [float(v or 0) for v in rows[column]])

    def add(self, account_ids: Sequence[str | None], values: Sequence[float]) -> Floats:
        """Return the sum of values by account; those of no account that is known are left out."""
        at = np.fromiter((self.at.get(i, self.n) for i in account_ids), np.int64, len(account_ids))  # type: ignore[arg-type]
        return group_sum(np.asarray(values, dtype=np.float64), at, self.n + 1)[: self.n]

    def money(self, fact: str, column: str) -> Floats:
        """Return the sum of an amount in whole units of the org's currency."""
        rows = self.facts[fact]
        values = [self.units(v, c) for v, c in zip(rows[column], rows["currency"], strict=True)]
        return self.add(rows["account_id"], values)

    def units(self, cents: int | None, currency: str | None) -> float:
        """Return hundredths of a currency as whole units of the org's own."""
        return float((cents or 0) / 100 * self._factor.get(currency or "", 1.0))

    def numbers(self, column: str) -> Floats:
        """An account's own column, NaN where unknown; an amount (`_cents`) in the org's currency, not in the account's own."""
        numbers: Floats = np.array([np.nan if v is None else float(v) for v in self.accounts[column]])
        if not column.endswith("_cents"):
            return numbers
        numbers *= np.array([self._factor.get(c or "", 1.0) for c in self.accounts["currency"]])
        return numbers

    def groups(self, column: str) -> tuple[Ints, int]:
        """Return a text column as group numbers, None a group of its own; the numbers do not depend on the order of rows."""
        values = ["" if v is None else str(v) for v in self.accounts[column]]
        names = {v: i for i, v in enumerate(sorted(set(values)))}
        return np.array([names[v] for v in values], dtype=np.int64), len(names)


def group_sum(values: Floats, groups: Ints, count: int) -> Floats:
    return np.bincount(groups, weights=values, minlength=count).astype(np.float64)
