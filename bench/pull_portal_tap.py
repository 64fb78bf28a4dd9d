"""meltano-tap-hubspot piped into target-jsonl, each unmodified in an environment of its own.

The tap knows no other host than HubSpot's, so a sitecustomize.py on PYTHONPATH sends its requests to the sandbox
(docs/facts/hubspot.md, "Foreign clients"). target-jsonl is the lightest loader there is: it appends lines to files.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal_fields import LINKS, PROPERTIES

TO = {"companies": "company", "deals": "deal", "contacts": "contact"}
PINS = {"tap": ("meltano-tap-hubspot==0.10.1",), "target": ("target-jsonl==0.1.4",)}
#: the tap names types in the singular
LINKED = {name[:-1]: [TO[to] for to in links] for name, links in LINKS.items() if links}
REDIRECT = """
import os
import requests.adapters
_send = requests.adapters.HTTPAdapter.send
def send(self, request, *args, **kwargs):
    request.url = request.url.replace("https://api.hubapi.com", os.environ["SANDBOX_URL"], 1)
    return _send(self, request, *args, **kwargs)
requests.adapters.HTTPAdapter.send = send
"""


def prepare(connection: dict[str, Any], url: str) -> Callable[[], int]:
    """Installed and discovered; what is returned is the race."""
    home = Path(tempfile.mkdtemp(prefix="assay-tap-"))
    bins = {name: _environment(name, pins) for name, pins in PINS.items()}
    (home / "sitecustomize.py").write_text(REDIRECT)
    (home / "tap.json").write_text(json.dumps({"access_token": connection["token"], "associations": LINKED}))
    (home / "out").mkdir()
    (home / "target.json").write_text(json.dumps({"destination_path": str(home / "out"), "do_timestamp_file": False}))
    environment = os.environ | {"PYTHONPATH": str(home), "SANDBOX_URL": connection["url"]}
    tap = [str(bins["tap"] / "tap-hubspot"), "--config", str(home / "tap.json")]
    discovery = subprocess.run([*tap, "--discover"], env=environment, capture_output=True, text=True, check=True)
    (home / "catalog.json").write_text(json.dumps(_selected(json.loads(discovery.stdout))))

    def race() -> int:
        words = (home / "words").open("w")
        reader = subprocess.Popen(
            [*tap, "--catalog", str(home / "catalog.json")], env=environment, stdout=subprocess.PIPE, stderr=words
        )
        command = [str(bins["target"] / "target-jsonl"), "--config", str(home / "target.json")]
        loader = subprocess.run(
            command, stdin=reader.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        if reader.wait() or loader.returncode:
            raise SystemExit((home / "words").read_text()[-1500:] + loader.stderr[-1500:])
        return sum(_lines(home / "out" / f"{name}.jsonl") for name in PROPERTIES)

    return race


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _selected(catalog: dict[str, Any]) -> dict[str, Any]:
    """The same types and properties, and the links where the tap offers them."""
    for stream in catalog["streams"]:
        name = stream["tap_stream_id"]
        selected = name in PROPERTIES or name.endswith("_associations")
        for entry in stream["metadata"]:
            crumbs = entry["breadcrumb"]
            if not crumbs:
                entry["metadata"]["selected"] = selected
            elif len(crumbs) == 2 and name in PROPERTIES:
                is_read = crumbs[1] in PROPERTIES[name] or crumbs[1] in ("id", "properties", "createdAt", "updatedAt")
                entry["metadata"]["selected"] = is_read
    return catalog


def _environment(name: str, pins: tuple[str, ...]) -> Path:
    """A virtual environment with these packages, made once in the temporary folder."""
    home = Path(tempfile.gettempdir()) / f"assay-bench-{name}"
    if not (home / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(home / "bin" / "pip"), "install", "-q", *pins], check=True, capture_output=True)
        (home / "ready").touch()
    return home / "bin"
