"""The verdicts of a night: all CRMs judged as one firm, each account's verdict given to every CRM that knows it."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from assay.night.learn import learned
from assay.night.options import Progress, RunOptions
from assay.night.outcome import Night, running, timed
from db.firm import Firm
from db.store import Org, Store
from scoring.explain import scores
from scoring.facts.features import queries
from scoring.frame import Facts
from scoring.judge import Judgement
from scoring.judge import judge as judge_facts
from scoring.records import Score
from scoring.rules import Rules
from scoring.state import NightRow, advance


@dataclass(slots=True)
class Verdicts:
    """What a night says, org by org."""

    of: dict[int, list[Score]] = field(default_factory=dict)
    nights: int = 0  #: nights judged: one, or more where earlier ones were replayed
    stored: bool = True  #: False for a night before the last stored one


def judge(nights: Sequence[Night], store: Store, options: RunOptions, progress: Progress) -> Verdicts:
    """The verdicts of all orgs; those that could not be read keep theirs."""
    ready = running(nights)
    ended = [night for night in nights if night not in ready]
    stale = {org.id for org in store.orgs() if any(org.crm == night.crm.name for night in ended)}
    first = ready[0].out
    day = min(night.out.day for night in ready)
    verdicts = timed(first, progress, "score", lambda: judge_nights(store, day, options.rules, options.replay_nights, stale))
    for night in ready:
        night.out.day, night.out.nights = day, verdicts.nights
        states = Counter(s.state for s in verdicts.of[night.known[0].id])
        night.out.states = dict(sorted(states.items()))
        if not verdicts.stored:
            night.out.notes.append("as of a date before the last stored night: judged, not stored")
    first.notes += [f"{night.crm.name} was not read tonight: what it shares keeps its state" for night in ended if stale]
    return verdicts


def judge_nights(store: Store, day: int, rules: Rules, replay: int, stale: Collection[int] = ()) -> Verdicts:
    """Judge this night, and before it the nights that were missed or that a first run needs to settle its states.

    `stale` are orgs whose pull failed: their own accounts keep last night's verdict, and what they share with another CRM
    keeps its state (docs/adr/0010).
    """
    orgs = store.orgs()
    last = {org.id: store.last_night(org.id) for org in orgs}
    newest = max((n for n in last.values() if n is not None), default=None)
    verdicts = Verdicts(stored=newest is None or newest <= day)
    shares = Shares(store, orgs, stale)
    previous: dict[str, NightRow] | None = None
    with store.firm() as firm:
        past = learned(store, firm, day, rules, keep=verdicts.stored)
        for night in nights_to_judge(newest, day, replay):
            if previous is None:
                previous = _rows_before(store, orgs, night)
            judgement = judged(firm, orgs[0], night, rules, past)
            rows = advance(previous, judgement, rules, shares.frozen)
            verdicts.nights += 1
            if verdicts.stored:
                _save(store, orgs, shares, night, rows)
            previous = {row.account_id: row for row in rows}
        judged_scores = scores(judgement, rows, rules)
    for org in orgs:
        if org.id not in stale:
            verdicts.of[org.id] = shares.of(org, judged_scores)
            if verdicts.stored:
                store.save_verdicts(org.id, verdicts.of[org.id])
    return verdicts


def nights_to_judge(stored: int | None, day: int, replay: int) -> range:
    """The nights from after the last stored one to `day`, at most `replay` before it; always `day` itself."""
    first = day - replay if stored is None else max(stored + 1, day - replay)
    return range(min(first, day), day + 1)


def _rows_before(store: Store, orgs: Sequence[Org], day: int) -> dict[str, NightRow]:
    """Every account's row of the last night before `day`, however long ago that was: a night judged again begins where it began."""
    last = ((org.id, store.last_night(org.id, before=day)) for org in orgs)
    return {r[0]: NightRow(*r) for org, night in last if night is not None for r in store.nights(org, night)}


def judged(firm: Firm, org: Org, day: int, rules: Rules, past: Facts | None = None) -> Judgement:
    """The judgement of one night from the database alone; money in the first org's currency.

    `past` is what the firm's own past taught (`backtest.learned`); without it the defaults hold.
    """
    facts = firm.facts(queries(firm.tables, firm.org, day, rules))
    return judge_facts({**facts, **(past or {})}, day, org.currency, rules)


def _save(store: Store, orgs: Sequence[Org], shares: "Shares", night: int, rows: Sequence[NightRow]) -> None:
    """Each row under the org its account belongs to; orgs that could not be read keep what they have."""
    for org in orgs:
        if org.id not in shares.stale:
            store.save_nights(org.id, night, [r for r in rows if shares.home(r.account_id) == org.id])


class Shares:
    """Which account belongs to which org, and under which id the others know it."""

    def __init__(self, store: Store, orgs: Sequence[Org], stale: Collection[int] = ()) -> None:
        self.orgs, self.stale = orgs, stale
        self.owners = {org.id: store.account_owners(org.id) for org in orgs[1:]}
        self.links = {org.id: store.links(org.id, "account") for org in orgs[1:]}
        self._home = {i: org for org, accounts in self.owners.items() for i in accounts if i not in self.links[org]}

    def home(self, account_id: str) -> int:
        """The org whose id this is."""
        return self._home.get(account_id, self.orgs[0].id)

    @property
    def frozen(self) -> frozenset[str]:
        """Accounts that an org that could not be read shares with another one."""
        first = self.orgs[0].id in self.stale
        return frozenset(to for org, links in self.links.items() if first or org in self.stale for to in links.values())

    def of(self, org: Org, told: Sequence[Score]) -> list[Score]:
        """The verdicts of an org's accounts, under its own ids."""
        if org.id == self.orgs[0].id:
            return [s for s in told if self.home(s.account_id) == org.id]
        by_id = {s.account_id: s for s in told}
        here = {i: by_id.get(self.links[org.id].get(i, i)) for i in sorted(self.owners[org.id])}
        return [replace(s, account_id=i, owner_id=self.owners[org.id][i]) for i, s in here.items() if s is not None]
