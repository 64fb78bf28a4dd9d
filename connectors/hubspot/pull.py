"""Finds what changed in a portal and brings it (docs/facts/hubspot.md, "What a sync does"; docs/adr/0009).

First, everything is listed. Later nights list ids, stamps and links of what people sell to (companies, contacts, deals,
line items) and read only what changed; activities are searched by their date and their links are read again, because a
link made days later moves no date.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from connectors.columns import instants
from connectors.hubspot import activities, mapping, ownership
from connectors.hubspot.api import Api, Record
from connectors.hubspot.links import Links, chosen
from connectors.hubspot.sheet import Context, Rows, Sheet
from connectors.hubspot.streams import COMPANIES, DEALS, HANGING, PARENTS, Stream
from connectors.port import Known, Listing, Page, Patch, Pulled, Whole
from connectors.scope_fields import stream as with_traits

#: records mapped and saved at a time
PART = 2_000
#: ids whose links are asked for at a time
LINKED = 1_000
#: server clocks are not one clock (seconds)
SKEW = 2
#: the search index lags; what it showed late is read again the next night (seconds)
LAG = 3_600

ASSOCIATIONS = "associations"


class Pull:
    """One night's reading of one portal."""

    def __init__(self, api: Api, context: Context, known: Known, properties: Mapping[str, frozenset[str]]) -> None:
        self.api, self.context, self.known, self.properties = api, context, known, properties

    def stream(self, stream: Stream, since: int | None) -> Iterator[Pulled]:
        """Read all of a stream, or what changed since; its last page carries the watermark."""
        name = self.named(stream)
        if since is None:
            pages = self._first(stream)
        elif stream.listed:
            pages = self._compared(stream, since)
        else:
            pages = self._searched(stream, since)
        yield from pages if name == stream.type else (replace(item, stream=name) for item in pages)

    def named(self, stream: Stream) -> str:
        """Return the stream's name: another one where [scope] asks for more, so that its records are read again."""
        return with_traits(stream.type, self.context.traits if stream is COMPANIES else ())

    # ---- the first time ---------------------------------------------------------------------------------------------

    def _first(self, stream: Stream) -> Iterator[Pulled]:
        """Read everything by list, going on where an earlier night had to stop."""
        place = json.loads(self.known.resume(self.named(stream)) or "{}")
        began = place.get("began", self.api.now)
        parts = self._parts(stream, place.get("after", ""), self._wanted(stream), stream.history, self._open(stream.links))
        for records, after in parts:
            links = self.api.linked(stream.type, self._open(stream.links), records)
            resume = json.dumps({"began": began, "after": after}) if after else ""
            yield from self._pages(stream, records, links, resume)
        yield Page(stream.type, stream.kind, (), began)

    def _parts(
        self, stream: Stream, after: str, properties: Sequence[str], history: Sequence[str], links: Sequence[str]
    ) -> Iterator[tuple[list[Record], str]]:
        """List pages, some at a time."""
        part: list[Record] = []
        for page, place in self.api.pages(stream.type, properties, history=history, associations=links, after=after):
            part += page
            if len(part) >= PART or not place:
                yield part, place
                part = []

    def _wanted(self, stream: Stream) -> list[str]:
        """Return the properties that this portal has."""
        extra = [p for names in self.context.traits.values() for p in names] if stream is COMPANIES else []
        properties = dict.fromkeys((*stream.properties, *extra))
        return [p for p in properties if p in self.properties[stream.type]]

    def _open(self, types: Sequence[str]) -> list[str]:
        """Return those of some types that this key opens."""
        return [t for t in types if t in self.properties]

    # ---- compared by id ---------------------------------------------------------------------------------------------

    def _compared(self, stream: Stream, since: int) -> Iterator[Pulled]:
        """List ids with stamps and links; read what is new or newer; what is not listed is gone."""
        began, kinds, moving = self.api.now, self._kinds(stream), self._open(stream.moving)
        for records, _ in self._parts(stream, "", [stream.stamp], (), moving):
            links = self.api.linked(stream.type, moving, records)
            newer, stale = self._newer(stream, records, since), set[str]()
            for kind in kinds:
                ids = [str(r["id"]) for r in records if kind not in HANGING or str(r["id"]) in links[PARENTS[kind][1]]]
                yield Listing(stream.type, kind, ids)
                unread = self.known.missing(kind, ids) | newer.intersection(ids)
                yield from self._moved(stream, kind, [i for i in ids if i not in unread], links)
                stale |= unread
            yield from self._read(stream, [i for r in records if (i := str(r["id"])) in stale])
        for kind in kinds:
            yield Listing(stream.type, kind, (), last=True)
        yield Page(stream.type, stream.kind, (), began)

    def _kinds(self, stream: Stream) -> list[str]:
        """Tell what a stream's records may be, as far as what they would hang on can be read."""
        kinds = [stream.kind, *([stream.also[0]] if stream.also else [])]
        return [k for k in kinds if k not in HANGING or PARENTS[k][1] in self.properties]

    def _newer(self, stream: Stream, records: Sequence[Record], since: int) -> set[str]:
        stamps = instants(
            [r.get("updatedAt") or r["properties"].get(stream.stamp) or "" for r in records],
            self.context.odd,
            f"{stream.type}.{stream.stamp}",
        )
        return {str(r["id"]) for r, at in zip(records, stamps, strict=True) if at is None or at >= since - SKEW}

    def _read(self, stream: Stream, ids: Sequence[str]) -> Iterator[Pulled]:
        """Read records by id, with their links."""
        for start in range(0, len(ids), LINKED):
            some = ids[start : start + LINKED]
            links = {to: self.api.links(stream.type, to, some) for to in self._open(stream.links)}
            records = [r for part in self.api.read(stream.type, some, self._wanted(stream), stream.history) for r in part]
            yield from self._pages(stream, records, links, "")

    def _moved(self, stream: Stream, kind: str, ids: Sequence[str], links: Links) -> Iterator[Pulled]:
        """Tell what records that have not changed themselves hang on now: a merged deal, for one, has another id."""
        if not ids or kind not in PARENTS:
            return
        column, to_type = PARENTS[kind]
        sheet = Sheet(stream.type, [{"id": i, "properties": {}} for i in ids], links)
        parents = [(i, chosen(x)) for i, x in zip(ids, sheet.linked(to_type), strict=True)]
        yield Patch(stream.type, kind, ("id", column), parents)
        if stream is DEALS:
            yield self._roles(sheet)

    # ---- searched ---------------------------------------------------------------------------------------------------

    def _searched(self, stream: Stream, since: int) -> Iterator[Pulled]:
        """Read by id what changed in a closed window; and those that were archived, which moves no date."""
        began = self.api.now
        waiting: list[str] = []
        for found in self.api.changed(stream.type, stream.stamp, (since - LAG) * 1000, began * 1000 + 999):
            waiting += found
            if len(waiting) >= PART:
                yield from self._read(stream, waiting)
                waiting = []
        yield from self._read(stream, waiting)
        for records, _ in self.api.pages(stream.type, [], archived=True):
            gone = [(activities.activity_id(stream.type, str(r["id"])), True) for r in records]
            yield Patch(stream.type, stream.kind, ("id", "deleted"), gone)
        yield Page(stream.type, stream.kind, (), began)

    def relinked(self, streams: Sequence[Stream]) -> Iterator[Pulled]:
        """Read again the links of activities that still matter: they move no date when they come late."""
        began = self.api.now
        by_type = {s.type: s for s in streams}
        for batch in self.known.recent("activity"):
            for prefix, group in groupby(batch, key=lambda i: i.partition(":")[0]):
                stream = by_type.get(activities.TYPES.get(prefix, ""))
                if stream is not None:
                    yield from self._relinked(stream, [i.partition(":")[2] for i in group])
        yield Page(ASSOCIATIONS, "participant", (), began)

    def _relinked(self, stream: Stream, ids: Sequence[str]) -> Iterator[Pulled]:
        links = {to: self.api.links(stream.type, to, ids) for to in stream.moving}
        sheet = Sheet(stream.type, [{"id": i, "properties": {}} for i in ids], links)
        keys = [activities.activity_id(stream.type, i) for i in ids]
        rows = [(key, *about) for key, about in zip(keys, activities.belongs(sheet), strict=True)]
        yield Patch(ASSOCIATIONS, "activity", ("id", "account_id", "opportunity_id", "contact_id"), rows)
        for side, people in (("theirs", activities.theirs(sheet)), ("about", activities.about(sheet))):
            yield Page(ASSOCIATIONS, "participant", people, whole=Whole("activity_id", keys, {"side": side}))

    # ---- pages ------------------------------------------------------------------------------------------------------

    def _pages(self, stream: Stream, records: Sequence[Record], links: Links, resume: str) -> Iterator[Pulled]:
        """Return records as pages of every kind they make; the last of them says where to go on."""
        sheet = Sheet(stream.type, records, links)
        pages = [*self._extra(stream, sheet), self._page(stream, stream.kind, stream.map(sheet, self.context))]
        last = pages.pop()
        yield from pages
        odd = dict(self.context.odd)
        self.context.odd.clear()
        yield Page(last.stream, last.kind, last.rows, None, odd, resume=resume)

    def _extra(self, stream: Stream, sheet: Sheet) -> Iterator[Any]:
        """Tell what else a type's records say."""
        if stream is COMPANIES:
            yield Patch(stream.type, "account", ("id", "merged_into", "deleted"), mapping.merged(sheet))
            yield self._page(stream, "owner_change", ownership.owner_change(sheet, self.context))
        if stream is DEALS:
            yield self._page(stream, "opportunity_change", mapping.history(sheet, self.context))
            yield self._roles(sheet)
        if stream.also and stream.also[0] in self._kinds(stream):
            kind, map_ = stream.also
            yield self._page(stream, kind, map_(sheet, self.context))
        if stream.kind == "activity":
            keys = [activities.activity_id(stream.type, i) for i in sheet.ids]
            people = [*activities.theirs(sheet), *activities.about(sheet), *activities.colleagues(sheet)]
            yield Page(stream.type, "participant", people, whole=Whole("activity_id", keys))

    def _roles(self, sheet: Sheet) -> Page:
        return Page(
            sheet.type, "contact_role", mapping.contact_role(sheet, self.context), whole=Whole("opportunity_id", sheet.ids)
        )

    @staticmethod
    def _page(stream: Stream, kind: str, rows: Rows) -> Page:
        return Page(stream.type, kind, rows)
