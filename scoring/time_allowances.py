"""Good reasons for more time than usual: a renewal, a first order, or a person's word (docs/facts/scoring.md, "Time against potential")."""

from collections.abc import Mapping, Sequence
from typing import Any

from scoring.frame import Frame
from scoring.rules import Rules

#: the answer that claims one
CLAIMED = "Renewal or project"
#: days ahead in which a renewal is already worked on
AHEAD = 90


def occasions(frame: Frame, ours: Sequence[Mapping[str, Any]], rules: Rules) -> tuple[str, ...]:
    """Account by account why it may take `occasion_minutes` more: "renewal", "first order", "a person's word" or "" for none."""
    renewed = _renewed(frame, rules)
    first = _first_ordered(frame, rules)

    def why(account: str, answer: object) -> str:
        if account in renewed:
            return "renewal"
        if account in first:
            return "first order"
        return "a person's word" if answer == CLAIMED else ""

    return tuple(why(account, answers.get("answer")) for account, answers in zip(frame.ids, ours, strict=True))


def _renewed(frame: Frame, rules: Rules) -> set[str]:
    """Accounts with an opportunity of a renewal's type that closes about now; what marks the type is the firm's own word."""
    due, words = frame.facts["due"], [w.casefold() for w in rules.renewal_types]
    rows = zip(due["account_id"], due["category"], strict=True)
    return {account for account, category in rows if any(word in category.casefold() for word in words)}


def _first_ordered(frame: Frame, rules: Rules) -> set[str]:
    """Return accounts whose first order of all fell into the window: somebody settles them in."""
    orders, first = frame.facts["revenue"], dict[str, int]()
    for account, day in zip(orders["account_id"], orders["first_won_day"], strict=True):
        first[account] = min(day, first.get(account, day))
    return {account for account, day in first.items() if day >= frame.day - rules.window_days}
