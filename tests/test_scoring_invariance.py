"""What must change nothing, on a whole firm: pulled and judged by a night, then changed in its database (docs/facts/scoring.md)."""

import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import ColumnElement, Executable, delete, func, insert, literal, select, update

sys.path.append(str(Path(__file__).parent.parent / "bench"))
from fidelity import RULES, Copy
from score_world import World, judge

from db import tables as t
from scoring.judge import Judgement
from scoring.records import COMFORT
from scoring.state import NightRow, advance


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """A firm of 120 accounts that logs unevenly."""
    folder = tmp_path_factory.mktemp("invariance")
    store, _ = judge(World("uneven", 902, 120), folder, replay=1)
    store.engine.dispose()
    made = Copy(folder / "assay.db", folder)
    yield made
    made.close()


def rows(j: Judgement) -> list[NightRow]:
    """The states by the entry rule, with every probability behind them."""
    return advance({}, j, RULES)


def renamed(table: object, column: str) -> Executable:
    return update(table).values({column: literal("An other ") + func.lower(table.c[column])})  # type: ignore[arg-type,attr-defined]


def test_names_mean_nothing(copy: Copy) -> None:
    """Not even what an account, its owner or an offer is called."""
    changed = copy.judge([renamed(table, "name") for table in (t.account, t.owner, t.opportunity)])
    assert changed.frame.accounts["name"] != copy.now.frame.accounts["name"]
    assert rows(changed) == rows(copy.now)


def test_the_ids_of_records_mean_nothing(copy: Copy) -> None:
    """Nor the order in which they sort: the same records under ids that sort otherwise."""

    def other(column: ColumnElement[str]) -> ColumnElement[str]:
        return (
            func.substr(column, 15, 1).concat(func.substr(column, 14, 1)).concat(func.substr(column, 13, 1)).concat(column)
        )

    ids = [t.activity.c.id, t.activity.c.twin_id, t.participant.c.activity_id]
    j = copy.judge([update(c.table).where(c.is_not(None)).values({c.name: other(c)}) for c in ids])
    assert rows(j) == rows(copy.now)


@pytest.mark.parametrize("factor", [7, 150])
def test_the_unit_of_money_means_nothing(copy: Copy, factor: int) -> None:
    columns = [(t.opportunity, "amount_cents"), (t.opportunity_change, "amount_cents"), (t.line_item, "amount_cents"),
               (t.quote_item, "amount_cents"), (t.account, "annual_revenue_cents")]  # fmt: skip
    j = copy.judge([update(table).values({name: table.c[name] * factor}) for table, name in columns])
    assert np.allclose(j.potential.potential, factor * copy.now.potential.potential, rtol=1e-6)
    for now, before in zip(rows(j), rows(copy.now), strict=True):
        assert (now.state, now.gate, now.grade) == (before.state, before.gate, before.grade)
        assert now.p_over == pytest.approx(before.p_over, abs=2e-4)


def test_a_second_source_of_every_meeting_adds_nothing(copy: Copy) -> None:
    """One rep's calendar is synchronised twice: the same meetings a minute later, under other subjects."""
    a = t.activity
    owner = max(copy.records.owners.values(), key=lambda o: str(o[0]))[0]
    values = {c.name: c for c in a.c} | {
        "id": literal("second") + a.c.id,
        "starts_at": a.c.starts_at + 60,
        "subject_key": literal(17),
    }
    again = select(*values.values()).where(a.c.owner_id == owner, a.c.kind == "meeting", a.c.status == "held")
    j = copy.judge([insert(a).from_select(list(values), again)])
    assert j.effort.minutes == pytest.approx(copy.now.effort.minutes)
    assert [r.state for r in rows(j)] == [r.state for r in rows(copy.now)]


def test_judging_a_night_again_gives_the_same_row(copy: Copy) -> None:
    """From the night before and the same records; what is stored is what comes out."""
    stored = {r[0]: NightRow(*r) for r in copy.store.nights(copy.org.id, copy.day)}
    before = {r[0]: NightRow(*r) for r in copy.store.nights(copy.org.id, copy.day - 1)}
    assert {r.account_id: r for r in advance(before, copy.now, RULES)} == stored
    assert rows(copy.judge(())) == rows(copy.now)


def test_losing_records_makes_nobody_s_book_look_more_comfortable(copy: Copy) -> None:
    """Thirty per cent of one rep's records go at random: that rep's comfort zones do not become more."""
    rng = random.Random(5)
    book = {a: o for a, (o, _) in copy.records.owners.items()}

    def zones(j: Judgement, owner: str) -> int:
        return sum(r.state == COMFORT and book[r.account_id] == owner for r in rows(j))

    for owner in sorted({o for o in book.values() if o}):
        mine = sorted(r["id"] for r in copy.records.rows["activity"] if r["owner_id"] == owner)
        j = copy.judge(_without(rng.sample(mine, round(0.3 * len(mine)))))
        assert zones(j, owner) <= zones(copy.now, owner)


def _without(ids: Sequence[str]) -> list[Executable]:
    parts = [ids[n : n + 500] for n in range(0, len(ids), 500)]
    return [delete(t.activity).where(t.activity.c.id.in_(part)) for part in parts]
