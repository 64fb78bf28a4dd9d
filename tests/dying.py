"""A night in a process of its own that kills itself, with SIGKILL, before or after one step of the write protocol."""

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stamina
import warm

from assay.night.options import RunOptions
from assay.night.progress import Quiet
from assay.nightly import run
from connectors import hubspot, salesforce
from connectors.hubspot import write as portal_writing
from connectors.salesforce import write as org_writing
from connectors.transport import Transport
from db import lease
from db.engine import open_database
from db.ledger import Ledger
from db.store import Store
from scoring.rules import Rules

#: requests that write, or that a write waits for
WRITES = re.compile(r"/composite/sobjects$|/jobs/ingest|/batch/update$")
JOB = re.compile("750[A-Za-z0-9]{15}")


@dataclass(frozen=True)
class Case:
    """Which CRM, by which way, into which database."""

    crm: str
    line: dict[str, Any]
    database: str
    bulk: bool = False

    def open(self) -> Any:
        host = self.line["url"].removeprefix("http://")
        if self.crm == "hubspot":
            config = hubspot.HubSpotConfig(self.line["token"], self.line["url"], allow_hosts=(host,), subject_salt=b"k" * 32)
            return hubspot.open_org(config, sleep=lambda _: None)
        key = Path(self.line["private_key_file"]).read_text()
        org = salesforce.SalesforceConfig(self.line["url"], self.line["client_id"], self.line["username"], key,
                                          allow_hosts=(host,), subject_salt=b"k" * 32)  # fmt: skip
        return salesforce.open_org(org, sleep=lambda _: None)


def night(case: Case, die_at: int, said: Path) -> None:
    """One night that dies at a step (0: at none); `said` gets a line a step, the last one being the fatal one."""
    stamina.set_testing(True, attempts=2)
    small_calls(case)
    count = 0

    def step(name: str) -> None:
        nonlocal count
        count += 1
        with said.open("a") as out:
            out.write(f"{name}\n")
        if count == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("plan", "sending", "settle"):
        watch(Ledger, name, step, lambda *_: True)
    watch(Transport, "_once", step, lambda _self, _method, url, *_: bool(WRITES.search(url)))
    engine = open_database(case.database)
    with lease.held(engine, "night") as held:
        [out] = run(
            [case.open()], Store(engine), held, RunOptions(Rules(), write=True, force=True, replay_nights=0), Quiet()
        )
    with said.open("a") as lines:
        lines.write(f"outcome {out.outcome} {out.acked} {out.rejected} {out.message}\n")
    os._exit(0)


def small_calls(case: Case) -> None:
    """Several calls although there are few accounts: their size is a matter of cost, not of behaviour."""
    org_writing.CALL, org_writing.SMALL = (4, 4) if case.bulk else (7, 1_000)
    portal_writing.PAGE = 7


def watch(owner: type, name: str, step: Callable[[str], None], wanted: Callable[..., bool]) -> None:
    """Say a step before and after a method."""
    method = getattr(owner, name)

    def watched(*args: Any, **kwargs: Any) -> Any:
        if not wanted(*args):
            return method(*args, **kwargs)
        what = f"{args[1]} {JOB.sub('JOB', str(args[2])).rpartition('/')[2]}" if name == "_once" else name
        step(f"before {what}")
        result = method(*args, **kwargs)
        step(f"after {what}")
        return result

    setattr(owner, name, watched)


def live(case: Case, said: Path, die_at: int = 0) -> list[str]:
    """Run a night in a process of its own; the steps it said. Raises AssertionError if it ended otherwise than asked."""
    said.write_text("")
    warm.ready()
    process = warm.FORKS.Process(target=night, args=(case, die_at, said))
    process.start()
    try:
        process.join(120)
        assert process.exitcode == (-signal.SIGKILL if die_at else 0), (process.exitcode, said.read_text())
    finally:
        process.kill()  # a night that hangs must not write into the next test's CRM
    return said.read_text().splitlines()
