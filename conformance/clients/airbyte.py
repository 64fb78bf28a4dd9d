"""Runs an Airbyte source as its platform does: a process that prints one JSON message a line."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Streams = Mapping[str, Any]


class Airbyte:
    """One source with its configuration."""

    def __init__(self, program: str, config: dict[str, Any]) -> None:
        self.program = Path(sys.executable).with_name(program)
        self.folder = Path(tempfile.mkdtemp(prefix="assay-conformance-"))
        self.config = self._file("config.json", config)

    def _file(self, name: str, body: object) -> str:
        path = self.folder / name
        path.write_text(json.dumps(body))
        return str(path)

    def _run(self, *words: str) -> list[dict[str, Any]]:
        call = [str(self.program), *words, "--config", self.config]
        process = subprocess.run(call, capture_output=True, text=True, timeout=600, env=dict(os.environ))
        messages = [json.loads(text) for text in process.stdout.splitlines()]
        errors = [m["trace"]["error"]["message"] for m in messages if m["type"] == "TRACE" and m["trace"]["type"] == "ERROR"]
        if errors or process.returncode:
            raise RuntimeError("; ".join(errors)[:400] or process.stderr[-400:])
        return messages

    def check(self) -> bool:
        return any((m.get("connectionStatus") or {}).get("status") == "SUCCEEDED" for m in self._run("check"))

    def discover(self) -> Streams:
        """Stream by name."""
        (catalog,) = [m["catalog"]["streams"] for m in self._run("discover") if m["type"] == "CATALOG"]
        return {s["name"]: s for s in catalog}

    def read(
        self, streams: Streams, names: Iterable[str], state: list[Any] | None = None
    ) -> tuple[dict[str, list[dict[str, Any]]], list[Any]]:
        """Records by stream, and the last state of each."""
        configured = [self._stream(streams[n]) for n in names]
        words = ["read", "--catalog", self._file("catalog.json", {"streams": configured})]
        words += ["--state", self._file("state.json", state)] if state is not None else []
        records: dict[str, list[dict[str, Any]]] = {}
        states: dict[str, Any] = {}
        for m in self._run(*words):
            if m["type"] == "RECORD":
                records.setdefault(m["record"]["stream"], []).append(m["record"]["data"])
            elif m["type"] == "STATE":
                states[m["state"]["stream"]["stream_descriptor"]["name"]] = m["state"]
        return records, list(states.values())

    @staticmethod
    def _stream(stream: Any) -> dict[str, Any]:
        mode = "incremental" if "incremental" in stream["supported_sync_modes"] else "full_refresh"
        return {
            "stream": stream,
            "sync_mode": mode,
            "destination_sync_mode": "append",
            "cursor_field": stream.get("default_cursor_field", []),
        }
