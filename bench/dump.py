"""Every number that Assay decides, as sorted JSON lines: proof that a refactoring changed none of them.

    python bench/dump.py OUT                        the tree in the current folder
    python bench/dump.py OUT --compare BEFORE       ... and the first differing line of each file; exit 1 if there is one
    python bench/dump.py OUT --worlds messy --accounts 20 --brief      a small one

Nothing of the product is imported. It is driven by `python -m assay` in the current folder, its database is read by sqlite3 and
the CRMs by plain HTTP, so the same script dumps a tree before and after its files have moved.

Worlds: the firm of `assay demo` in both CRMs, a messy one in Salesforce, and one with duplicated entries in HubSpot. Each goes
through four runs: a dry one, the first that writes, a dry one forty days later, and the night that follows it. After each run
its outcome, every account's verdict and the plan are dumped; after each run that writes, our fields of every account as the
CRM has them; at the end the first accounts explained with their records, the backtest, and every table of the database.

Left out, because it differs between two runs of the same code: the tables run, tick, lease, watermark, resume, api_calls and
alembic_version; run ids, times of the machine's clock, seconds, tokens, paths and ports; API calls, since waiting for a bulk job
takes more or fewer of them; hashes of subjects, threads and people, whose key comes from a credential that each sandbox makes
anew. Notes and messages are sentences for people, in a file of their own (`notes`), so that a better wording is told apart from
a changed number.
"""

import argparse
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import httpx

Row = dict[str, Any]


class World(NamedTuple):
    """A generated firm, and the CRMs that hold it."""

    crms: str
    profile: str
    seed: int
    accounts: int


WORLDS = {
    "demo": World("both", "demo", 1, 400),
    "messy": World("salesforce", "messy", 5, 150),
    "duplicated": World("hubspot", "duplicated", 7, 150),
}
LATER_DAYS = 40
#: safety rules that forty days at once run into
LIFTED = ("--allow", "flag-change", "--allow", "row-count")
RUNS: dict[str, tuple[str, ...]] = {
    "1-dry": ("--dry-run",),
    "2-write": ("--force",),
    "3-later-dry": ("--dry-run", *LIFTED),
    "4-later": LIFTED,
}
BRIEF_RUNS = ("2-write",)
UNSTABLE_TABLES = ("run", "tick", "lease", "watermark", "resume", "api_calls", "alembic_version", "sqlite_sequence")
#: table -> columns; under "" those of every table
UNSTABLE_COLUMNS = {"": ("subject_key", "thread_key", "person_key"), "ledger": ("id", "run", "at", "token")}
UNSTABLE_FIELDS = ("run", "seconds", "calls", "calls_left", "started_at", "ended_at", "database", "watermarks")
SENTENCES = ("notes", "message")


def main() -> int:
    arguments = _arguments()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    for stale in (*out.glob("*.jsonl"), out / "SHA256SUMS"):
        stale.unlink(missing_ok=True)
    for name in arguments.worlds:
        world = WORLDS[name]._replace(**({"accounts": arguments.accounts} if arguments.accounts else {}))
        with tempfile.TemporaryDirectory(prefix="assay-dump-") as folder:
            for subject, rows in dump(world, Path(folder), arguments.explained, brief=arguments.brief).items():
                _write(out / f"{name}.{subject}.jsonl", rows)
    files = sorted(out.glob("*.jsonl"))
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (out / "SHA256SUMS").write_text(sums)
    total = sum(len(file.read_text().splitlines()) for file in files)
    print(f"{len(files)} files, {total} lines, sha256 {hashlib.sha256(sums.encode()).hexdigest()[:16]}: {out}")
    return 1 if arguments.compare and _differences(arguments.compare, out) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--compare", type=Path, metavar="BEFORE", help="a folder that an earlier dump wrote")
    parser.add_argument("--worlds", default=",".join(WORLDS), type=lambda text: text.split(","))
    parser.add_argument("--accounts", type=int, help="accounts of each world, instead of its own number")
    parser.add_argument("--explained", type=int, default=20, metavar="N", help="accounts that are explained")
    parser.add_argument("--brief", action="store_true", help="one run without earlier nights; no explanations, no backtest")
    return parser.parse_args()


# ---- one world ------------------------------------------------------------------------------------------------------


def dump(world: World, folder: Path, explained: int, *, brief: bool = False) -> dict[str, list[Row]]:
    """Subject -> its rows, of all runs of one world."""
    org, database = folder / "org", folder / "assay.db"
    size = ("--seed", str(world.seed), "--accounts", str(world.accounts), "--profile", world.profile)
    _assay("sandbox", "generate", "--out", str(org), "--crm", world.crms, *size)
    rows: dict[str, list[Row]] = {"truth": [{"csv": line} for line in (org / "truth.csv").read_text().splitlines()]}
    with serving(org, folder) as crms:
        config = ("--config", str(_configuration(folder, database, crms, brief=brief)))
        fields = _json(*config, "schema", "apply", "--yes", "--json")
        rows["schema"] = [{"field": name, "result": result} for name, result in fields.items()]
        for phase in BRIEF_RUNS if brief else RUNS:
            if phase.startswith("3"):
                for crm in crms.values():
                    _http(f"{crm['url']}/_sandbox/clock", body={"advance": LATER_DAYS * 86_400})
            after_a_run = _run(config, RUNS[phase])
            if "dry" not in phase:
                after_a_run["fields"] = [row for name, crm in crms.items() for row in READERS[name](crm)]
            for subject, rows_of_run in after_a_run.items():
                rows.setdefault(subject, []).extend({"phase": phase} | row for row in rows_of_run)
        if not brief:
            accounts = sorted({row["account_id"] for row in rows["scores"]})[:explained]
            rows["explain"] = [_json(*config, "explain", account, "--json") for account in accounts]
            rows["backtest"] = _as_list(_json(*config, "backtest", "--json", codes=(0, 1)))
        status = _json(*config, "status", "--json")
        rows["status"] = [{"orgs": status["orgs"], "scope": status["scope"]}]
    return {subject: [_stable(row) for row in subject_rows] for subject, subject_rows in rows.items()} | _tables(database)


def _run(config: tuple[str, ...], flags: tuple[str, ...]) -> dict[str, list[Row]]:
    """A night, and what can be asked after it."""
    outcomes = _json(*config, "run", "--json", *flags, codes=range(8))
    return {
        "outcome": [{key: value for key, value in o.items() if key not in SENTENCES} for o in outcomes],
        "notes": [{"crm": o["crm"]} | {key: o[key] for key in SENTENCES} for o in outcomes],
        "plan": _as_list(_json(*config, "plan", "--format", "json")),
        "scores": [json.loads(line) for line in _assay(*config, "scores", "--format", "jsonl").stdout.splitlines()],
    }


def _as_list(value: Any) -> list[Row]:
    return value if isinstance(value, list) else [value]


def _json(*arguments: str, codes: Iterable[int] = (0,)) -> Any:
    process = _assay(*arguments, codes=codes)
    if not process.stdout.strip():
        raise SystemExit(
            f"assay {' '.join(arguments)} ended with {process.returncode} and no JSON:\n{process.stderr[-3000:]}"
        )
    return json.loads(process.stdout)


def _assay(*arguments: str, codes: Iterable[int] = (0,)) -> subprocess.CompletedProcess[str]:
    """A command of the product of the current folder."""
    command = [sys.executable, "-m", "assay", *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
    if process.returncode not in codes:
        raise SystemExit(f"assay {' '.join(arguments)} ended with {process.returncode}:\n{process.stderr[-3000:]}")
    return process


def _environment() -> dict[str, str]:
    """The caller's, without settings of the product."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return inherited | {"PYTHONPATH": str(Path.cwd())}


@contextmanager
def serving(org: Path, folder: Path) -> Iterator[dict[str, Row]]:
    """CRM -> how to reach its sandbox."""
    command = [sys.executable, "-m", "assay", "sandbox", "serve", "--data", str(org), "--quota", "1000000"]
    with (folder / "sandbox.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=_environment())
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise SystemExit(f"the sandbox did not start:\n{(folder / 'sandbox.log').read_text()[-3000:]}")
            crms: dict[str, Row] = json.loads(line)
            yield {name: crms[name] for name in ("salesforce", "hubspot") if crms[name]}
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _configuration(folder: Path, database: Path, crms: dict[str, Row], *, brief: bool) -> Path:
    """What `assay demo` writes for its sandboxes."""
    hosts = [crm["url"].removeprefix("http://") for crm in crms.values()]
    sections: dict[str, Row] = {"database": {"url": f"sqlite:///{database}"}}
    if crm := crms.get("salesforce"):
        sections["salesforce"] = {
            "login_url": crm["url"],
            "client_id": crm["client_id"],
            "username": crm["username"],
            "private_key_file": crm["private_key_file"],
            "access_token": crm["admin_access_token"],
        }
    if crm := crms.get("hubspot"):
        sections["hubspot"] = {"base_url": crm["url"], "token": crm["token"]}
    sections["write"] = {"enabled": True}
    if brief:
        sections["scoring"] = {"replay_nights": 0}
    lines = [f"allow_hosts = {json.dumps(hosts)}"]
    for section, values in sections.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    path = folder / "assay.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


# ---- what the CRMs hold ---------------------------------------------------------------------------------------------


def salesforce_fields(crm: Row) -> list[Row]:
    """Our fields of every account; which ones are ours, the org says itself."""
    headers = {"Authorization": f"Bearer {crm['admin_access_token']}"}
    base = crm["url"]
    newest = _http(f"{base}/services/data", headers)[-1]["url"]
    names = sorted(f["name"] for f in _http(f"{base}{newest}/sobjects/Account/describe", headers)["fields"])
    our_fields = [name for name in names if name.startswith("Assay_")]
    soql = f"SELECT Id, {', '.join(our_fields)} FROM Account ORDER BY Id"
    page = _http(f"{base}{newest}/query", headers, {"q": soql})
    records = list(page["records"])
    while not page["done"]:
        page = _http(f"{base}{page['nextRecordsUrl']}", headers)
        records += page["records"]
    return [{"crm": "salesforce"} | {name: r[name] for name in ("Id", *our_fields)} for r in records]


def hubspot_fields(crm: Row) -> list[Row]:
    """Our properties of every company."""
    headers = {"Authorization": f"Bearer {crm['token']}"}
    base = f"{crm['url']}/crm/v3"
    names = sorted(p["name"] for p in _http(f"{base}/properties/companies", headers)["results"])
    our_fields = [name for name in names if name.startswith("assay_")]
    records: list[Row] = []
    after: str | None = "0"
    while after:
        query = {"limit": "100", "properties": ",".join(our_fields)} | ({"after": after} if records else {})
        page = _http(f"{base}/objects/companies", headers, query)
        records += page["results"]
        after = page.get("paging", {}).get("next", {}).get("after")
    return [{"crm": "hubspot", "id": r["id"]} | {name: r["properties"].get(name) for name in our_fields} for r in records]


READERS = {"salesforce": salesforce_fields, "hubspot": hubspot_fields}


def _http(url: str, headers: dict[str, str] | None = None, params: dict[str, str] | None = None, body: Any = None) -> Any:
    method = "GET" if body is None else "POST"
    answer = httpx.request(method, url, headers=headers, params=params, json=body, timeout=120)
    return answer.raise_for_status().json()


# ---- what the database holds ----------------------------------------------------------------------------------------


def _tables(database: Path) -> dict[str, list[Row]]:
    """Every table that is stable, with all its stable columns."""
    with closing(sqlite3.connect(database)) as connection:
        names = [r[0] for r in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {f"table-{name}": list(_table(connection, name)) for name in names if name not in UNSTABLE_TABLES}


def _table(connection: sqlite3.Connection, name: str) -> Iterator[Row]:
    cursor = connection.execute(f'SELECT * FROM "{name}"')
    unstable = UNSTABLE_COLUMNS[""] + UNSTABLE_COLUMNS.get(name, ())
    columns = [column[0] for column in cursor.description]
    for values in cursor:
        yield {key: _decoded(value) for key, value in zip(columns, values, strict=True) if key not in unstable}


def _decoded(value: Any) -> Any:
    """JSON in a text column as a value, so that the order of its keys does not matter."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value


def _stable(value: Any) -> Any:
    """A row without what differs between two runs of the same code."""
    if isinstance(value, dict):
        return {key: _stable(inner) for key, inner in value.items() if key not in UNSTABLE_FIELDS}
    return [_stable(inner) for inner in value] if isinstance(value, list) else value


# ---- files ----------------------------------------------------------------------------------------------------------


def _write(path: Path, rows: list[Row]) -> None:
    lines = sorted(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines))


def _differences(before: Path, after: Path) -> int:
    """How many files differ; prints the first differing line of each."""
    names = sorted({file.name for folder in (before, after) for file in folder.glob("*.jsonl")})
    different = 0
    for name in names:
        old, new = (_lines(folder / name) for folder in (before, after))
        for number, (was, now) in enumerate(zip_longest(old, new), 1):
            if was != now:
                print(f"{name}:{number}\n  before: {was}\n  after:  {now}")
                different += 1
                break
    print(f"{different} of {len(names)} files differ from {before}")
    return different


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    sys.exit(main())
