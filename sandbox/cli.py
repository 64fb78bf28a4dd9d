"""`assay sandbox serve` and `assay sandbox generate`; also `python -m sandbox`."""

import json
import os
import signal
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from sandbox import certificates, world
from sandbox.faults import faults as read_faults
from sandbox.hubspot.app import HubSpotApp
from sandbox.org_folder import BadFolder, read_facts
from sandbox.salesforce.app import SalesforceApp
from sandbox.server import Front, Server

CRMS = {"salesforce": ("salesforce",), "hubspot": ("hubspot",), "both": ("salesforce", "hubspot")}

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="CRMs to run against when no CRM is at hand.")


@app.command()
def serve(
    data: Annotated[Path | None, typer.Option(help="Org folder to load; else a world is generated.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the generated world.")] = 1,
    accounts: Annotated[int, typer.Option(help="Accounts of the generated world.")] = 400,
    salesforce_port: Annotated[int, typer.Option(help="0 = any free port.")] = 0,
    hubspot_port: Annotated[int, typer.Option(help="0 = any free port.")] = 0,
    hubspot_burst: Annotated[int, typer.Option(help="HubSpot calls in ten seconds; 0 = no limit.")] = 0,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https too, by a certificate authority of its own.")] = False,
    faults: Annotated[Path | None, typer.Option(help="JSON list of fault rules.")] = None,
    quota: Annotated[int, typer.Option(help="API calls a day, of each CRM.")] = 100_000,
    clock: Annotated[str | None, typer.Option(help="The org's now, ISO 8601, instead of org.toml's.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse dangling ids too.")] = False,
) -> None:
    """Serve the CRMs; prints one JSON line when ready and stays up until SIGTERM or Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="assay-sandbox-") as scratch:
        folder = data or Path(scratch) / "org"
        if data is None:
            world.generate(folder, seed=seed, accounts=accounts, crms=CRMS["both"])
        rules: list[dict[str, Any]] = json.loads(faults.read_text()) if faults else []
        crms = read_facts(folder).crms
        files = certificates.make(Path(scratch)) if tls else None
        apps: dict[str, tuple[SalesforceApp | HubSpotApp, int]] = {}
        if "salesforce" in crms:
            apps["salesforce"] = SalesforceApp.of(folder, quota, clock, strict=strict), salesforce_port
        if "hubspot" in crms:
            apps["hubspot"] = HubSpotApp.of(folder, quota, clock, strict=strict, burst=hubspot_burst), hubspot_port
        if not apps:
            raise BadFolder(f'{folder}: org.toml names no CRM. Fix: crm = ["salesforce"], ["hubspot"] or both')
        stop = _stop_event()
        servers: list[Server] = []
        line: dict[str, Any] = {"salesforce": None, "hubspot": None}
        for name, (app_, port) in apps.items():
            line[name] = _serve(app_, port, rules, files, servers, Path(scratch))
        line |= {"ca_file": str(files.ca_file) if files else None, "pid": os.getpid()}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        stop.wait()
        for server in servers:
            server.stop()


def _serve(
    app_: SalesforceApp | HubSpotApp,
    port: int,
    rules: list[dict[str, Any]],
    files: certificates.Tls | None,
    servers: list[Server],
    scratch: Path,
) -> dict[str, Any]:
    """Put one CRM on its ports; returns what a client needs to know."""
    for warning, count in sorted(app_.org.warnings.items()):
        sys.stderr.write(f"sandbox: {warning}: {count}\n")
    front = Front(app_)
    front.control.faults = read_faults(rules)
    new_servers = [Server(front, port), *([Server(front, 0, files)] if files else [])]
    urls = [server.start() for server in new_servers]
    servers += new_servers
    facts = app_.ready(urls[0], scratch) if isinstance(app_, SalesforceApp) else app_.ready(urls[0])
    return facts | {"tls_url": urls[1] if files else None}


def _stop_event() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set."""
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    return stop


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Where the org folder goes.")],
    seed: Annotated[int, typer.Option()] = 1,
    accounts: Annotated[int, typer.Option()] = 400,
    profile: Annotated[str, typer.Option(help=f"Which kind of firm: {', '.join(world.PROFILES)}.")] = "demo",
    now: Annotated[str | None, typer.Option(help="The org's today, ISO 8601.")] = None,
    crm: Annotated[str, typer.Option(help="salesforce, hubspot or both.")] = "both",
) -> None:
    """Write a generated org as an org folder, its truth beside it."""
    if crm not in CRMS:
        raise BadFolder(f"--crm {crm}: unknown. Fix: one of {', '.join(CRMS)}")
    moment = datetime.fromisoformat(now.replace("Z", "+00:00")) if now else None
    world.generate(out, seed=seed, accounts=accounts, profile=profile, now=moment, crms=CRMS[crm])
    typer.echo(f"written to {out}", err=True)


def main() -> None:
    """Run the commands of `python -m sandbox`."""
    try:
        app()
    except (BadFolder, OSError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        sys.exit(2)
