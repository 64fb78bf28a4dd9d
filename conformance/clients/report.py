"""How a client's script reports: one JSON line a check, `{"check", "ok", "detail"}`.

Scripts run in the client's own environment, so this file needs nothing but Python.
"""

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LINE = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()  #: the sandbox's ready line
ENVIRONMENT = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()  #: where the client is installed
FOLDER = Path(sys.argv[3]) if len(sys.argv) > 3 else Path()  #: the org folder that the sandbox serves


def connections() -> dict[str, Any]:
    """How each CRM of the sandbox is reached: its ready line."""
    line: dict[str, Any] = json.loads(LINE.read_text())
    return line


def say(name: str, ok: object, detail: object = "") -> None:
    sys.stdout.write(json.dumps({"check": name, "ok": bool(ok), "detail": str(detail)[:600]}) + "\n")
    sys.stdout.flush()


def check(name: str, ask: Callable[[], Any]) -> Any:
    """Passes if `ask` gives something that is true; what it gave."""
    try:
        value = ask()
    except Exception as error:  # whatever a foreign client raises is the finding
        say(name, False, f"{type(error).__name__}: {error}")
        return None
    say(name, value, value)
    return value


def rows(kind: str, name: str, *, deleted: bool = False) -> int:
    """Records of one file of the org folder: what a client must find, with what is in the bin or not."""
    with (FOLDER / kind / f"{name}.csv").open(newline="") as file:
        records = csv.DictReader(file)
        return sum(deleted or "true" not in (r.get("IsDeleted"), r.get("IsArchived")) for r in records)
