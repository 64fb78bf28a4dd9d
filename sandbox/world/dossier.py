"""Everything to be recorded of one account, before any CRM: drawn once, written by each CRM's writer."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.world import names
from sandbox.world.plan import Account, Profile
from sandbox.world.timeline import Deal, Touch, deals, touches

SUBJECTS = ("Visit", "Jour fixe", "Project review", "Check-in", "Follow-up", "Site tour")
#: calendar entries that are no selling time
ODD = ("private", "free", "template", "all_day")


@dataclass(frozen=True, slots=True)
class Contact:
    first: str
    last: str
    title: str
    department: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Touch as somebody logged it."""

    touch: Touch
    subject: str
    odd: str | None  #: a calendar entry beside it that is no selling time
    colleague: int | None  #: number of an invited rep


@dataclass(frozen=True, slots=True)
class Dossier:
    account: Account
    contacts: tuple[Contact, ...]
    deals: tuple[Deal, ...]
    entries: tuple[Entry, ...]

    @property
    def domain(self) -> str:
        """Return the company's own domain; no two share one."""
        return names.company(self.account.number).lower().replace(" ", "-") + ".example"


def dossier(rng: random.Random, account: Account, team: Sequence[int], profile: Profile) -> Dossier:
    """Draw an account's people, deals and entries; `team` are the numbers of all reps."""
    people = tuple(_contact(rng) for _ in range(rng.randint(3, 8)))
    drawn_deals = tuple(deals(rng, account, len(people), profile))
    others = [n for n in team if n != account.rep.number]
    logged = touches(rng, account, len(people), profile)
    entries = (_entry(rng, t, f"{account.number}-{n}", others, profile) for n, t in enumerate(logged))
    return Dossier(account, people, drawn_deals, tuple(entries))


def _contact(rng: random.Random) -> Contact:
    first, last = names.person(rng)
    return Contact(first, last, rng.choice(names.TITLES), rng.choice(names.DEPARTMENTS))


def _entry(rng: random.Random, touch: Touch, mark: str, others: Sequence[int], profile: Profile) -> Entry:
    """Log a touch; a mail has a subject of its own, the same in every CRM that it is copied to."""
    if touch.kind == "call":
        return Entry(touch, "Call", None, None)
    subject = rng.choice(SUBJECTS)
    if touch.kind == "email":
        return Entry(touch, f"{subject} {mark}", None, None)
    odd = rng.choice(ODD) if rng.random() < profile.messy else None
    colleague = rng.choice(others) if touch.colleagues and others else None
    return Entry(touch, subject, odd, colleague)
