"""Columns of text to columns of values: exact, and the same by the quick way and the slow one."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import fields
from connectors.columns import cents, days, instants, local_days, within
from connectors.errors import Incomplete
from connectors.keyed import Keyed, normalised
from connectors.salesforce import bulk
from connectors.salesforce.sheet import Context
from connectors.salesforce.streams import STREAMS, rows
from connectors.seniority import level
from scoring.records import columns

MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 hypothesis wants naive bounds


@given(st.lists(MOMENTS, min_size=1, max_size=30))
def test_a_column_of_stamps_is_read_to_the_second(moments: list[datetime]) -> None:
    texts = [m.strftime("%Y-%m-%dT%H:%M:%S.000Z").zfill(24) for m in moments]
    expected = [int(m.replace(microsecond=0).timestamp()) for m in moments]
    assert instants(texts, Counter(), "x") == expected
    assert instants([*texts, ""], Counter(), "x") == [*expected, None]


def test_a_time_that_cannot_be_is_left_out_and_counted() -> None:
    odd: Counter[str] = Counter()
    assert instants(["1970-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"], odd, "Event.StartDateTime") == [
        None,
        1767225600,
    ]
    assert odd == {"Event.StartDateTime: before 1990 or after 2100, left out": 1}


@given(
    st.lists(MOMENTS, min_size=1, max_size=20), st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"])
)
def test_the_local_day_is_the_day_on_the_owner_s_wall(moments: list[datetime], zone: str) -> None:
    """Also in the nights in which the clocks change."""
    seconds = [int(m.timestamp()) for m in moments]
    epoch = datetime(1970, 1, 1, tzinfo=UTC).date()
    expected = [(datetime.fromtimestamp(s, ZoneInfo(zone)).date() - epoch).days for s in seconds]
    assert local_days(seconds, ["U"] * len(seconds), {"U": zone}) == expected


def test_an_hour_of_the_night_in_which_the_clocks_change_belongs_to_its_own_day() -> None:
    start = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
    seconds: list[int | None] = [int((start + timedelta(hours=h)).timestamp()) for h in range(26)]
    assert [d for d in local_days(seconds, ["U"] * 26, {"U": "Europe/Berlin"}) if d is not None][0:2] == [20540, 20541]


def test_money_is_exact_and_what_is_beyond_belief_is_left_out() -> None:
    odd: Counter[str] = Counter()
    texts = ["0.1", "", "24120000.0", "2.412E7", "123456789012.34", "1e16", "-5.005"]
    assert cents(texts, odd, "x") == [10, None, 2412000000, 2412000000, 12345678901234, None, -500]
    assert odd == {"x: beyond 10^15, left out": 1}


def test_numbers_outside_their_range_are_cut_and_counted() -> None:
    odd: Counter[str] = Counter()
    assert within([5, None, 1000], 0, 100, odd, "p") == [5, None, 100]
    assert odd == {"p: outside 0..100, cut": 1}


def test_dates_become_days() -> None:
    assert days(["1970-01-02", "", "2026-11-23"]) == [1, None, 20780]


def test_replies_share_their_subject_and_other_keys_give_other_hashes() -> None:
    one, two = Keyed(b"a" * 32), Keyed(b"b" * 32)
    first, reply, other, empty = one.column(["Offer  12", "RE: Fwd: offer 12", "Offer 13", "Re:"])
    assert first == reply
    assert first != other
    assert empty is None
    assert two.column(["Offer 12"]) != [first]
    assert normalised("AW: Re:  Hello ") == "hello"


@pytest.mark.parametrize(
    ("title", "expected"),
    [("Chief Operating Officer", "chief"), ("Vice President, Sales", "director"), ("Head of IT", "director"),
     ("Purchasing Manager", "manager"), ("Technician", "staff"), ("", None), ("Co-Founder & CEO", "chief")],
)  # fmt: skip
def test_a_title_becomes_its_class(title: str, expected: str | None) -> None:
    assert level(title) == expected


@pytest.mark.parametrize(
    ("text", "held"),
    [("12.345", 12.35), ("-5", -5.0), ("1e15", 1e15), ("1e16", None), ("1e999", None), ("NaN", None), ("", None)],
)
def test_a_person_s_figure_is_a_number_that_can_be_meant(text: str, held: float | None) -> None:
    """One that is infinite would take the whole book's hours, and end the night for everybody."""
    [found] = fields.read({"potential_override": [text]}, 1)
    assert json.loads(found).get("potential_override") == held


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8))
def test_a_page_is_parsed_the_same_by_the_quick_way_and_the_reader(table: list[tuple[str, str, str]]) -> None:
    """Quotes, commas, line breaks and what looks like the break between rows included."""
    lines = [",".join('"' + c.replace('"', '""') + '"' for c in row) for row in [("a", "b", "c"), *table]]
    found, count = bulk.parse(("\n".join(lines) + "\n").encode())
    assert count == len(table)
    assert [tuple(v) for v in zip(*(found[n] for n in "abc"), strict=True)] == table


def test_a_page_with_fewer_rows_than_announced_or_a_torn_one_is_incomplete() -> None:
    with pytest.raises(Incomplete, match="announced 3 rows and held 1"):
        bulk.parse(b'"Id"\n"1"\n', "3")
    with pytest.raises(Incomplete, match="torn row"):
        bulk.parse(b'"Id","Name"\n"1","a"\n"2"\n')


@pytest.mark.parametrize("stream", STREAMS, ids=lambda s: s.entity)
def test_every_stream_maps_a_bare_row_to_a_whole_record(stream: object) -> None:
    """Only the required fields are there: everything else degrades, nothing crashes, no row is lost."""
    samples = {"StartDateTime": "2026-01-01T10:00:00.000Z", "CreatedDate": "2026-01-01T10:00:00.000Z", "CloseDate": "2026-02-01",
               "IsClosed": "false", "IsWon": "false", "ConversionRate": "1.5", "NewValue": "005Wk0000000001AAA"}  # fmt: skip
    # a change of owner that does not name the new one tells nothing
    asked = (*stream.required, *(("NewValue",) if stream.entity == "AccountHistory" else ()))  # type: ignore[attr-defined]
    found = {f: [samples.get(f, "001Wk0000000001AAA")] for f in asked}
    made = [r for part in rows(stream, found, 1, Context(Keyed(b"k" * 32), Keyed(b"k" * 32))) for r in part]  # type: ignore[arg-type]
    assert len(made) == 1
    assert len(made[0]) == len(columns(stream.kind))  # type: ignore[attr-defined]
