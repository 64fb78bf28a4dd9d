"""The records behind one account's numbers, as `assay explain` and the account's page show them."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.account_records import one_account
from db.store import Org, Store
from scoring.facts.minutes.chain import treatment
from scoring.records import Score
from scoring.rules import Rules

DAY = 86_400
Records = Mapping[str, Sequence[Mapping[str, Any]]]  #: kind -> rows


def records(store: Store, rules: Rules, org: Org, score: Score) -> Records:
    """The records behind one account's numbers, by kind."""
    firm_id = store.links(org.id, "account").get(score.account_id, score.account_id)
    since = (score.as_of - rules.window_days) * DAY
    with one_account(store.engine, [o.id for o in store.orgs()], firm_id, since, store.scope) as firm:
        activities = firm.rows(treatment(firm.tables, firm.org, score.as_of, rules, firm_id, _usual(score)))
        return {"activities": activities, **firm.records_of(firm_id)}


def _usual(score: Score) -> dict[str, int]:
    """The firm's usual lengths on the night of the score."""
    lengths = {kind: score.coverage.get(f"usual_{kind}_seconds") for kind in ("meeting", "call")}
    return {kind: int(seconds) for kind, seconds in lengths.items() if seconds}
