"""Brings what changed in an org: small answers by REST, large ones by Bulk (docs/adr/0003).

A first load's jobs are all begun before the first is read, so that the org works on all of them at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.errors import Refused
from connectors.port import Page
from connectors.salesforce import bulk, schema, soql, streams
from connectors.salesforce.errors import code_of
from connectors.salesforce.session import Session, server_time
from connectors.salesforce.sheet import Context
from connectors.salesforce.streams import Stream
from connectors.scope_fields import Traits
from connectors.scope_fields import stream as with_traits

#: rows become visible late with an earlier stamp; this much is read again (docs/adr/0003)
OVERLAP = 600
#: a delta up to here goes by REST, page after page; beyond by Bulk
REST_ROWS = 4_000
#: codes with which Bulk refuses an object that REST can read
BULK_REFUSES = ("INVALIDENTITY", "FEATURENOTENABLED", "API_ERROR")


class Pull:
    """One night's reading of one org; `has` tells whether an object's field, or a parent's behind a dot, is visible."""

    def __init__(
        self,
        session: Session,
        fields: Mapping[str, Mapping[str, Any]],
        has: Callable[[str, str], bool],
        traits: Traits,
        sleep: bulk.Sleep,
    ) -> None:
        self.session, self.fields, self.has, self.traits, self.sleep = session, fields, has, traits, sleep
        self.begun: dict[str, tuple[int, str]] = {}  #: object -> server's time and address of its running job

    def all(self, chosen: Sequence[Stream], since: Mapping[str, int], context: Context) -> Iterator[Page]:
        """Yield the pages of some streams, one stream after the other."""
        try:
            self.begun = {s.entity: begun for s in chosen if self.named(s) not in since and (begun := self._begin(s))}
            for stream in chosen:
                yield from self._stream(stream, since.get(self.named(stream)), context)
        finally:
            for _, job in self.begun.values():
                bulk.remove(self.session, job)
            self.begun = {}

    def _begin(self, stream: Stream) -> tuple[int, str] | None:
        """Start a first load's job, so that the org works on all of them at once; None where REST is the way."""
        if stream.whole:
            return None
        try:
            return server_time(self.session.call("GET", self.session.data(""))), bulk.start(
                self.session, self._soql(stream, None)
            )
        except Refused as error:
            if code_of(error) not in BULK_REFUSES:
                raise
            return None

    def _soql(self, stream: Stream, since: int | None) -> str:
        filterable = {n for n, f in self.fields[stream.entity].items() if f["filterable"]}
        cursor = None if stream.whole else soql.cursor(filterable)
        return soql.select(
            stream.entity,
            self._selected(stream),
            since=(cursor, since) if cursor and since is not None else None,
            where=stream.where,
        )

    def _stream(self, stream: Stream, since: int | None, context: Context) -> Iterator[Page]:
        """Yield a stream's pages; the last one carries the watermark."""
        text, name = self._soql(stream, since), self.named(stream)
        started: list[int] = []
        page: Page | None = None
        for columns, count in self._read(stream, text, since is not None, started):
            for rows in streams.rows(stream, columns, count, context):
                if page is not None:
                    yield page
                page = Page(name, stream.kind, rows, None, dict(context.odd))
                context.odd.clear()
        last = page or Page(name, stream.kind, ())
        yield Page(last.stream, last.kind, last.rows, max(0, started[0] - OVERLAP), last.odd)

    def _selected(self, stream: Stream) -> list[str]:
        ours = list(schema.NAMES.values()) if stream.entity == schema.OBJECT else []
        besides = [f for fields in self.besides(stream.entity).values() for f in fields]
        wanted = dict.fromkeys((*stream.required, *stream.optional, *ours, *besides))
        return [f for f in wanted if self.has(stream.entity, f)]

    def besides(self, entity: str) -> dict[str, tuple[str, ...]]:
        """Return the criteria of [scope] that an object's records are asked for, with its fields."""
        return {name: fields for name, fields in self.traits.fields.items() if fields and entity == schema.OBJECT}

    def named(self, stream: Stream) -> str:
        """Return the stream's name: another one where [scope] asks for more, so that its records are read again."""
        return with_traits(stream.entity, self.besides(stream.entity))

    def _read(self, stream: Stream, text: str, delta: bool, started: list[int]) -> Iterator[bulk.Table]:
        """Small answers by REST, large ones by Bulk; `started` receives the server's time before the query."""
        if stream.entity in self.begun:
            moment, address = self.begun.pop(stream.entity)
            started.append(moment)
            yield from self._pages(address)
            return
        response = self.session.call("GET", self.session.data("/queryAll"), params={"q": text})
        started.append(server_time(response))
        body = response.json()
        if body["totalSize"] > REST_ROWS and not stream.whole:
            yield from self._bulk_first(text)
            return
        yield from self._records(body)

    def _bulk_first(self, text: str) -> Iterator[bulk.Table]:
        """Bulk; where it refuses the object, REST."""
        try:
            address = bulk.start(self.session, text)
        except Refused as error:
            if code_of(error) not in BULK_REFUSES:
                raise
            yield from self._rest(text)
            return
        yield from self._pages(address)

    def _pages(self, address: str) -> Iterator[bulk.Table]:
        try:
            yield from bulk.pages(self.session, address, self.sleep)
        finally:
            bulk.remove(self.session, address)

    def _rest(self, text: str) -> Iterator[bulk.Table]:
        yield from self._records(self.session.call("GET", self.session.data("/queryAll"), params={"q": text}).json())

    def _records(self, body: Any) -> Iterator[bulk.Table]:
        """Yield a REST answer and the pages after it."""
        while True:
            yield _columns(body["records"])
            if body["done"]:
                return
            body = self.session.call("GET", body["nextRecordsUrl"]).json()

    def ids(self, stream: Stream) -> Iterator[Sequence[str]]:
        """Return the ids of all records of a stream that exist now, in batches."""
        key = self._key(stream)
        text = soql.select(stream.entity, (key,), where=stream.where)
        source = self._rest(text) if stream.whole else self._bulk_first(text)
        for columns, _ in source:
            yield list(columns.get(key, ()))

    def _key(self, stream: Stream) -> str:
        """Return the field that becomes our record's id: names for stages and currencies, as other records refer to them."""
        if stream.kind == "currency_rate":
            return "IsoCode"
        if stream.kind == "stage":
            return "ApiName" if self.has(stream.entity, "ApiName") else "MasterLabel"
        return "Id"


def _columns(records: Sequence[Mapping[str, Any]]) -> bulk.Table:
    """REST records as the columns of text that Bulk gives."""
    names = [n for n in records[0] if n != "attributes"] if records else []
    columns: dict[str, Sequence[str]] = {}
    for name in names:
        if any(isinstance(r[name], dict) for r in records):
            inner = {k for r in records if r[name] for k in r[name] if k != "attributes"}
            columns |= {f"{name}.{k}": [bulk.as_text((r[name] or {}).get(k)) for r in records] for k in inner}
        else:
            columns[name] = [bulk.as_text(r[name]) for r in records]
    return columns, len(records)
