"""Which accounts are judged and written: criteria that an admin names, and children that count for their parent (docs/scope.md).

Pure. An account's facts are its values by criterion; a criterion that its CRM does not have is absent among them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

#: criteria that are known of every account or of its owner; any other is a field that the CRM is asked for
OWNER, ROLE, TYPE = "owner", "role", "type"
Lists = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Scope:
    """Criterion -> values. In scope is what matches every `include` criterion and no `exclude` criterion.

    Values are compared without regard to case; an empty one stands for no value. With `rollup` the records of an account
    count for its topmost ancestor, whose own facts decide for the whole family.
    """

    include: Lists = field(default_factory=dict)
    exclude: Lists = field(default_factory=dict)
    rollup: bool = False

    def __bool__(self) -> bool:
        """Whether it leaves out anything at all."""
        return bool(self.include or self.exclude or self.rollup)

    @property
    def criteria(self) -> tuple[str, ...]:
        """Every criterion that is named, once."""
        return tuple(dict.fromkeys((*self.include, *self.exclude)))

    @property
    def asked(self) -> tuple[str, ...]:
        """The criteria that a CRM must be asked for besides what is always read."""
        return tuple(sorted(set(self.criteria) - {OWNER, TYPE}))

    def values(self, criterion: str) -> tuple[str, ...]:
        """Return every value that is named for a criterion."""
        return tuple(dict.fromkeys((*self.include.get(criterion, ()), *self.exclude.get(criterion, ()))))

    def left_out(self, facts: Lists) -> str:
        """Tell why an account is out of scope, as a criterion in words; "" for one that is in."""
        for name, named in self._sets[1].items():
            for value in facts.get(name, ()):
                if value.casefold() in named:
                    return f"{name} = {named[value.casefold()] or 'no value'}"
        if self.include and not any(name in facts for name in self.include):
            return f"its CRM has no {' or '.join(self.include)}"
        for name, named in self._sets[0].items():
            if name in facts and not any(value.casefold() in named for value in facts[name]):
                return f"{name} is not {' or '.join(v or 'without a value' for v in named.values())}"
        return ""

    @cached_property
    def _sets(self) -> tuple[dict[str, dict[str, str]], ...]:
        """Include and exclude: criterion -> value without its case -> value as it was written."""
        return tuple(
            {name: {v.casefold(): v for v in values} for name, values in lists.items()}
            for lists in (self.include, self.exclude)
        )


def roots(parents: Mapping[str, str | None]) -> dict[str, str]:
    """Map account -> its topmost ancestor among these accounts, for those that have one.

    A parent that is not among them ends the chain. Of accounts that are each other's ancestors the smallest id is the top.
    """
    tops: dict[str, str] = {}
    for start in parents:
        path: dict[str, int] = {}
        at = start
        while at not in tops and at not in path:
            path[at] = len(path)
            above = parents[at]
            if above is None or above not in parents:
                tops[at] = at
            else:
                at = above
        top = tops[at] if at in tops else min(list(path)[path[at] :])
        tops |= dict.fromkeys(path, top)
    return {account: top for account, top in tops.items() if account != top}
