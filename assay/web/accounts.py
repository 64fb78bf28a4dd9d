"""Every account in short, held in memory so that finding and paging cost the same at any size.

About 250 bytes an account; what a page shows of its accounts in full comes from the database by id.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scoring.records import STATES, Score


class Short(NamedTuple):
    """One account."""

    org: int
    crm: str
    account_id: str
    name: str
    owner_id: str | None
    state: str
    weight: float  #: hours at stake; what comes first in its state
    folded: str  #: the name without case, as words are looked for

    @property
    def key(self) -> tuple[int, str]:
        return self.org, self.account_id


class Accounts:
    """Accounts by id, and in the order people read them: by state, the most hours at stake first."""

    def __init__(self, shorts: Iterable[Short]) -> None:
        self.by_key = sorted(shorts, key=lambda s: s.key)
        self.read = sorted(self.by_key, key=lambda s: (STATES.index(s.state), -s.weight, s.folded, s.account_id))
        self._keys = [s.key for s in self.by_key]
        self._of_state = {state: [s for s in self.read if s.state == state] for state in STATES}

    def __len__(self) -> int:
        return len(self.by_key)

    def found(self, state: str | None, words: str) -> Sequence[Short]:
        """Accounts in reading order; `words` must all be in the name, or be the id."""
        parts, chosen = words.casefold().split(), self.read if state is None else self._of_state[state]
        return [s for s in chosen if _named(s, parts)] if parts else chosen

    def after(
        self, cursor: tuple[int, str] | None, limit: int, state: str | None, words: str, owner_id: str | None
    ) -> tuple[Sequence[Short], Short | None]:
        """(the next `limit` accounts by id after the cursor, the last of them if more follow)."""
        parts = words.casefold().split()
        matches: list[Short] = []
        for s in self.by_key[bisect_right(self._keys, cursor) if cursor else 0 :]:
            if _fits(s, state, parts, owner_id):
                if len(matches) == limit:
                    return matches, matches[-1]
                matches.append(s)
        return matches, None


def _fits(s: Short, state: str | None, words: Sequence[str], owner_id: str | None) -> bool:
    if (state is not None and s.state != state) or (owner_id is not None and s.owner_id != owner_id):
        return False
    return not words or _named(s, words)


def _named(s: Short, words: Sequence[str]) -> bool:
    return all(word in s.folded for word in words) or (len(words) == 1 and words[0] == s.account_id.casefold())


def short(org: int, crm: str, s: Score) -> Short:
    weight = abs(s.hours_gap) if s.hours_gap == s.hours_gap else 0.0
    return Short(org, crm, s.account_id, s.name, s.owner_id, s.state, weight, s.name.casefold())
