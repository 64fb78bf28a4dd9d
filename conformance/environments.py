"""Where each foreign client lives: an environment of its own under `.conformance/`, made once, with pinned versions."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent / ".conformance"
#: environment -> exact versions from PyPI
PYTHON: Mapping[str, tuple[str, ...]] = {
    "simple-salesforce": ("simple-salesforce==1.12.10",),
    "airbyte-source-salesforce": ("airbyte-source-salesforce==2.10.3",),
    "hubspot-api-client": ("hubspot-api-client==12.0.0",),
    "hubspot-sdk": ("hubspot-sdk==0.1.0a9",),
    "meltano-tap-hubspot": ("meltano-tap-hubspot==0.10.1",),
    "airbyte-source-hubspot": ("airbyte-source-hubspot==5.7.0",),
}
#: environment -> exact versions from npm. jsforce and the CLI need a newer Node than many machines have
NODE: Mapping[str, tuple[str, ...]] = {
    "node": ("node@22.23.3",),
    "sf": ("@salesforce/cli@2.150.6",),
    "jsforce": ("jsforce@3.10.26",),
    "hubspot-node": ("@hubspot/api-client@14.0.1",),
    "soql-common": ("@salesforce/soql-common@0.2.2", "antlr4ts@0.5.0-alpha.4"),
}
INTERPRETER = ROOT / "node/node_modules/node/bin/node"


class NoEnvironment(Exception):
    """A client could not be installed; the message says what the installer said last."""


def make(name: str) -> Path:
    """Install a client unless its pins are installed already; its folder."""
    folder = ROOT / name
    pins = PYTHON.get(name) or NODE[name]
    stamp = folder / "pins.json"
    if stamp.exists() and json.loads(stamp.read_text()) == list(pins):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if name in PYTHON:
        _run([sys.executable, "-m", "venv", str(folder / "venv")])
        _run([str(folder / "venv/bin/pip"), "install", "-q", "--disable-pip-version-check", *pins])
    else:
        _run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(folder), *pins])
    stamp.write_text(json.dumps(pins))
    return folder


def interpreter(name: str) -> Path:
    """What runs a client's script."""
    return ROOT / name / "venv/bin/python" if name in PYTHON else INTERPRETER


def _run(call: list[str]) -> None:
    installer = subprocess.run(call, capture_output=True, text=True, env=dict(os.environ))
    if installer.returncode:
        raise NoEnvironment(f"{' '.join(call[:3])}: {installer.stderr.strip()[-300:]}")
