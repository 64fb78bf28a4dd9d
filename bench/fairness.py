"""What becomes of a rep whose records get lost: thirty per cent of them go at random, and the firm is judged anew.

    python bench/fairness.py                     four firms of 400 accounts, every rep, three draws each
    python bench/fairness.py --worlds uneven:1   one firm

A rep must not look more comfortable for having logged less (docs/facts/scoring.md, "Invariance and fairness").
"""

import argparse
import random
import sys
from pathlib import Path
from statistics import mean

from fidelity import RULES, Copy
from sqlalchemy import delete

from db import tables as t
from scoring.judge import Judgement
from scoring.records import COMFORT
from scoring.state import advance

DELETED_SHARE = 0.3


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent))  # beside this file another `sandbox` lies in the way
    from score_world import World, judge, world_folder

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", default="uneven:1,uneven:2,clean:1,messy:1", help="profile:seed, with commas between")
    parser.add_argument("--accounts", type=int, default=400)
    parser.add_argument("--draws", type=int, default=3, help="a rep")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="judged worlds are kept here and used again")
    arguments = parser.parse_args()
    changes: list[tuple[int, int]] = []
    for name in arguments.worlds.split(","):
        profile, seed = name.split(":")
        world = World(profile, int(seed), arguments.accounts)
        with world_folder(world, 0, arguments.keep) as folder:
            store, _ = judge(world, folder, 0)
            store.engine.dispose()
            copy = Copy(folder / "assay.db", folder)
            changes += book_changes(copy, random.Random(int(seed)), arguments.draws)
            copy.close()
        print(f"{name}\n{summary(changes)}", file=sys.stderr, flush=True)
    print(summary(changes))


def book_changes(copy: Copy, rng: random.Random, draws: int) -> list[tuple[int, int]]:
    """(comfort zones of a book before, after) for every rep and draw."""
    book = {a: o for a, (o, _) in copy.records.owners.items()}
    changes = []
    for owner in sorted({o for o in book.values() if o}):
        activity_ids = sorted(r["id"] for r in copy.records.rows["activity"] if r["owner_id"] == owner)
        for _ in range(draws):
            deleted_ids = rng.sample(activity_ids, round(DELETED_SHARE * len(activity_ids)))
            j = copy.judge(
                [
                    delete(t.activity).where(t.activity.c.id.in_(deleted_ids[n : n + 500]))
                    for n in range(0, len(deleted_ids), 500)
                ]
            )
            changes.append((_zones(copy.now, book, owner), _zones(j, book, owner)))
    return changes


def _zones(j: Judgement, book: dict[str, str | None], owner: str) -> int:
    return sum(r.state == COMFORT and book[r.account_id] == owner for r in advance({}, j, RULES))


def summary(changes: list[tuple[int, int]]) -> str:
    more, fewer = sum(b > a for a, b in changes), sum(b < a for a, b in changes)
    return (
        f"{len(changes)} books: comfort zones {mean(a for a, _ in changes):.2f} before, {mean(b for _, b in changes):.2f} after; "
        f"more in {more}, fewer in {fewer}; the most that came to one book: {max(b - a for a, b in changes)}"
    )


if __name__ == "__main__":
    main()
