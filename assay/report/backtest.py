"""The backtest of what is stored, as `assay backtest` and its page show it."""

from collections.abc import Sequence

from assay.night.learn import gather
from assay.report.backtest_page import Tested
from assay.settings import ConfigError
from db.store import Store
from scoring.proof import backtest
from scoring.rules import Rules


def prove(store: Store, rules: Rules, days: Sequence[int] = (), horizon: int | None = None) -> Tested:
    """The backtest as of the last night; raises ConfigError where there is none."""
    orgs = store.orgs()
    today = max((n for org in orgs if (n := store.last_night(org.id)) is not None), default=None)
    if today is None:
        raise ConfigError(["there is nothing to test yet. Fix: run `assay run` first"])
    with store.firm() as firm:
        gathered = gather(firm, today, rules, days, horizon)
    result = backtest.run(gathered.cuts, rules) if gathered.cuts else None
    name = " and ".join(org.name for org in orgs)
    return Tested(name, orgs[0].currency, today, gathered.since, result, gathered.assumed)
