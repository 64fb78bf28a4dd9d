"""Facts as the store would give them, for tests of pure maths: a row a call, unknown columns None."""

from collections.abc import Mapping
from typing import Any

DAY = 20_000
COLUMNS = {
    "accounts": "id name owner_id owner_from_at category industry country employees annual_revenue_cents currency created_at ours",
    "rates": "id micro_per_corporate",
    "revenue": "account_id currency won_365 won_182 won_91 orders_365 orders first_won_day",
    "pipeline": "id account_id name currency created_at stage amount_cents close_day probability",
    "due": "account_id category",
    "stages": "id probability",
    "stage_odds": "stage closed won",
    "families": "account_id family currency first_shown_at first_bought_day bought_365",
    "stays": "stage days opportunities",
    "stage_since": "opportunity_id since",
    "won_days": "close_day opportunities",
}


class Facts:
    """The facts of potential, by name and column."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}

    def add(self, fact: str, **values: Any) -> "Facts":
        self.rows[fact].append(values)
        return self

    def account(self, name: str, **values: Any) -> "Facts":
        return self.add("accounts", **({"id": name, "name": name, "industry": "Steel", "ours": "{}"} | values))

    def won(self, name: str, year: float, half: float | None = None, **values: Any) -> "Facts":
        """Whole units won in 365 days and in 182 of them."""
        late = year / 2 if half is None else half
        row = {"won_365": round(year * 100), "won_182": round(late * 100), "orders_365": 4, "orders": 4, "first_won_day": 0}
        return self.add("revenue", account_id=name, **(row | values))

    def all(self) -> Mapping[str, Mapping[str, list[Any]]]:
        made = {}
        for name, columns in COLUMNS.items():
            rows = sorted(self.rows[name], key=lambda r: str(r["id"])) if name == "accounts" else self.rows[name]
            made[name] = {c: [r.get(c) for r in rows] for c in columns.split()}
        return made
