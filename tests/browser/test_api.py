"""The JSON API judged by schemathesis: every operation of its OpenAPI document, with whatever it can think of."""

import subprocess
import sys
from pathlib import Path

#: cases an operation; more find nothing new and take minutes
CASES = "60"


def test_schemathesis_finds_nothing(locked: tuple[str, str], tmp_path: Path) -> None:
    address, token = locked
    command = [Path(sys.executable).with_name("st"), "run", f"{address}/api/openapi.json", "--checks", "all", "--seed", "7",
               "--max-examples", CASES, "-H", f"Authorization: Bearer {token}", "--no-color"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "No issues found" in done.stdout, done.stdout[-3000:]
