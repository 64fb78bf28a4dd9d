"""Is anything new opened? Counts of new people, new products, asks and resolutions against peers (reference 2.4)."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammainc

from scoring.frame import Bools, Floats, Frame
from scoring.rules import Rules

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Events of the window an account; `p_shallow` is the chance that their rate is below 0.6 of the peers'."""

    people: Floats
    levels: Floats  #: levels or departments met for the first time
    families: Floats  #: product families presented that it did not own
    asks: Floats
    resolutions: Floats
    p_shallow: Floats
    has_people: bool  #: whether this org's records can show new people at all
    has_families: bool
    has_asks: bool

    @property
    def events(self) -> Floats:
        return self.people + self.levels + self.families + self.asks + self.resolutions


def behaviour(frame: Frame, hours: Floats, customer: Bools, rules: Rules) -> Behaviour:
    """Count, then compare with accounts of the same class (customers, prospects)."""
    people = frame.sum("met", "new_people")
    levels = _new_levels(frame)
    families = _new_families(frame, rules)
    asks, resolutions = frame.sum("moves", "asks"), frame.sum("moves", "resolutions")
    events = people + levels + families + asks + resolutions
    shallow = np.zeros(frame.n)
    for group in (customer, ~customer):
        shallow[group] = _shallow(events[group], hours[group], rules)
    facts = frame.facts
    shows = {name: len(facts[name]["account_id"]) > 0 for name in ("met", "families", "moves")}
    return Behaviour(
        people, levels, families, asks, resolutions, shallow, shows["met"], shows["families"], shows["moves"]
    )  # fmt: skip


def _shallow(events: Floats, hours: Floats, rules: Rules) -> Floats:
    """P(rate < 0.6 of the peers' rate) with rate ~ Gamma(2 + events, 2 / mu + hours).

    The peers' rate leaves the account itself out, so that its own new event can never make it look worse.
    """
    total_events, total_hours = events.sum(), hours.sum()
    mu = (total_events - events + rules.prior_events) / np.maximum(total_hours - hours + rules.prior_events, 1e-9)
    shape = rules.prior_events + events
    shallow: Floats = gammainc(shape, rules.shallow_share * mu * (rules.prior_events / mu + hours))
    return shallow


def _new_levels(frame: Frame) -> Floats:
    """Levels and departments with nobody known before the window and somebody now."""
    m = frame.facts["met"]
    out = np.zeros(frame.n)
    for part in ("level", "department"):
        known: dict[tuple[str, str], list[int]] = {}
        for account, value, new, old in zip(m["account_id"], m[part], m["new_people"], m["old_people"], strict=True):
            if value is not None and account in frame.at:
                counts = known.setdefault((account, value), [0, 0])
                counts[0] += new
                counts[1] += old
        old_accounts = {account for (account, _), (_, old) in known.items() if old}
        for (account, _), (new, old) in known.items():
            if new and not old and account in old_accounts:  # the first meeting of all opens no new level
                out[frame.at[account]] += 1
    return out


def _new_families(frame: Frame, rules: Rules) -> Floats:
    """Families first presented in the window to an account that did not own them before."""
    f = frame.facts["families"]
    start = (frame.day - rules.window_days) * DAY
    first: dict[tuple[str, str], tuple[int, int | None]] = {}
    for account, family, shown, bought in zip(
        f["account_id"], f["family"], f["first_shown_at"], f["first_bought_day"], strict=True
    ):
        shown_before, bought_before = first.get((account, family), (shown, bought))
        days = [d for d in (bought, bought_before) if d is not None]
        first[account, family] = (min(shown, shown_before), min(days) if days else None)
    fresh = [(a, 1.0) for (a, _), (shown, bought) in first.items()
             if shown >= start and (bought is None or bought >= frame.day - rules.window_days)]  # fmt: skip
    return frame.add([a for a, _ in fresh], [v for _, v in fresh])
