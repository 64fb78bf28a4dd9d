"""What becomes of a rep whose records get lost: thirty per cent of them go at random, and the firm is judged anew.

    python bench/fairness.py                     four firms of 400 accounts, every rep, three draws each
    python bench/fairness.py --worlds uneven:1   one firm

A rep must not look more comfortable for having logged less (reference/scoring.md 3.3).
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path
from statistics import mean

from fidelity import RULES, Copy
from sqlalchemy import delete

from db import tables as t
from scoring.judge import Judgement
from scoring.records import COMFORT
from scoring.state import advance

ACCOUNTS, DRAWS, LOST = 400, 3, 0.3


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent))  # beside this file another `sandbox` lies in the way
    from score_world import World, judge

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", default="uneven:1,uneven:2,clean:1,messy:1", help="profile:seed, with commas between")
    found: list[tuple[int, int]] = []
    for name in parser.parse_args().worlds.split(","):
        profile, seed = name.split(":")
        with tempfile.TemporaryDirectory(prefix="assay-fairness-") as temporary:
            folder = Path(temporary)
            store, _ = judge(World(profile, int(seed), ACCOUNTS), folder, 0)
            store.engine.dispose()
            copy = Copy(folder / "assay.db", folder)
            found += lost(copy, random.Random(int(seed)))
            copy.close()
        print(f"{name}\n{told(found)}", file=sys.stderr, flush=True)
    print(told(found))


def lost(copy: Copy, rng: random.Random) -> list[tuple[int, int]]:
    """(comfort zones of a book before, after) for every rep and draw."""
    book = {a: o for a, (o, _) in copy.records.owners.items()}
    found = []
    for owner in sorted({o for o in book.values() if o}):
        mine = sorted(r["id"] for r in copy.records.rows["activity"] if r["owner_id"] == owner)
        for _ in range(DRAWS):
            gone = rng.sample(mine, round(LOST * len(mine)))
            j = copy.judge(
                [delete(t.activity).where(t.activity.c.id.in_(gone[n : n + 500])) for n in range(0, len(gone), 500)]
            )
            found.append((_zones(copy.now, book, owner), _zones(j, book, owner)))
    return found


def _zones(j: Judgement, book: dict[str, str | None], owner: str) -> int:
    return sum(r.state == COMFORT and book[r.account_id] == owner for r in advance({}, j, RULES))


def told(found: list[tuple[int, int]]) -> str:
    more, fewer = sum(b > a for a, b in found), sum(b < a for a, b in found)
    return (
        f"{len(found)} books: comfort zones {mean(a for a, _ in found):.2f} before, {mean(b for _, b in found):.2f} after; "
        f"more in {more}, fewer in {fewer}; the most that came to one book: {max(b - a for a, b in found)}"
    )


if __name__ == "__main__":
    main()
