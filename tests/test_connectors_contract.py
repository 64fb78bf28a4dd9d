"""What every `Crm` must keep: the one in memory, Salesforce and HubSpot over HTTP; what is pulled lands in a real database."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from builders import portal
from shared import migrated, sample
from sqlalchemy import select, update

from assay.night import pull as reading
from assay.night.pull import Tally
from connectors.errors import Unavailable
from connectors.hubspot import HubSpotConfig
from connectors.hubspot import open_admin as open_portal_admin
from connectors.hubspot import open_org as open_portal
from connectors.memory import EmptyDatabase, MemoryCrm
from connectors.port import Crm, Page, Sending
from connectors.salesforce import SalesforceConfig, open_admin, open_org
from db import tables
from db.store import Store
from sandbox import process, world
from scoring.records import KINDS, WRITTEN, FieldUpdate, WriteResult, columns

VALUES = {"state": "Comfort zone", "since": "2026-10-01", "potential": 12000, "grade": "A", "hours": 12.5, "confidence": 70}


@dataclass
class Org:
    """A CRM under test and the hands that change it."""

    open: Callable[[], Crm]  #: a fresh connection, checked
    edit: Callable[[str, dict[str, Any]], None]  #: account id, new values of our records' fields
    delete: Callable[[str], None]
    advance: Callable[[int], None]
    close: Callable[[], None] = lambda: None


def memory() -> Org:
    crm = MemoryCrm(now=1_790_000_000)
    crm.put("owner", id="U1", name="Ann", active=True, started_at=1)
    for n in range(1, 8):
        crm.put("account", id=f"A{n}", name=f"Account {n}", owner_id="U1", created_at=1_700_000_000)
        crm.put("activity", id=f"E{n}", kind="meeting", status="held", account_id=f"A{n}", owner_id="U1", all_day=False,
                child=False, starts_at=1_780_000_000, seconds=1800)  # fmt: skip
    for n in range(8, 220):
        crm.put("account", id=f"A{n}", name=f"Account {n}", owner_id="U1")

    crm.now += 1000  # all that was made before the first pull

    def advance(seconds: int) -> None:
        crm.now += seconds

    return Org(
        lambda: crm, lambda i, v: crm.put("account", id=i, **v), lambda i: crm.put("account", id=i, deleted=True), advance
    )


@pytest.fixture(scope="module")
def sandbox_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("world")
    world.generate(folder, seed=3, accounts=220, reps=6)
    with process.running(folder) as line:
        yield line["salesforce"]


def config(line: dict[str, Any], **changes: Any) -> SalesforceConfig:
    values = {"login_url": line["url"], "client_id": line["client_id"], "username": line["username"],
              "private_key": Path(line["private_key_file"]).read_text(), "allow_hosts": (line["url"].removeprefix("http://"),),
              "subject_salt": b"k" * 32}  # fmt: skip
    return SalesforceConfig(**(values | changes))


NAMES = {"employees": "NumberOfEmployees", "name": "Name"}


def salesforce(line: dict[str, Any]) -> Org:
    hands = httpx.Client(base_url=line["url"])
    hands.post("/_sandbox/reset").raise_for_status()
    admin = open_admin(config(line))
    admin.apply()
    opened_ones: list[Any] = [hands, admin]

    def opened() -> Crm:
        crm = open_org(config(line), sleep=lambda _: None)
        opened_ones.append(crm)
        crm.check()
        return crm

    def close() -> None:
        for one in opened_ones:
            one.close()

    def edit(account: str, values: dict[str, Any]) -> None:
        body = {"op": "update", "object": "Account", "id": account, "values": {NAMES[k]: v for k, v in values.items()}}
        hands.post("/_sandbox/edit", json=body).raise_for_status()

    def delete(account: str) -> None:
        hands.post("/_sandbox/edit", json={"op": "delete", "object": "Account", "id": account}).raise_for_status()

    def advance(seconds: int) -> None:
        hands.post("/_sandbox/clock", json={"advance": seconds}).raise_for_status()

    return Org(opened, edit, delete, advance, close)


@pytest.fixture(scope="module")
def portal_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with process.running(portal(tmp_path_factory.mktemp("portal"))) as line:
        yield line["hubspot"]


def hubspot(line: dict[str, Any]) -> Org:
    hands = httpx.Client(base_url=line["url"])
    hands.post("/_sandbox/reset").raise_for_status()
    settings = HubSpotConfig(line["token"], line["url"], allow_hosts=(line["url"].removeprefix("http://"),),
                             subject_salt=b"k" * 32)  # fmt: skip
    admin = open_portal_admin(settings)
    admin.apply()
    opened_ones: list[Any] = [hands, admin]

    def opened() -> Crm:
        crm = open_portal(settings, sleep=lambda _: None)
        opened_ones.append(crm)
        crm.check()
        return crm

    def close() -> None:
        for one in opened_ones:
            one.close()

    def change(**body: Any) -> None:
        hands.post("/_sandbox/edit", json={"object": "companies"} | body).raise_for_status()

    names = {"employees": "numberofemployees"}
    return Org(
        opened, lambda i, v: change(op="update", id=i, values={names[k]: x for k, x in v.items()}),
        lambda i: change(op="archive", id=i),
        lambda seconds: hands.post("/_sandbox/clock", json={"advance": seconds}).raise_for_status() and None, close,
    )  # fmt: skip


@pytest.fixture(params=["memory", "salesforce", "hubspot"])
def org(request: pytest.FixtureRequest) -> Iterator[Org]:
    if request.param == "memory":
        made = memory()
    elif request.param == "salesforce":
        made = salesforce(request.getfixturevalue("sandbox_line"))
    else:
        made = hubspot(request.getfixturevalue("portal_line"))
    yield made
    made.close()


class Shelf:
    """A database that takes what is pulled."""

    def __init__(self, path: Path) -> None:
        self.engine = migrated(f"sqlite:///{path}/shelf.db")
        self.store = Store(self.engine)
        facts = {"external_id": "x", "name": "x", "sandbox": True, "currency": "EUR"}
        self.org = self.store.pin_org("any", facts)

    def pull(self, crm: Crm, *, full: bool = False) -> Tally:
        tally = Tally()
        reading.pull(crm, self.store, self.org, 0, tally, lambda *_: None, full=full)
        return tally

    def accounts(self) -> dict[str, dict[str, Any]]:
        return {r["id"]: r for r in self.store.rows(select(tables.account))}

    def held(self, account: str) -> Any:
        """Our fields as they were pulled."""
        return json.loads(self.accounts()[account]["ours"])

    def alive(self) -> list[str]:
        return sorted(i for i, a in self.accounts().items() if not a["deleted"])


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    yield made
    made.engine.dispose()


def pulled(crm: Crm) -> list[Page]:
    return [p for p in crm.pull({}, EmptyDatabase()) if isinstance(p, Page)]


def test_check_tells_who_the_org_is_and_what_time_it_is(org: Org) -> None:
    check = org.open().check()
    assert check.org_id
    assert check.now > 1_700_000_000
    assert len(check.currency) == 3


def test_every_row_has_a_value_for_each_field_of_its_kind(org: Org) -> None:
    """A page is columns(kind) wide, its ids are texts, its flags are flags."""
    for page in pulled(org.open()):
        assert page.kind in KINDS
        for row in page.rows:
            record = dict(zip(columns(page.kind), row, strict=True))
            assert isinstance(record["id"], str)
            assert isinstance(record["deleted"], bool)
            whole = [
                v for k, v in record.items() if k.endswith(("_at", "_cents", "seconds")) or k in ("owner_day", "close_day")
            ]
            assert all(v is None or type(v) is int for v in whole)


def test_the_watermark_comes_with_the_last_page_of_a_stream_and_streams_do_not_mix(org: Org) -> None:
    pages = pulled(org.open())
    order = [p.stream for p in pages]
    assert order == sorted(order, key=order.index)
    for stream in set(order):
        mine = [p for p in pages if p.stream == stream]
        assert all(p.watermark is None for p in mine[:-1])
        assert mine[-1].watermark is not None


def test_pulling_twice_gives_the_same_records(org: Org) -> None:
    first, second = pulled(org.open()), pulled(org.open())
    assert [(p.stream, sorted(p.rows, key=repr)) for p in first] == [(p.stream, sorted(p.rows, key=repr)) for p in second]


def test_a_change_after_the_watermark_is_delivered_and_little_else(org: Org, shelf: Shelf) -> None:
    first = shelf.pull(org.open())
    changed = shelf.alive()[0]
    org.advance(7200)
    org.edit(changed, {"employees": 77})
    second = shelf.pull(org.open())
    assert shelf.accounts()[changed]["employees"] == 77
    assert sum(second.changed.values()) == 1
    assert sum(second.rows.values()) < sum(first.rows.values())


def test_a_change_in_the_second_of_the_last_pull_is_not_lost(org: Org, shelf: Shelf) -> None:
    """Many records share one stamp; leaving the edge out would lose some of them."""
    shelf.pull(org.open())
    changed = shelf.alive()[1]
    org.edit(changed, {"employees": 5})
    shelf.pull(org.open())
    assert shelf.accounts()[changed]["employees"] == 5


class Breaks:
    """A CRM whose line breaks after so many parts of the pull."""

    def __init__(self, crm: Crm, after: int) -> None:
        self.crm, self.after = crm, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self.crm, name)

    def pull(self, *given: Any) -> Iterator[Any]:
        for n, part in enumerate(self.crm.pull(*given)):
            if n == self.after:
                raise Unavailable("the line broke")
            yield part


def everything(shelf: Shelf) -> dict[str, list[Any]]:
    """Every pulled row of every kind, without the moments of our own reading."""
    kinds = [t for t in tables.metadata.sorted_tables if "deleted" in t.c and "org" in t.c]
    return {t.name: sorted(map(str, shelf.store.rows(select(t)))) for t in kinds}


@pytest.mark.sampled
def test_a_pull_that_broke_anywhere_is_whole_after_the_next(org: Org, tmp_path: Path) -> None:
    """Airbyte's acceptance test "read from every intermediate state" (docs/facts/running.md, "Conformance")."""
    parts = sum(1 for _ in org.open().pull({}, EmptyDatabase()))
    whole = Shelf(tmp_path)
    whole.pull(org.open())
    expected = everything(whole)
    assert sum(map(len, expected.values())) > 100
    for n in sorted({round(i * (parts - 1) / 7) for i in sample(range(8), 3, 1)}):
        (folder := tmp_path / str(n)).mkdir()
        broken = Shelf(folder)
        with pytest.raises(Unavailable):
            broken.pull(Breaks(org.open(), n))
        broken.pull(org.open())
        assert everything(broken) == expected
        broken.engine.dispose()
    whole.engine.dispose()


def test_a_state_far_in_the_future_yields_nothing(org: Org, shelf: Shelf) -> None:
    """Airbyte's acceptance test of the same name: no record, and none that we hold is lost."""
    shelf.pull(org.open())
    before = everything(shelf)
    with shelf.engine.begin() as c:
        c.execute(update(tables.watermark).values(delivered_until=4_000_000_000))
    org.advance(7200)
    assert sum(shelf.pull(org.open()).changed.values()) == 0
    assert everything(shelf) == before


def test_deleted_records_are_known_to_be_deleted(org: Org, shelf: Shelf) -> None:
    shelf.pull(org.open())
    gone = shelf.alive()[2]
    org.advance(7200)
    org.delete(gone)
    shelf.pull(org.open())
    assert shelf.accounts()[gone]["deleted"]


def test_ids_are_those_of_the_pulled_records(org: Org) -> None:
    crm = org.open()
    pages = pulled(crm)
    for kind in ("account", "activity", "owner"):
        held = {r[0] for p in pages if p.kind == kind for r in p.rows}
        assert held == {i for batch in crm.ids(kind) or () for i in batch}


def written(crm: Crm, updates: list[FieldUpdate]) -> tuple[list[Sending | WriteResult], dict[str, WriteResult]]:
    said = list(crm.write(updates))
    return said, {r.account_id: r for r in said if isinstance(r, WriteResult)}


def test_what_is_written_is_what_is_read_back(org: Org, shelf: Shelf) -> None:
    crm = org.open()
    shelf.pull(crm)
    account = shelf.alive()[0]
    texts = {"reason": 'He said "no", 12 % ünï 😀', "next_step": "Present Service: 3 of 4 own it."}
    _, results = written(crm, [FieldUpdate(account, VALUES | texts)])
    assert results[account].ok, results[account]
    shelf.pull(org.open())
    assert shelf.held(account) == VALUES | texts


def test_an_empty_value_clears_the_field(org: Org, shelf: Shelf) -> None:
    crm = org.open()
    shelf.pull(crm)
    account = shelf.alive()[0]
    written(crm, [FieldUpdate(account, VALUES)])
    written(crm, [FieldUpdate(account, {"hours": None})])
    shelf.pull(org.open())
    assert shelf.held(account) == {k: v for k, v in VALUES.items() if k != "hours"}


def test_there_is_exactly_one_result_a_row_also_for_accounts_that_do_not_exist(org: Org, shelf: Shelf) -> None:
    """One row's refusal does not stop the others, and nothing is created."""
    crm = org.open()
    shelf.pull(crm)
    ids = shelf.alive()[:3]
    org.delete(ids[1])
    unknown = {"hubspot": "999999999"}.get(crm.name, "001Zz0000000000AAA")
    _, results = written(crm, [FieldUpdate(i, VALUES) for i in (*ids, unknown)])
    assert {i: r.ok for i, r in results.items()} == {ids[0]: True, ids[1]: False, ids[2]: True, unknown: False}
    assert results[unknown].code
    shelf.pull(org.open())
    assert unknown not in shelf.accounts()


def test_a_call_is_announced_before_its_results(org: Org, shelf: Shelf) -> None:
    crm = org.open()
    shelf.pull(crm)
    ids = shelf.alive()[:210]
    said, results = written(crm, [FieldUpdate(i, VALUES) for i in reversed(ids)])
    assert set(results) == set(ids)
    announced: set[str] = set()
    for word in said:
        if isinstance(word, Sending):
            announced |= set(word.account_ids)
        else:
            assert word.account_id in announced


def test_writing_the_same_twice_is_harmless(org: Org, shelf: Shelf) -> None:
    crm = org.open()
    shelf.pull(crm)
    account = shelf.alive()[0]
    for _ in range(2):
        assert written(crm, [FieldUpdate(account, VALUES)])[1][account].ok
    shelf.pull(org.open())
    assert shelf.held(account) == VALUES


def test_our_own_writes_are_no_change(org: Org, shelf: Shelf) -> None:
    """The second pull after a write may read the records again; nothing about them is different."""
    crm = org.open()
    shelf.pull(crm)
    written(crm, [FieldUpdate(i, VALUES) for i in shelf.alive()[:5]])
    org.advance(7200)
    assert sum(shelf.pull(org.open()).changed.values()) == 5
    org.advance(7200)
    assert sum(shelf.pull(org.open()).changed.values()) == 0


def test_reading_accounts_again_tells_what_they_hold_now(org: Org, shelf: Shelf) -> None:
    """Straight from the records, without a pull; what is gone is left out."""
    crm = org.open()
    shelf.pull(crm)
    ids = shelf.alive()[:4]
    written(crm, [FieldUpdate(i, VALUES) for i in ids[:3]])
    org.delete(ids[1])
    unknown = {"hubspot": "999999999"}.get(crm.name, "001Zz0000000000AAA")
    now = {i: json.loads(ours) for i, ours in crm.reread([*ids, unknown])}
    assert now == {ids[0]: VALUES, ids[2]: VALUES, ids[3]: {}}
    assert list(crm.reread([])) == []


def test_people_s_answers_are_never_written(org: Org, shelf: Shelf) -> None:
    assert not set(WRITTEN) & {"answer", "snooze_until", "potential_override", "answer_noted"}
    crm = org.open()
    shelf.pull(crm)
    account = shelf.alive()[0]
    if crm.name != "memory":
        written(crm, [FieldUpdate(account, VALUES | {"answer": "Agree"})])
        shelf.pull(org.open())
        assert "answer" not in shelf.held(account)


def test_calls_are_counted(org: Org) -> None:
    crm = org.open()
    before = crm.calls
    pulled(crm)
    assert crm.calls > before
