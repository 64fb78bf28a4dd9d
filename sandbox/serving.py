"""Serves the CRMs of an org folder until it is asked to end."""

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox import certificates
from sandbox.faults import faults as read_faults
from sandbox.hubspot.app import HubSpotApp
from sandbox.org_folder import BadFolder, read_facts
from sandbox.salesforce.app import SalesforceApp
from sandbox.server import Front, Server
from sandbox.world import generate


def serve_until_stopped(
    data: Path | None,
    world: Mapping[str, int],
    ports: Mapping[str, int],
    *,
    burst: int,
    tls: bool,
    faults: Path | None,
    quota: int,
    clock: str | None,
    strict: bool,
) -> None:
    """Load `data`, or a generated `world` (seed, accounts), print the ready line, and stay up; raises `BadFolder`."""
    with tempfile.TemporaryDirectory(prefix="assay-sandbox-") as scratch:
        folder = data or Path(scratch) / "org"
        if data is None:
            generate(folder, seed=world["seed"], accounts=world["accounts"], crms=("salesforce", "hubspot"))
        rules: list[dict[str, Any]] = json.loads(faults.read_text()) if faults else []
        crms = read_facts(folder).crms
        files = certificates.make(Path(scratch)) if tls else None
        apps: dict[str, tuple[SalesforceApp | HubSpotApp, int]] = {}
        if "salesforce" in crms:
            apps["salesforce"] = SalesforceApp.of(folder, quota, clock, strict=strict), ports["salesforce"]
        if "hubspot" in crms:
            apps["hubspot"] = HubSpotApp.of(folder, quota, clock, strict=strict, burst=burst), ports["hubspot"]
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
