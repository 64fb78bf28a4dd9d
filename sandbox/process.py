"""The sandbox as a process of its own, for the demo, tests and benchmarks."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def running(data: Path, *options: str) -> Iterator[dict[str, Any]]:
    """Serve an org folder; yields the ready line, ends the process afterwards. Raises OSError."""
    command = [sys.executable, "-m", "sandbox", "serve", "--data", str(data), *options]
    root = str(Path(__file__).parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}
    # a file, not a pipe: nobody reads while the sandbox is up, and a full pipe would stop it
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True)  # noqa: S603
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                process.wait(timeout=30)
                errors.seek(0)
                raise OSError(errors.read().strip() or "the sandbox ended without output")
            yield json.loads(line)
        finally:
            process.terminate()
            process.communicate(timeout=30)
