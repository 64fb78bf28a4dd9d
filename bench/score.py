"""How good the score is on firms whose truth is known, beside what one would rank by without it.

    python bench/score.py                                  the recorded worlds, printed
    python bench/score.py --write                          ... kept in bench/score_record.json and docs/benchmark.md
    python bench/score.py --profiles clean --fresh 4       four seeds nobody has seen
    python bench/score.py --speed                          time and memory of one night of a large firm
    python bench/score.py --restamp --profiles tiny,clean --seeds 2     after code has moved: the same figures under its new hash

Every world is judged by the whole product: a sandbox serves it over HTTP, a night pulls, replays and stores; the figures are
read from the verdicts and nights in the database.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(1, str(Path(__file__).parent))
RECORD = Path(__file__).with_name("score_record.json")
#: profile -> seeds of the record, and how many of them are replayed over LONG nights, where flips are told
RECORDED = {
    "clean": (8, 1), "uneven": (8, 2), "duplicated": (8, 0), "messy": (8, 0), "thin": (8, 0), "step": (2, 2), "cure": (2, 2),
    "single_product": (8, 0), "tiny": (8, 0), "hunter": (8, 0),
}  # fmt: skip
SHORT, LONG = 10, 120


def main() -> None:
    arguments = _arguments()
    if arguments.one:
        print(json.dumps(one(json.loads(arguments.one))))
        return
    if arguments.speed:
        import score_speed

        score_speed.main(arguments.speed)
        return
    import score_table

    worlds, measured = _worlds(arguments), []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for future in as_completed([pool.submit(_in_own_process, world, arguments.keep) for world in worlds]):
            if isinstance(result := future.result(), str):
                print(result, file=sys.stderr, flush=True)
                continue
            print(score_table.line(result, result["row"]), file=sys.stderr, flush=True)
            measured.append(result)
            if arguments.write:
                score_table.keep(RECORD, result)
    measured.sort(key=lambda w: (list(RECORDED).index(w["profile"]), w["seed"]))
    print(score_table.table(measured))
    failed = len(worlds) - len(measured)
    if arguments.restamp and not failed:
        score_table.restamp(RECORD, measured)
    if measured and (arguments.write or (arguments.restamp and not failed)):
        score_table.write(RECORD, ROOT / "docs" / "benchmark.md")
    if failed:
        sys.exit(f"{failed} of {len(worlds)} worlds failed and are left out")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", default=",".join(RECORDED))
    parser.add_argument("--seeds", default="", help="e.g. 1-8 or 3,5; default: those of the record")
    parser.add_argument("--fresh", type=int, default=0, metavar="N", help="N random seeds a profile instead")
    parser.add_argument("--accounts", type=int, default=1600)
    parser.add_argument("--nights", type=int, default=None, help="replayed before the last one; default: as in the record")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="judged worlds are kept here and used again")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep the figures and renew docs/benchmark.md")
    parser.add_argument(
        "--restamp",
        action="store_true",
        help="put the code's new hash on the whole record, if these worlds come out as recorded",
    )
    parser.add_argument("--speed", nargs="?", const="50000", metavar="ACCOUNTS", help="e.g. 50000 or 50000,200000")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def _worlds(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    from score_world import SIZES

    worlds = []
    for profile in arguments.profiles.split(","):
        seeds, long = RECORDED[profile]
        random_seeds = [random.SystemRandom().randrange(10_000, 10**9) for _ in range(arguments.fresh)]
        for seed in random_seeds or _numbers(arguments.seeds) or range(1, seeds + 1):
            nights = LONG if seed <= long else SHORT
            worlds.append(
                {
                    "profile": profile,
                    "seed": seed,
                    "accounts": SIZES.get(profile, arguments.accounts),
                    "nights": nights if arguments.nights is None else arguments.nights,
                }
            )
    return sorted(worlds, key=lambda w: w["nights"])  # what takes long comes last


def _numbers(text: str) -> list[int]:
    parts = [p.split("-") for p in text.split(",") if p]
    return [n for p in parts for n in range(int(p[0]), int(p[-1]) + 1)]


def _in_own_process(world: dict[str, Any], keep: Path | None) -> dict[str, Any] | str:
    """Each world in a process of its own; what went wrong as one line, so that hours of others are not lost."""
    command = [sys.executable, __file__, "--one", json.dumps(world | {"keep": keep and str(keep)})]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode:
        return (
            f"{world['profile']} {world['seed']} failed: {(process.stderr.strip().splitlines() or ['without a word'])[-1]}"
        )
    return world | {"row": json.loads(process.stdout)}


def one(world: dict[str, Any]) -> dict[str, Any]:
    """The figures of one world, and what they hold for."""
    from score_measure import measure
    from score_world import World, code_hash, judge, world_folder

    start = time.perf_counter()
    key, keep = World(world["profile"], world["seed"], world["accounts"]), world.pop("keep", None)
    with world_folder(key, world["nights"], keep and Path(keep)) as folder:
        store, truth = judge(key, folder, world["nights"])
        row: dict[str, Any] = measure(store, truth)
        store.engine.dispose()
    return row | {"worlds": code_hash("worlds"), "score": code_hash("score"), "seconds": round(time.perf_counter() - start)}


if __name__ == "__main__":
    main()
