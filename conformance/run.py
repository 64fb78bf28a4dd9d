"""Judges the sandbox by clients that nobody here wrote: `make conformance`, or `python conformance/run.py NAME...`.

Each client runs unmodified, in an environment of its own, against a fresh sandbox; the table goes to standard output.
Exit 1 if a check failed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import equality
from environments import INTERPRETER, NoEnvironment, interpreter, make
from tunnel import Tunnel

from sandbox import process, world

HERE = Path(__file__).parent


class Client(NamedTuple):
    """A foreign client, its script, and how it is led to the sandbox."""

    environment: str
    version: str
    script: str
    lead: str = "address"  #: address: it takes one. tunnel: by an https proxy. redirect: by a hook on requests


CLIENTS = (
    Client("simple-salesforce", "1.12.10", "simple_salesforce_client.py", "tunnel"),
    Client("sf", "2.150.6", "sf_cli.py"),
    Client("jsforce", "3.10.26", "jsforce.mjs"),
    Client("airbyte-source-salesforce", "2.10.3", "airbyte_salesforce.py", "tunnel"),
    Client("hubspot-api-client", "12.0.0", "hubspot_api_client.py"),
    Client("hubspot-node", "14.0.1", "hubspot_node.mjs"),
    Client("hubspot-sdk", "0.1.0a9", "hubspot_sdk_strict.py"),
    Client("meltano-tap-hubspot", "0.10.1", "meltano_tap_hubspot.py", "redirect"),
    Client("airbyte-source-hubspot", "5.7.0", "airbyte_hubspot.py", "redirect"),
)
Check = Mapping[str, Any]


def client_checks(client: Client, folder: Path) -> list[Check]:
    """Every check of one client; a client that breaks off is a failed check of its own."""
    environment = make(client.environment)
    make("node")
    with serving(folder) as (line, file), leading(client, line) as variables:
        runs = [sys.executable] if client.environment == "sf" else [str(interpreter(client.environment))]
        script = HERE / "clients" / client.script
        if script.suffix == ".mjs":  # node looks for modules beside the script
            script = Path(shutil.copy(script, environment))
        call = [*runs, str(script), str(file), str(environment), str(folder)]
        client_run = subprocess.run(call, capture_output=True, text=True, timeout=900, env=os.environ | variables)
    checks: list[Check] = [json.loads(text) for text in client_run.stdout.splitlines() if text.startswith("{")]
    if client_run.returncode:
        checks.append({"check": "runs to its end", "ok": False, "detail": client_run.stderr.strip()[-600:]})
    return checks


@contextmanager
def serving(folder: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """A fresh sandbox over the folder; its ready line, and a file that holds it."""
    with process.running(folder, "--tls") as line, tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "line.json"
        file.write_text(json.dumps(line))
        yield line, file


@contextmanager
def leading(client: Client, line: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Environment variables that lead a client with a built-in address to the sandbox."""
    if client.lead == "tunnel":
        tunnel = Tunnel(int(line["salesforce"]["tls_url"].rpartition(":")[2]))
        yield {"HTTPS_PROXY": tunnel.url, "NO_PROXY": "127.0.0.1", "REQUESTS_CA_BUNDLE": line["ca_file"]}
        tunnel.close()
    elif client.lead == "redirect":
        yield {"PYTHONPATH": str(HERE / "redirect"), "SANDBOX_HUBSPOT": line["hubspot"]["url"]}
    else:
        yield {}


#: reader -> CRM, what is compared, how it is led
READERS = {
    "sf": ("salesforce", equality.SALESFORCE, "address"),
    "airbyte-source-salesforce": ("salesforce", equality.SALESFORCE, "tunnel"),
    "airbyte-source-hubspot": ("hubspot", equality.HUBSPOT, "redirect"),
}


def second_reader(reader: str, folder: Path) -> list[Check]:
    """The reader's rows beside our own database's, of one sandbox."""
    crm, table, lead = READERS[reader]
    environment, client = make(reader), next(c for c in CLIENTS if c.environment == reader)
    with serving(folder) as (line, file), leading(client._replace(lead=lead), line) as variables, scratch() as own_folder:
        runs = Path(sys.executable) if reader == "sf" else interpreter(reader)
        rows = equality.reader_rows(reader, runs, (file, environment, folder), variables)
        return equality.compare(equality.assay_database(line, crm, own_folder), rows, table)


def grammar(folder: Path) -> list[Check]:
    """Every statement that our client sends in two nights and a set-up, under the vendor's own grammar."""
    environment = make("soql-common")
    make("node")
    with serving(folder) as (line, _), scratch() as own_folder:
        statements = equality.statements(line, own_folder)
        file = own_folder / "soql.json"
        file.write_text(json.dumps(statements))
        script = shutil.copy(HERE / "clients/soql_grammar.mjs", environment)
        parser = subprocess.run([str(INTERPRETER), script, str(file)], capture_output=True, text=True)
    checks: list[Check] = [json.loads(text) for text in parser.stdout.splitlines()]
    if parser.returncode or len(checks) != len(statements):
        checks.append({"check": "runs to its end", "ok": False, "detail": parser.stderr[-400:]})
    return checks


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="assay-conformance-") as folder:
        yield Path(folder)


def main(names: list[str]) -> int:
    jobs: dict[str, tuple[str, str, Callable[[Path], list[Check]]]] = {
        c.environment: (c.environment, c.version, partial(client_checks, c)) for c in CLIENTS
    }
    jobs["soql-common"] = ("@salesforce/soql-common, our SOQL", "0.2.2", grammar)
    jobs |= {f"rows-{r}": (f"same rows as {r}", "", partial(second_reader, r)) for r in READERS}
    failed: list[str] = []
    print("| client | version | checks | passed | seconds |\n|---|---|---|---|---|", flush=True)
    with scratch() as folder:
        world.generate(folder / "org", seed=3, accounts=80, crms=("salesforce", "hubspot"))
        for name in names or jobs:
            title, version, ask = jobs[name]
            start = time.monotonic()
            try:
                checks = ask(folder / "org")
            except (NoEnvironment, RuntimeError, OSError) as error:
                checks = [{"check": "runs", "ok": False, "detail": str(error)}]
            passed = sum(c["ok"] for c in checks)
            print(f"| {title} | {version} | {len(checks)} | {passed} | {time.monotonic() - start:.0f} |", flush=True)
            failed += [f"{name}: {c['check']}: {c['detail']}" for c in checks if not c["ok"]]
            failed += [f"{name}: no check ran"] if not checks else []
    for text in failed:
        print(text, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
