"""meltano-tap-hubspot: discover, and a sync of what we pull."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from report import check, connections, rows, say

tap = Path(sys.executable).with_name("tap-hubspot")
folder = Path(tempfile.mkdtemp(prefix="assay-conformance-"))
(folder / "config.json").write_text(
    json.dumps({"access_token": connections()["hubspot"]["token"], "start_date": "2010-01-01T00:00:00Z"})
)


def run(*words: str) -> str:
    call = [str(tap), "--config", str(folder / "config.json"), *words]
    process = subprocess.run(call, capture_output=True, text=True, timeout=600)
    if process.returncode:
        raise RuntimeError(process.stderr[-400:])
    return process.stdout


STREAMS = {"companies": "companies", "contacts": "contacts", "deals": "deals", "line_items": "line_items",
           "products": "products", "owners": "owners", "calls": "calls", "meetings": "meetings", "emails": "emails"}  # fmt: skip
catalog: dict[str, Any] = json.loads(check("discover", lambda: run("--discover")) or "{}")
names = [s["tap_stream_id"] for s in catalog.get("streams", ())]
for stream in catalog.get("streams", ()):
    for entry in stream["metadata"]:
        if not entry["breadcrumb"]:
            entry["metadata"]["selected"] = stream["tap_stream_id"] in STREAMS
(folder / "catalog.json").write_text(json.dumps(catalog))
messages = map(json.loads, run("--catalog", str(folder / "catalog.json")).splitlines())
counts = Counter(m["stream"] for m in messages if m["type"] == "RECORD")
for stream, file in STREAMS.items():
    if stream in names:
        say(f"sync {stream}", counts[stream] == rows("hubspot", file), f"{counts[stream]} rows")
