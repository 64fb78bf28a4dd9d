"""Verdicts in words: fixed templates, at most three reasons, every number re-computable from records.

(docs/facts/scoring.md, "Sentences")
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

from scoring.calendar import DAY
from scoring.judge import Judgement
from scoring.records import BALANCED, COMFORT, EARNING, NO_EVIDENCE, THIN_LOGGING, UNDER, Reason, Score
from scoring.rules import MODEL_VERSION, Rules
from scoring.state import NightRow

#: the longest text a CRM field of ours holds
MAX_TEXT = 255
MAX_REASONS = 3
#: what a spreadsheet would take for a formula
FORMULA = ("=", "+", "-", "@")
#: what people answer, as it is told beside the verdict
ANSWERED = {
    "Agree": "Agreed by a person.",
    "Disagree": "Disputed by a person.",
    "Renewal or project": "A person says: a renewal or a project runs.",
    "Wrong owner": "A person says: the owner is wrong.",
    "Other": "A person answered: other.",
}
LEVEL_WORDS = {"chief": "somebody of the top management", "director": "a director", "manager": "a manager"}


def scores(j: Judgement, nights: Sequence[NightRow], rules: Rules) -> list[Score]:
    """Return the verdict of every account of this night."""
    sentences = Sentences(j, rules)
    return [sentences.score(i, row) for i, row in enumerate(nights)]


class Sentences:
    """Looks up what the sentences need once for all accounts."""

    def __init__(self, j: Judgement, rules: Rules) -> None:
        self.j, self.rules = j, rules
        self.window = rules.window_days
        self.offers = _offers(j)
        self.unmet = _unmet(j)

    def score(self, i: int, row: NightRow) -> Score:
        j, e, p = self.j, self.j.effort, self.j.potential
        hours, fair = float(e.minutes[i]) / 60, float(j.fair[i]) / 60
        guessed = hours - float(e.measured[i]) / 60  # half of what nobody measured may be wrong
        step = _clean(self.next_step(i, row.state))
        return Score(
            account_id=row.account_id,
            name=j.frame.accounts["name"][i],
            owner_id=j.frame.accounts["owner_id"][i],
            state=row.state,
            state_since=row.since,
            expected=_money(p.expected[i]),
            expected_low=_money(p.expected_low[i]),
            expected_high=_money(p.expected_high[i]),
            headroom=_money(p.headroom[i]),
            potential=_money(p.potential[i]),
            potential_low=_money(p.low[i]),
            potential_high=_money(p.high[i]),
            trailing_12m=_money(p.trailing[i]),
            currency=j.currency,
            grade=row.grade,
            hours=round(hours, 2),
            hours_low=round(hours - guessed / 2, 2),
            hours_high=round(hours + guessed / 2, 2),
            fair_hours=round(fair, 2),
            hours_gap=round(hours - fair, 2),
            p_over=row.p_over,
            p_under=row.p_under,
            p_shallow=row.p_shallow,
            confidence=_confidence(row),
            reasons=_fit(self.reasons(i, row)),
            next_step=step,
            coverage=self.coverage(i),
            evidence=self.evidence(i),
            as_of=row.day,
            model_version=MODEL_VERSION,
        )

    # ---- numbers behind the sentences ----

    def coverage(self, i: int) -> dict[str, float | str | None]:
        e = self.j.effort
        minutes = float(e.minutes[i])
        return {
            "logging": round(float(e.coverage[i]), 3),
            "logged_minutes_a_day": round(float(e.a_day[i]), 1),
            "measured_share": round(float(e.measured[i]) / minutes, 3) if minutes else None,
            "mail_share": round(e.mails, 3) if e.mails else None,  # None: mails may be kept outside the CRM
            "usual_meeting_seconds": e.usual.get("meeting"),  # None: the default holds
            "usual_call_seconds": e.usual.get("call"),
            "owner": "recorded" if self.j.frame.accounts["owner_from_at"][i] else "assumed",
        }

    def evidence(self, i: int) -> dict[str, float | str | None]:
        j, b = self.j, self.j.behaviour
        counts = {
            "activities": j.effort.activities,
            "meetings": j.effort.meetings,
            "new_people": b.people,
            "new_levels": b.levels,
            "new_families": b.families,
            "asks": b.asks,
            "resolutions": b.resolutions,
            "stalled_offers": b.stalled,
        }
        numbers: dict[str, float | str | None] = {name: int(values[i]) for name, values in counts.items()}
        numbers |= {"open_offers": len(self.offers.get(j.frame.ids[i], ())), "pipeline": _money(j.potential.pipeline[i])}
        return numbers | {
            "opened": int(b.events[i]),
            "peers_open": round(float(b.expected[i]), 2),
            "wallet": _money(j.potential.wallet[i]),
            "gate": j.gates[i] or None,
            "occasion": j.occasion[i] or None,
            "rank": round(float(j.rank[i]), 4),
        }

    # ---- reasons ----

    def reasons(self, i: int, row: NightRow) -> list[Reason]:
        """In the order of their weight for this state; a coverage line where the book is thinly logged."""
        if row.state in (NO_EVIDENCE, THIN_LOGGING):
            return [self.withheld(i, row)]
        reasons = {COMFORT: self.comfort, EARNING: self.earning, UNDER: self.under, BALANCED: self.balanced}[row.state](i)
        provisional = float(self.j.effort.coverage[i]) < self.rules.provisional_logging
        return reasons[: MAX_REASONS - provisional] + ([self.thin(i)] if provisional else []) + self.answer(i)

    def comfort(self, i: int) -> list[Reason]:
        b = self.j.behaviour
        missing = [
            (b.people[i] + b.levels[i], Reason("D1", f"No new person met in {self.window} days."), b.has_people),
            (b.families[i], Reason("N1", f"No product it does not own presented in {self.window} days."), b.has_families),
            (0.0 if b.stalled[i] else b.asks[i] + b.resolutions[i], self.no_ask(i), b.has_asks),
        ]
        absent = [reason for count, reason, shown in missing if shown and count == 0]
        return [self.time(i), *(absent or [self.slow(i)]), self.worth(i)]

    def under(self, i: int) -> list[Reason]:
        return [self.worth(i), self.time(i), *self.open_offer(i)]

    def earning(self, i: int) -> list[Reason]:
        return [self.time(i), self.opened(i), self.worth(i)]

    def balanced(self, i: int) -> list[Reason]:
        return [self.time(i), self.worth(i)]

    def time(self, i: int) -> Reason:
        hours, fair = _hours(self.j.effort.minutes[i]), _hours(self.j.fair[i])
        return Reason("T1", f"{hours:.1f} h in {self.window} days; its share of the book is {fair:.1f} h.")

    def worth(self, i: int) -> Reason:
        p, money = self.j.potential, self.j.currency
        source = "as corrected by a person" if p.overridden[i] else f"range {_short(p.low[i])}-{_short(p.high[i])}"
        last = f"{_short(p.trailing[i])} in the last 12 months"
        return Reason("P1", f"Potential {_short(p.potential[i])} {money} ({source}), {last}.")

    def no_ask(self, i: int) -> Reason:
        offers = self.offers.get(self.j.frame.ids[i], ())
        if offers and offers[0]["pushes"] >= 2:
            worst = offers[0]
            return Reason(
                "C2",
                f"{_quote(worst['name'])} open {_count(worst['age'], 'day')}, close date moved {worst['pushes']} times.",
            )
        reached = self.rules.decision_days
        return Reason("C1", f"No decision asked for in {self.window} days, none reached in {reached}.")

    def slow(self, i: int) -> Reason:
        """Something was opened, but too little for the hours."""
        b, hours = self.j.behaviour, _hours(self.j.effort.minutes[i])
        opened = f"{_count(int(b.events[i]), 'new person, product or decision', 'new people, products and decisions')} in {hours:.1f} h"
        return Reason("D3", f"{opened}; accounts of its size with as much time have {_tenth(b.expected[i])}.")

    def opened(self, i: int) -> Reason:
        b = self.j.behaviour
        parts = [
            _count(int(b.people[i]), "new person", "new people"),
            _count(int(b.families[i]), "new product family", "new product families"),
            _count(int(b.decisions[i]), "decision asked for or reached", "decisions asked for or reached"),
        ]
        return Reason("G1", f"It moves: {', '.join(p for p in parts if not p.startswith('0 ')) or 'steady orders'}.")

    def open_offer(self, i: int) -> list[Reason]:
        offers = self.offers.get(self.j.frame.ids[i], ())
        return [] if offers else [Reason("P3", "No open opportunity.")]

    def thin(self, i: int) -> Reason:
        return Reason("Q1", f"Provisional: this book logs {self.j.effort.coverage[i]:.0%} of what colleagues log.")

    def answer(self, i: int) -> list[Reason]:
        """Tell what a person said of the verdict: told beside it, never instead of it."""
        answer = str(self.j.ours[i].get("answer") or "")
        reasons = [Reason("A1", ANSWERED.get(answer, f"Answered: {_clean(answer)}."))] if answer else []
        if self.j.frame.ids[i] in self.j.snoozed:
            reasons.append(Reason("A2", f"Snoozed by a person until {_clean(str(self.j.ours[i]['snooze_until']))}."))
        return reasons

    def withheld(self, i: int, row: NightRow) -> Reason:
        """Tell why there is no verdict; also while a state still needs nights to settle."""
        e, day = self.j.effort, self.j.frame.day
        gate = row.gate
        if gate == "logging" or row.state == THIN_LOGGING:
            return Reason(
                "Q1", f"Not judged: {_count(round(float(e.a_day[i])), 'selling minute')} a working day logged in this book."
            )
        if gate == "young":
            age = day - int(self.j.frame.accounts["created_at"][i]) // DAY
            return Reason("Q3", f"Not judged: the account is {_count(age, 'day')} old.")
        if gate == "owner":
            owned = day - int(self.j.frame.accounts["owner_from_at"][i]) // DAY
            return Reason("Q4", f"Not judged: the owner changed {_count(owned, 'day')} ago.")
        if gate == "book":
            return Reason("Q5", "Not judged: the owner's book is too small for a share to mean anything.")
        if gate == "no owner":
            return Reason("Q6", "Not judged: the account has no owner.")
        n, hours = int(e.activities[i]), _hours(e.minutes[i])
        return Reason("Q2", f"Not judged: {_count(n, 'activity', 'activities')} and {hours:.1f} h in {self.window} days.")

    # ---- what to do ----

    def next_step(self, i: int, state: str) -> str:
        """For a comfort zone what is missing most; for an under-worked account where to begin."""
        if state == COMFORT:
            return (
                self.first_missing(i)
                or "Agree on the next decision with the customer, or give the time to an account with room."
            )
        if state == UNDER:
            gap = max(0.0, float(self.j.fair[i] - self.j.effort.minutes[i]) / 60)
            return f"Plan about {gap:.0f} h more in {self.window} days. " + (
                self.first_missing(i) or "Arrange a first meeting."
            )
        return ""

    def first_missing(self, i: int) -> str:
        b, account = self.j.behaviour, self.j.frame.ids[i]
        offers = self.offers.get(account, ())
        if offers and (b.stalled[i] or b.asks[i] + b.resolutions[i] == 0):
            return f"Ask for a decision on {_quote(offers[0]['name'])}, open {_count(offers[0]['age'], 'day')}."
        if b.families[i] == 0 and i in self.j.potential.whitespace:
            family, owners, peers = self.j.potential.whitespace[i]
            return f"Present {_quote(family)}: {owners} of {peers} similar accounts own it."
        if b.people[i] == 0 and account in self.unmet:
            return self.unmet[account]
        return ""


# ---- look-ups -------------------------------------------------------------------------------------------------------


def _offers(j: Judgement) -> dict[str, list[dict[str, Any]]]:
    """Open opportunities an account, the one most worth a decision first: most pushed, then oldest."""
    p, day = j.frame.facts["pipeline"], j.frame.day
    counts = j.frame.facts["pushes"]
    pushes = dict(zip(counts["opportunity_id"], counts["pushes"], strict=True))
    by_account: dict[str, list[dict[str, Any]]] = {}
    for offer, account, name, created in zip(p["id"], p["account_id"], p["name"], p["created_at"], strict=True):
        age = 0 if created is None else max(0, day - created // DAY)
        by_account.setdefault(account, []).append({"id": offer, "name": name, "age": age, "pushes": pushes.get(offer, 0)})
    for offers in by_account.values():
        offers.sort(key=lambda o: (-o["pushes"], -o["age"], o["id"]))
    return by_account


def _unmet(j: Judgement) -> dict[str, str]:
    """For each account the highest level, else a department, that exists among its contacts and was never met."""
    c, m = j.frame.facts["contacts"], j.frame.facts["met"]
    met = {(a, v) for part in ("level", "department") for a, v in zip(m["account_id"], m[part], strict=True)}
    options: dict[str, tuple[int, str]] = {}
    for account, level, department in zip(c["account_id"], c["level"], c["department"], strict=True):
        if level in LEVEL_WORDS and (account, level) not in met:
            option = (list(LEVEL_WORDS).index(level), f"Meet {LEVEL_WORDS[level]}: none of them was met yet.")
        elif department and (account, department) not in met:
            option = (len(LEVEL_WORDS), f"Meet {_quote(department)}: nobody there was met yet.")
        else:
            continue
        options[account] = min(options.get(account, option), option)
    return {account: text for account, (_, text) in options.items()}


# ---- words ----------------------------------------------------------------------------------------------------------


def _confidence(row: NightRow) -> int:
    """Tell how sure the state is, 0-100; 0 where nothing is judged."""
    sure = {
        COMFORT: row.p_over * row.p_shallow,
        EARNING: row.p_over * (1 - row.p_shallow),
        UNDER: row.p_under,
        BALANCED: 1 - max(row.p_over * row.p_shallow, row.p_under),
    }.get(row.state, 0.0)
    return round(100 * sure)


def _hours(minutes: float) -> float:
    """As the fields show them, so that a sentence rounds what people see; numpy's own rounding differs at half a hundredth."""
    return round(float(minutes) / 60, 2)


def _money(value: float) -> float:
    return round(float(value), 2)


def _short(value: float) -> str:
    """Return an amount as people say it: 950, 12.4k, 1.2M, 3.1bn."""
    for size, word in ((1e9, "bn"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if word == 'k' else size):.1f}".removesuffix(".0") + word
    return f"{value:.0f}"


def _tenth(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _quote(name: str) -> str:
    clean = _clean(name).replace('"', "'") or "without a name"
    return f'"{clean[:57]}..."' if len(clean) > 60 else f'"{clean}"'


def _clean(text: str) -> str:
    """Without control and direction characters, never the start of a formula, no longer than a field."""
    clean = " ".join(text.split())
    if not (clean.isascii() and clean.isprintable()):
        clean = "".join(c for c in clean if unicodedata.category(c) not in ("Cc", "Cf"))
    return clean.lstrip("".join(FORMULA)).strip()[:MAX_TEXT]


def _fit(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Return as many whole sentences as the field holds."""
    fitting: list[Reason] = []
    for reason in reasons:
        clean = Reason(reason.code, _clean(reason.text))
        if len(" ".join(r.text for r in [*fitting, clean])) <= MAX_TEXT:
            fitting.append(clean)
    return tuple(fitting)
