"""Distribution of a firm's accounts, entries and deals over two CRMs (docs/facts/running.md, "Two CRMs")."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.world.dossier import Dossier, Entry

#: shares of accounts known in both CRMs and in Salesforce alone
BOTH, FIRST_ONLY = 0.60, 0.25
#: of those in both, the share that a synchronisation has linked by id; the others share a domain
BY_ID = 2 / 3
#: entries of a linked account that a tool copied into both CRMs
COPIED = 0.15


@dataclass(frozen=True, slots=True)
class Place:
    """Place where an account, its entries and its deals are recorded."""

    first: bool
    second: bool
    by_id: bool
    first_entries: tuple[Entry, ...]
    second_entries: tuple[Entry, ...]
    second_deals: tuple[int, ...]  #: numbers of the deals that the second CRM knows


def alone(d: Dossier, *, first: bool) -> Place:
    """Place an account in a firm with one CRM."""
    return Place(first, not first, False, d.entries if first else (), () if first else d.entries, tuple(range(len(d.deals))))


def place(seed: str, d: Dossier) -> Place:
    """Draw the place apart from everything else, so that the firm is the same whatever its CRMs are."""
    rng = random.Random(f"{seed}/place/{d.account.number}")
    draw = rng.random()
    if draw >= BOTH:
        return alone(d, first=draw < BOTH + FIRST_ONLY)
    mine, theirs = _split(rng, d.entries)
    deals = tuple(n for n in range(len(d.deals)) if rng.random() < 0.5)
    return Place(True, True, rng.random() < BY_ID, mine, theirs, deals)


def _split(rng: random.Random, entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Put each entry in one CRM, some in both."""
    mine: list[Entry] = []
    theirs: list[Entry] = []
    for entry in entries:
        draw = rng.random()
        copied = draw < COPIED
        if copied or draw < COPIED + (1 - COPIED) / 2:
            mine.append(entry)
        if copied or draw >= COPIED + (1 - COPIED) / 2:
            theirs.append(entry)
    return tuple(mine), tuple(theirs)
