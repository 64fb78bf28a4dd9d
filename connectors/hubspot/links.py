"""Associations: who belongs to whom. Pure (docs/facts/hubspot.md, "List, search and batch")."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

#: HubSpot's own types of the primary company: contact -> company, deal -> company
PRIMARY = (1, 5)
#: inline, a primary link's type has no "_unlabeled" twin's ending
INLINE_PRIMARY = ("contact_to_company", "deal_to_company")


class Link(NamedTuple):
    """One record that another one is linked to; several labels make one link."""

    id: str
    primary: bool
    label: str | None


#: to-type -> from-id -> links
Links = Mapping[str, Mapping[str, Sequence[Link]]]


def inline(page: Mapping[str, Any]) -> list[Link]:
    """Return the links that a listed record carries to one type."""
    results = page["results"]
    if len(results) == 1:
        return [Link(results[0]["id"], results[0]["type"] in INLINE_PRIMARY, None)]
    return _merged((str(x["id"]), x["type"] in INLINE_PRIMARY, None) for x in results)


def batch(entry: Mapping[str, Any]) -> list[Link]:
    """Return the links of one from-id in an associations answer; `toObjectId` may be a number or a text."""
    untyped: list[dict[str, Any]] = [{}]
    return _merged(
        (str(to["toObjectId"]), _is_primary(kind), kind.get("label"))
        for to in entry.get("to", ())
        for kind in to.get("associationTypes") or untyped
    )


def _is_primary(kind: Mapping[str, Any]) -> bool:
    return kind.get("category") == "HUBSPOT_DEFINED" and kind.get("typeId") in PRIMARY


def _merged(parts: Iterable[tuple[str, bool, str | None]]) -> list[Link]:
    """One link a record, in the order of their ids."""
    by_record: dict[str, Link] = {}
    for record, primary, label in parts:
        link = by_record.get(record)
        label = None if label == "Primary" else label
        if link is None:
            by_record[record] = Link(record, primary, label)
        elif primary or label:
            by_record[record] = Link(record, primary or link.primary, link.label or label)
    return sorted(by_record.values(), key=_order)


def _order(link: Link) -> tuple[int, str]:
    return len(link.id), link.id


def chosen(links: Sequence[Link]) -> str | None:
    """Return the one a record belongs to: the primary, else the oldest (ids grow with time)."""
    if not links:
        return None
    return next((x.id for x in links if x.primary), links[0].id)


def joined(first: Sequence[Link], second: Sequence[Link]) -> list[Link]:
    """Return the links of two pages of one record."""
    return _merged((x.id, x.primary, x.label) for part in (first, second) for x in part)
