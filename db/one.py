"""The records that bear on one account, as tables of a few hundred rows instead of the firm's millions.

What an activity counts depends on other records: a person's day is capped, one mail to many accounts is a bulk mail
(scoring.minutes). All of that happens within one person's day, so it is enough to read, besides the account's own
activities, what its people did on the same days. Then `treatment` over these gives what it gives over everything.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, Engine, and_, or_, select, union_all

from db import tables as t
from db.firm import Firm, as_first, of_first

#: where a record's days begin and end differs between its owner's time zone and UTC by less than this
DAY = 86_400
Ids = Mapping[str, Collection[str]]  #: kind -> ids of one org


@contextmanager
def one_account(engine: Engine, orgs: Sequence[int], account_id: str, since: int) -> Iterator[Firm]:
    """The firm as one account sees it, activities from the instant `since` on.

    `account_id` is the firm's: the first org's where several know the account.
    """
    with engine.connect().execution_options(reading=True) as c:
        yield Firm(c, _narrowed(orgs, _wanted(c, orgs, account_id, since)), orgs[0])


def _wanted(c: Connection, orgs: Sequence[int], account_id: str, since: int) -> dict[int, Ids]:
    """Ids of the records that bear on the account, org by org."""
    people, links = Links(c, orgs, "owner"), Links(c, orgs, "account")
    parts = {org: _own(c, org, links.here(org, [account_id]), since) for org in orgs}
    times = sorted({r.starts_at for part in parts.values() for r in part.activities})
    persons = {people.firm(org, i) for org, part in parts.items() for i in _persons(c, org, part.activities)}
    return {org: part.ids(_same_days(c, org, people.here(org, persons), times)) for org, part in parts.items()}


class Links:
    """An org's ids and the firm's, for a kind of thing."""

    def __init__(self, c: Connection, orgs: Sequence[int], kind: str) -> None:
        self.c, self.first, self.kind = c, orgs[0], kind

    def firm(self, org: int, own_id: str) -> str:
        x = t.link.c
        query = select(x.to_id).where(x.org == org, x.kind == self.kind, x.id == own_id)
        return own_id if org == self.first else self.c.execute(query).scalar() or own_id

    def here(self, org: int, firm_ids: Collection[str]) -> list[str]:
        """The org's ids of these, several where it holds doubles; what is not linked has one id everywhere."""
        x = t.link.c
        query = select(x.id).where(x.org == org, x.kind == self.kind, x.to_id.in_(sorted(firm_ids)))
        linked = [] if org == self.first else list(self.c.execute(query).scalars())
        return sorted({*firm_ids, *linked})


_ACTIVITY = tuple(t.activity.c[name] for name in ("id", "owner_id", "starts_at", "opportunity_id", "contact_id", "twin_id"))


@dataclass(frozen=True, slots=True)
class Part:
    """What one org knows of the account."""

    accounts: Sequence[str]
    deals: Sequence[str]
    contacts: Sequence[str]
    activities: Sequence[Any]

    def ids(self, others: Sequence[Any]) -> Ids:
        """Everything that bears on it; `others` are its people's activities of the same days."""
        rows = (*self.activities, *others)
        return {
            "account": self.accounts,
            "activity": {*(r.id for r in rows), *(r.twin_id for r in rows if r.twin_id)},
            "opportunity": {*self.deals, *(r.opportunity_id for r in rows if r.opportunity_id)},
            "contact": {*self.contacts, *(r.contact_id for r in rows if r.contact_id)},
        }


def _own(c: Connection, org: int, accounts: Sequence[str], since: int) -> Part:
    """Activities of the accounts: their own, else through a deal or a person (rulings 14)."""
    o, k, a = t.opportunity.c, t.contact.c, t.activity.c
    deals = list(c.execute(select(o.id).where(o.org == org, o.account_id.in_(accounts))).scalars())
    contacts = list(c.execute(select(k.id).where(k.org == org, k.account_id.in_(accounts))).scalars())
    through = and_(a.account_id.is_(None), or_(a.opportunity_id.in_(deals), a.contact_id.in_(contacts)))
    found = [
        row
        for whose in (a.account_id.in_(accounts), through)
        for row in c.execute(select(*_ACTIVITY).where(a.org == org, a.starts_at >= since, whose))
    ]
    return Part(accounts, deals, contacts, found)


def _persons(c: Connection, org: int, activities: Sequence[Any]) -> set[str]:
    """Whoever of ours took part."""
    p = t.participant.c
    query = select(p.person_id).where(p.org == org, p.side == "ours", p.activity_id.in_([r.id for r in activities]))
    return {*c.execute(query).scalars(), *(r.owner_id for r in activities if r.owner_id)}


def _same_days(c: Connection, org: int, persons: Sequence[str], times: Sequence[int]) -> list[Any]:
    """What these people did on the days around these instants."""
    a, p = t.activity.c, t.participant.c
    if not persons or not times:
        return []
    near = or_(*(and_(a.starts_at >= low, a.starts_at <= high) for low, high in _spans(times)))
    theirs = select(p.activity_id).where(p.org == org, p.side == "ours", p.person_id.in_(persons))
    return [
        row
        for whose in (a.owner_id.in_(persons), a.id.in_(theirs))
        for row in c.execute(select(*_ACTIVITY).where(a.org == org, whose, near))
    ]


def _spans(times: Sequence[int]) -> list[tuple[int, int]]:
    """The days around instants, run together where they touch."""
    spans: list[tuple[int, int]] = []
    for at in times:
        low, high = at - 2 * DAY, at + 2 * DAY
        if spans and low <= spans[-1][1]:
            spans[-1] = (spans[-1][0], high)
        else:
            spans.append((low, high))
    return spans


#: by which of its fields a record is chosen, and the kind that field names; what is not here is not needed
CHOSEN = {"account": ("id", "account"), "activity": ("id", "activity"), "opportunity": ("id", "opportunity"),
          "contact": ("id", "contact"), "participant": ("activity_id", "activity"),
          "opportunity_change": ("opportunity_id", "opportunity"), "line_item": ("opportunity_id", "opportunity")}  # fmt: skip


def _narrowed(orgs: Sequence[int], wanted: Mapping[int, Ids]) -> Any:
    """Each kind as a common table expression over the chosen rows of all orgs, as the first would have them."""
    made = {}
    for kind, (column, of) in CHOSEN.items():
        source = t.metadata.tables[kind]
        parts = [
            (of_first(source, org) if org == orgs[0] else as_first(source, orgs[0], org)).where(
                source.c[column].in_(sorted(wanted[org][of]))
            )
            for org in orgs
        ]
        made[kind] = (parts[0] if len(parts) == 1 else union_all(*parts)).cte(f"one_{kind}")
    return SimpleNamespace(**made)
