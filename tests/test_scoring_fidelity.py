"""The sentences are true: a sample of `bench/fidelity.py` on one judged world, and proof that it would find a wrong one."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

sys.path.append(str(Path(__file__).parent.parent / "bench"))
import fidelity
from fidelity import Copy, addition, deletion, missing, recount
from score_world import World, judge

from db import tables as t
from scoring.records import COMFORT, Score


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """A firm of 80 accounts, pulled and judged by a whole night."""
    folder = tmp_path_factory.mktemp("fidelity")
    store, _ = judge(World("uneven", 901, 80), folder, replay=1)
    store.engine.dispose()
    made = Copy(folder / "assay.db", folder)
    yield made
    made.close()


def told(copy: Copy) -> list[Score]:
    return copy.store.verdicts(copy.org.id)


def test_every_number_of_every_sentence_is_what_the_records_say(copy: Copy) -> None:
    said = [s for score in told(copy) for s in recount(score, copy.records)]
    assert [s for s in said if s.text != s.counted] == []
    assert {"T1", "P1", "Q2", "D1", "G1", "next"} <= {s.code for s in said}
    assert len(said) > 4 * len(told(copy))


def test_a_number_that_is_off_by_its_last_digit_is_found(copy: Copy) -> None:
    score = next(s for s in told(copy) if s.reasons[0].code == "T1")
    hours, _, rest = score.reasons[0].text.partition(" h in ")
    wrong = replace(score.reasons[0], text=f"{float(hours) + 0.1:.1f} h in {rest}")
    (found,) = (s for s in recount(replace(score, reasons=(wrong,)), copy.records) if s.text != s.counted and s.code == "T1")
    assert (found.what, found.counted) == ("hours", hours)


def test_a_sentence_that_nobody_can_read_counts_as_wrong(copy: Copy) -> None:
    score = next(s for s in told(copy) if s.reasons[0].code == "T1")
    odd = replace(score.reasons[0], text="Much time.")
    assert [s.counted for s in recount(replace(score, reasons=(odd,), next_step=""), copy.records)] == ["cannot be read"]


def test_explain_lists_the_hours_that_the_sentence_tells(copy: Copy) -> None:
    for account in copy.records.ids[::5]:
        assert copy.explained_seconds(account) == copy.records.seconds.get(account, 0)


def test_a_comfort_zone_ends_above_its_fair_share_when_its_largest_records_go(copy: Copy) -> None:
    i = zones(copy)[0]
    found = deletion(copy, i)
    assert found.above
    assert found.target != COMFORT
    assert 0 < found.records < found.of


def test_one_missing_event_takes_its_reason_away_and_lowers_p_shallow(copy: Copy) -> None:
    i = zones(copy)[0]
    codes = missing(copy, i)
    assert codes
    assert all(addition(copy, i, code).holds for code in codes)


def test_what_is_tried_on_the_copy_is_taken_back(copy: Copy) -> None:
    before = copy.judge(())
    gone = [delete(t.activity), update(t.opportunity).values(closed=True), delete(t.line_item)]
    assert copy.judge(gone).effort.minutes.sum() == 0
    after = copy.judge(())
    assert (after.effort.minutes == before.effort.minutes).all()
    assert (after.behaviour.p_shallow == before.behaviour.p_shallow).all()


def test_an_event_of_another_kind_does_not_take_a_reason_away(copy: Copy) -> None:
    """A person who is known but was never engaged is no new person met."""
    i = zones(copy)[0]
    account = copy.now.frame.ids[i]
    known = {"org": copy.org.id, "id": "added", "deleted": False, "account_id": account}
    j = copy.judge([insert(t.contact).values(known)])
    assert "D1" in [r.code for r in fidelity.Sentences(j, fidelity.RULES).comfort(i)]


def zones(copy: Copy) -> list[int]:
    return [i for i in range(copy.now.frame.n) if copy.target(copy.now, i) == COMFORT]
