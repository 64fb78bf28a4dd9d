"""`assay sandbox serve` and `assay sandbox generate`; also `python -m sandbox`."""

import json
import os
import signal
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sandbox import certificates, world
from sandbox.control import faults as read_faults
from sandbox.org_folder import BadFolder
from sandbox.salesforce.app import SalesforceApp
from sandbox.server import Front, Server

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="CRMs to run against when no CRM is at hand.")


@app.command()
def serve(
    data: Annotated[Path | None, typer.Option(help="Org folder to load; else a world is generated.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the generated world.")] = 1,
    accounts: Annotated[int, typer.Option(help="Accounts of the generated world.")] = 400,
    salesforce_port: Annotated[int, typer.Option(help="0 = any free port.")] = 0,
    hubspot_port: Annotated[int, typer.Option(help="0 = any free port; the HubSpot half is not there yet.")] = 0,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https too, by a certificate authority of its own.")] = False,
    faults: Annotated[Path | None, typer.Option(help="JSON list of fault rules.")] = None,
    quota: Annotated[int, typer.Option(help="API calls a day.")] = 100_000,
    clock: Annotated[str | None, typer.Option(help="The org's now, ISO 8601, instead of org.toml's.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse dangling ids too.")] = False,
) -> None:
    """Serve the CRMs; prints one JSON line when ready and stays up until SIGTERM or Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="assay-sandbox-") as scratch:
        folder = data or Path(scratch) / "org"
        if data is None:
            world.generate(folder, seed=seed, accounts=accounts)
        salesforce = SalesforceApp.of(folder, quota, clock, strict=strict)
        for warning, count in sorted(salesforce.org.warnings.items()):
            sys.stderr.write(f"sandbox: {warning}: {count}\n")
        front = Front(salesforce)
        if faults:
            front.control.faults = read_faults(json.loads(faults.read_text()))
        end = _told_to_end()
        files = certificates.make(Path(scratch)) if tls else None
        servers = [Server(front, salesforce_port), *([Server(front, 0, files)] if files else [])]
        urls = [server.start() for server in servers]
        facts = salesforce.ready(urls[0], Path(scratch)) | {"tls_url": urls[1] if files else None}
        ca_file = str(files.ca_file) if files else None
        sys.stdout.write(json.dumps({"salesforce": facts, "hubspot": None, "ca_file": ca_file, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        end.wait()
        for server in servers:
            server.stop()


def _told_to_end() -> threading.Event:
    """Set by SIGTERM and Ctrl-C."""
    end = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: end.set())
    return end


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Where the org folder goes.")],
    seed: Annotated[int, typer.Option()] = 1,
    accounts: Annotated[int, typer.Option()] = 400,
    profile: Annotated[str, typer.Option(help=f"Which kind of firm: {', '.join(world.PROFILES)}.")] = "demo",
    now: Annotated[str | None, typer.Option(help="The org's today, ISO 8601.")] = None,
) -> None:
    """Write a generated org as an org folder, its truth beside it."""
    moment = datetime.fromisoformat(now.replace("Z", "+00:00")) if now else None
    world.generate(out, seed=seed, accounts=accounts, profile=profile, now=moment)
    typer.echo(f"written to {out}", err=True)


def main() -> None:
    """Entry point of `python -m sandbox`."""
    try:
        app()
    except (BadFolder, OSError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        sys.exit(2)
