"""What writing costs: 50,000 changed accounts, a night without a change, and thirty ordinary nights.

    python bench/publish.py                      # all of it
    python bench/publish.py --rows 5000,50000 --crm salesforce,hubspot --nights 30 --accounts 400,1600 --seeds 1,2

Rows: every account of an org gets a new verdict; each is planned, entered in the ledger, sent to the sandbox over HTTP and settled, in
a process of its own. Memory is flat if what the write adds does not grow faster than the plan itself. With `--trouble` one row
in a hundred is locked and one refused by a rule of the Salesforce org.
Nights: a generated firm is taken back to a month before its today, and its own last thirty days are played back: activities,
opportunities, and every change of theirs. Shown is the share of accounts that a night writes.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from assay import nightly  # noqa: E402
from assay.night import plan as plans  # noqa: E402
from assay.night import write  # noqa: E402
from assay.night.options import Bands, RunOptions  # noqa: E402
from assay.night.outcome import Outcome  # noqa: E402
from assay.night.progress import Quiet  # noqa: E402
from connectors import hubspot, salesforce  # noqa: E402
from db import lease  # noqa: E402
from db.engine import open_database  # noqa: E402
from db.ledger import Ledger  # noqa: E402
from db.migrate import upgrade  # noqa: E402
from db.runs import Runs  # noqa: E402
from db.store import Store  # noqa: E402
from sandbox import process, world  # noqa: E402
from scoring.records import Reason, Score  # noqa: E402
from scoring.rules import Rules  # noqa: E402

MADE = "2025-01-01T00:00:00.000Z"


def main() -> None:
    arguments = _arguments()
    if arguments.one:
        print(json.dumps(write_rows(**json.loads(arguments.one))))
        return
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as scratch:
        for rows in arguments.rows:
            for crm in arguments.crm:
                _rows(crm, rows, Path(scratch) / f"{crm}{rows}", trouble=arguments.trouble)
        for accounts in arguments.accounts if arguments.nights else ():
            for seed in arguments.seeds:
                _nights(arguments, accounts, seed, Path(scratch) / f"firm{seed}_{accounts}")


def _arguments() -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(n) for n in text.split(",") if n]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="5000,50000", type=numbers)
    parser.add_argument("--crm", default="salesforce,hubspot", type=lambda s: s.split(","))
    parser.add_argument("--trouble", action="store_true", help="lock 1 %% of the rows and refuse 1 %%")
    parser.add_argument("--nights", default=30, type=int)
    parser.add_argument("--accounts", default="400,1600", type=numbers)
    parser.add_argument("--seeds", default="1,2", type=numbers)
    parser.add_argument(
        "--replay", type=int, help="nights that a firm's first night judges besides; default: the product's own"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


# ---- rows -----------------------------------------------------------------------------------------------------------


def _rows(crm: str, rows: int, folder: Path, *, trouble: bool) -> None:
    _org(folder, crm, rows)
    with process.running(folder, "--quota", "1000000") as connections:
        job = {
            "crm": crm,
            "line": connections[crm],
            "database": f"sqlite:///{folder}/assay.db",
            "trouble": trouble,
            "pid": connections["pid"],
        }
        worker = subprocess.run(
            [sys.executable, __file__, "--one", json.dumps(job)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        if worker.returncode:
            raise SystemExit(worker.stderr[-3000:])
        figures = json.loads(worker.stdout.splitlines()[-1])
    print(f"{crm} {rows:,} accounts: " + ", ".join(f"{k} {v}" for k, v in figures.items()))


def _org(folder: Path, crm: str, rows: int) -> None:
    """An org of accounts and one owner."""
    (folder / crm).mkdir(parents=True)
    (folder / "org.toml").write_text(f'name = "Rows"\nnow = "2026-06-01T12:00:00Z"\ncurrency = "EUR"\ncrm = ["{crm}"]\n')
    if crm == "salesforce":
        _sheet(
            folder / crm / "User.csv",
            ["Id,Name,IsActive,CreatedDate,SystemModstamp", f"005Wk0000000001IAA,Ann,true,{MADE},{MADE}"],
        )
        _sheet(
            folder / crm / "Account.csv",
            [
                "Id,Name,OwnerId,CreatedDate,SystemModstamp,IsDeleted",
                *(f"001Wk{n:010d}IAA,Firm {n},005Wk0000000001IAA,{MADE},{MADE},false" for n in range(1, rows + 1)),
            ],
        )
        return
    _sheet(
        folder / crm / "owners.csv",
        [
            "id,userId,email,firstName,lastName,archived,createdAt,updatedAt",
            f"71,1,ann@firm.example,Ann,Rep,false,{MADE},{MADE}",
        ],
    )
    _sheet(
        folder / crm / "companies.csv",
        [
            "id,name,hubspot_owner_id,createdate,hs_lastmodifieddate",
            *(f"{1000 + n},Firm {n},71,{MADE},{MADE}" for n in range(1, rows + 1)),
        ],
    )


def _sheet(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n")


def connect(crm: str, line: dict[str, Any]) -> tuple[Any, Any]:
    """(the CRM, its admin)"""
    host = (line["url"].removeprefix("http://"),)
    if crm == "hubspot":
        config = hubspot.HubSpotConfig(line["token"], line["url"], quota_share=1.0, allow_hosts=host, subject_salt=b"bench")
        return hubspot.open_org(config), hubspot.open_admin(config)
    org = salesforce.SalesforceConfig(
        line["url"],
        line["client_id"],
        client_secret=line["client_secret"],
        quota_share=1.0,
        allow_hosts=host,
        subject_salt=b"bench",
    )
    return salesforce.open_org(org), salesforce.open_admin(org)


def write_rows(crm: str, line: dict[str, Any], database: str, trouble: bool, pid: int) -> dict[str, Any]:
    """Pull the org, give every account a verdict, write all of them; what it took."""
    org_crm, admin = connect(crm, line)
    admin.apply()
    engine = open_database(database)
    upgrade(engine)
    store = Store(engine)
    with lease.held(engine, "bench") as nightly_lease:
        nightly.run([org_crm], store, nightly_lease, RunOptions(Rules(), replay_nights=0), Quiet())
        org = store.orgs()[0]
        scores = [_score(i) for i in store.ours(org.id)]
        if trouble:
            _trouble(line, [s.account_id for s in scores])
        start, cpu, calls, before = time.perf_counter(), time.process_time(), org_crm.calls, _rss()
        sandbox_cpu = _cpu(pid)
        plan = plans.plan(scores, store.ours(org.id), plans.Money("EUR"), Bands())
        planned = _rss()
        out = Outcome(crm, run=Runs(engine).start(org.id, int(time.time()), "write"), day=20_600)
        httpx.request("DELETE", line["log_url"])
        with _peak() as peak:
            write.write(plan, org_crm, Ledger(engine, org.id), nightly_lease, out, ("rejects",), Quiet())
        seconds, sandbox_cpu = time.perf_counter() - start, _cpu(pid) - sandbox_cpu
    paths = Counter(_kind(json.loads(x)) for x in httpx.get(line["log_url"]).text.splitlines())
    polls = paths.pop("poll", 0)
    return {
        "written": out.acked,
        "refused": out.rejected,
        "calls": org_crm.calls - calls - polls,
        "polls": polls,
        **paths,
        "seconds": round(seconds, 1),
        "CPU s": round(time.process_time() - cpu, 1),
        "sandbox CPU s": round(sandbox_cpu, 1),
        "rows/s": round(len(plan.updates) / seconds),
        "plan MB": round(planned - before),
        "write adds MB": round(peak[0] - planned),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _kind(request: dict[str, Any]) -> str:
    tail = request["path"].rpartition("/")[2]
    if request["method"] == "GET" and "/jobs/ingest/" in request["path"] and tail.startswith("750"):
        return "poll"
    return request["method"] + " " + ("job" if tail.startswith("750") else tail)


def _trouble(line: dict[str, Any], ids: list[str]) -> None:
    rules = [
        {"op": "rule", "object": "Account", "id": i, "code": "UNABLE_TO_LOCK_ROW", "message": "busy", "times": 2}
        for i in ids[::100]
    ]
    rules += [{"op": "rule", "object": "Account", "id": i, "message": "Not on Fridays"} for i in ids[50::100]]
    httpx.post(f"{line['url']}/_sandbox/edit", json=rules, timeout=60).raise_for_status()


def _score(account: str) -> Score:
    values: dict[str, Any] = dict.fromkeys(Score.__dataclass_fields__, 0.0)
    values |= {
        "account_id": account,
        "name": "x",
        "owner_id": None,
        "state": "Comfort zone",
        "state_since": 20_500,
        "potential": 12_000.0,
        "grade": "B",
        "hours": 31.5,
        "fair_hours": 8.0,
        "confidence": 60,
        "currency": "EUR",
        "coverage": {},
        "evidence": {},
        "reasons": (
            Reason("T1", "31.5 h in 180 days, a fair share would be 8.0 h."),
            Reason("C1", "No decision since March."),
        ),
        "next_step": "Ask for a decision on the offer of March.",
        "as_of": 20_600,
        "model_version": "1",
    }
    return Score(**values)


def _cpu(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, fields)) / os.sysconf("SC_CLK_TCK")


def _rss() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


class _peak:  # noqa: N801 read as a word
    """The largest resident size, in MB, while a block runs."""

    def __enter__(self) -> list[float]:
        self.largest, self.end = [_rss()], threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self.largest

    def _watch(self) -> None:
        while not self.end.wait(0.02):
            self.largest[0] = max(self.largest[0], _rss())

    def __exit__(self, *_: object) -> None:
        self.end.set()
        self.thread.join()


# ---- nights ---------------------------------------------------------------------------------------------------------

PLAYED = ("Event", "Task", "EmailMessage", "EventRelation", "Opportunity", "OpportunityHistory", "OpportunityLineItem",
          "OpportunityContactRole", "Contact")  # fmt: skip


def _nights(arguments: argparse.Namespace, accounts: int, seed: int, folder: Path) -> None:
    nights: int = arguments.nights
    replay = {} if arguments.replay is None else {"replay_nights": arguments.replay}
    world.generate(folder, seed=seed, accounts=accounts)
    days = _taken_back(folder, nights)
    with (
        process.running(folder, "--quota", "1000000") as connections,
        httpx.Client(base_url=connections["salesforce"]["url"], timeout=120) as hands,
    ):
        _, admin = connect("salesforce", connections["salesforce"])
        admin.apply()
        engine = open_database(f"sqlite:///{folder}/assay.db")
        upgrade(engine)
        first = _night(engine, connections, force=True, **replay)
        unchanged = _night(engine, connections)
        print(
            f"seed {seed}, first night: {first.acked} of {accounts} written; again without a change: {unchanged.acked} written, "
            f"{unchanged.calls} calls"
        )
        shares, changes = [], 0
        for edits in days:
            hands.post("/_sandbox/clock", json={"advance": 86_400}).raise_for_status()
            for start in range(0, len(edits), 500):
                hands.post("/_sandbox/edit", json=edits[start : start + 500]).raise_for_status()
            out = _night(engine, connections)
            changes += sum(out.changed.values())
            shares.append(out.acked / sum(out.states.values()))
        print(
            f"{nights} ordinary nights, {changes} changed records: share of accounts written a night: median {median(shares):.1%}, "
            f"least {min(shares):.1%}, most {max(shares):.1%}"
        )


def _night(engine: Any, connections: dict[str, Any], **options: Any) -> Outcome:
    crm, _ = connect("salesforce", connections["salesforce"])
    with lease.held(engine, "bench") as nightly_lease:
        [out] = nightly.run([crm], Store(engine), nightly_lease, RunOptions(Rules(), write=True, **options), Quiet())
    crm.close()
    assert out.outcome == "done", out.message
    return out


def _taken_back(folder: Path, nights: int) -> list[list[dict[str, Any]]]:
    """Rewrites the org folder to what it held some days ago; day by day, the edits that lead back to its today."""
    facts = (folder / "org.toml").read_text()
    today = datetime.fromisoformat(facts.partition('now = "')[2].partition('"')[0].replace("Z", "+00:00"))
    start = today - timedelta(days=nights)
    then = start.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    (folder / "org.toml").write_text(
        facts.replace(today.strftime("%Y-%m-%dT%H:%M:%SZ"), start.strftime("%Y-%m-%dT%H:%M:%SZ"))
    )
    sheets = {name: _read(folder / "salesforce" / f"{name}.csv") for name in (*PLAYED, "OpportunityStage")}
    closed = {s["ApiName"]: (s["IsClosed"], s["IsWon"]) for s in sheets["OpportunityStage"]}
    edits: list[tuple[str, dict[str, Any]]] = []
    for name in PLAYED:
        created = [r for r in sheets[name] if r["CreatedDate"] > then]
        edits += [
            (r["CreatedDate"], {"op": "create", "object": name, "values": {k: v for k, v in r.items() if v}})
            for r in created
        ]
        sheets[name] = [r for r in sheets[name] if r["CreatedDate"] <= then]
    opportunities = {o["Id"]: o for o in sheets["Opportunity"]}
    moves = _by(sheets["OpportunityHistory"], "OpportunityId")
    for at, edit in list(edits):
        if edit["object"] == "OpportunityHistory" and edit["values"]["OpportunityId"] in opportunities:
            edits.append(
                (
                    at,
                    {
                        "op": "update",
                        "object": "Opportunity",
                        "id": edit["values"]["OpportunityId"],
                        "values": _state(edit["values"], closed),
                    },
                )
            )
    updated = {e["id"] for _, e in edits if e["op"] == "update"}
    for opportunity in updated & moves.keys():
        opportunities[opportunity] |= _state(max(moves[opportunity], key=lambda r: r["CreatedDate"]), closed)
    for name in PLAYED:
        _write(folder / "salesforce" / f"{name}.csv", sheets[name])
    days: list[list[dict[str, Any]]] = [[] for _ in range(nights)]
    for at, edit in sorted(edits, key=lambda e: (e[0], e[1]["op"], PLAYED[::-1].index(e[1]["object"]))):
        day = (datetime.fromisoformat(at.replace("Z", "+00:00")) - start).days
        days[min(day, nights - 1)].append(edit)
    return days


def _state(move: dict[str, str], closed: dict[str, tuple[str, str]]) -> dict[str, str]:
    """What an opportunity's row says after a change."""
    is_closed, is_won = closed[move["StageName"]]
    fields = {k: move[k] for k in ("StageName", "Amount", "Probability", "CloseDate") if move.get(k)}
    return fields | {"IsClosed": is_closed, "IsWon": is_won}


def _by(rows: list[dict[str, str]], key: str) -> dict[str, list[dict[str, str]]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
