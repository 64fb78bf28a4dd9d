"""The benchmark of the score measures what it says: its figures on cases small enough to count by hand."""

import sys
from pathlib import Path

import pytest
from shared import migrated

sys.path.append(str(Path(__file__).parent.parent / "bench"))
import score_table
import score_world
from score_measure import average_precision, nights
from score_world import Truth, World, code_hash, logged_minutes

from db.store import Store
from scoring.records import BALANCED, COMFORT


def test_average_precision_by_hand() -> None:
    """Wanted at ranks 1 and 3 of four: (1 + 2/3) / 2."""
    assert average_precision([4, 3, 2, 1], [True, False, True, False]) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([1, 2], [False, False]) is None


def test_a_ranking_that_says_nothing_gets_what_chance_gets_and_order_does_not_matter() -> None:
    wanted = [True] * 10 + [False] * 90
    assert average_precision([0.0] * 100, wanted) == average_precision([0.0] * 100, wanted[::-1])
    assert average_precision([0.0] * 100, wanted) == pytest.approx(0.1, abs=0.01)


def test_flips_and_nights_to_flag_and_release_are_counted_over_the_stored_nights(tmp_path: Path) -> None:
    """a: flagged from the third night; b: flagged at first, gone after two; c: in and out three times; d: never."""
    engine = migrated(f"sqlite:///{tmp_path}/assay.db")
    store = Store(engine)
    org = store.pin_org("salesforce", {"external_id": "1", "name": "X", "sandbox": True, "currency": "EUR"})
    count = 61
    flags = {"a": range(2, count), "b": range(2), "c": (4, 8), "d": ()}
    for n in range(count):
        states = {a: COMFORT if n in on else BALANCED for a, on in flags.items()}
        store.save_nights(org.id, 100 + n, [(a, 100 + n, 0, 0, 0, "", "A", s, s, 100, 0) for a, s in states.items()])
    planted = {a: Truth("comfort", COMFORT if a in "abd" else BALANCED, 1.0, 0) for a in flags}
    found = nights(store, org.id, planted)
    assert (found["nights"], found["ever_flagged"]) == (count, 3)
    assert found["restless"] == pytest.approx(1 / 3)  # c alone
    assert found["flips"] == pytest.approx(100 * (1 + 1 + 4) / 3 * 30 / 60)
    assert (found["nights_to_flag"], found["found"]) == (1.0, pytest.approx(2 / 3))  # a on night 2, b on night 0
    assert (found["nights_to_release"], found["released"]) == (2, 1.0)


def test_what_was_logged_is_drawn_as_the_world_was() -> None:
    """The same draws: an account's minutes follow its true effort, and fewer are logged than spent."""
    world = World("uneven", 5, 80)
    minutes = logged_minutes(world)
    assert len(minutes) == 80
    assert minutes == logged_minutes(world)


def test_a_table_tells_means_and_the_record_drops_what_other_code_made(tmp_path: Path) -> None:
    row = {"worlds": "w", "score": "s", "ap": 0.5, "nights": 10, "precision": None}
    record = tmp_path / "record.json"
    for seed, hashed in ((1, "old"), (2, "s"), (3, "s"), (3, "s")):
        score_table.keep(record, {"profile": "clean", "seed": seed, "row": row | {"score": hashed, "ap": seed / 10}})
    held = score_table.json.loads(record.read_text())
    assert [w["seed"] for w in held] == [2, 3]
    assert "| clean | 2 | - | 0.25 |" in score_table.table(held)


RECORDED = {"profile": "clean", "seed": 1, "accounts": 40, "nights": 10}


def test_code_that_moved_keeps_the_record_if_its_worlds_come_out_the_same(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    row = {"worlds": "w", "score": "s", "ap": 0.5, "seconds": 9}
    record.write_text(score_table.json.dumps([RECORDED | {"row": row}, RECORDED | {"seed": 2, "row": row}]))
    for score in ("moved", "moved again"):
        score_table.restamp(record, [RECORDED | {"row": row | {"score": score, "seconds": 1}}])
        rows = [w["row"] for w in score_table.json.loads(record.read_text())]
        assert [r["score"] for r in rows] == [score, score]
        assert {r["first"]["score"] for r in rows} == {"s"}
        assert rows[1]["again"] == ["clean 1"]


def test_code_that_gives_other_figures_does_not_keep_the_record(tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    row = {"worlds": "w", "score": "s", "ap": 0.5, "seconds": 9}
    record.write_text(before := score_table.json.dumps([RECORDED | {"row": row}]))
    with pytest.raises(SystemExit, match=r"ap was 0\.5 and is 0\.6"):
        score_table.restamp(record, [RECORDED | {"row": row | {"score": "moved", "ap": 0.6}}])
    with pytest.raises(SystemExit, match="not in the record"):
        score_table.restamp(record, [RECORDED | {"seed": 3, "row": row}])
    assert record.read_text() == before


def test_the_hash_names_the_code() -> None:
    assert code_hash("worlds") != code_hash("score")
    assert code_hash("worlds") == code_hash("worlds")


def test_the_hash_covers_files_in_subfolders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "facts").mkdir()
    (tmp_path / "__init__.py").touch()
    monkeypatch.setattr(score_world.scoring, "__file__", str(tmp_path / "__init__.py"))
    hashes = set()
    for text in ("", "A = 1\n"):
        (tmp_path / "facts" / "steps.py").write_text(text)
        hashes.add(code_hash("score"))
    assert len(hashes) == 2
