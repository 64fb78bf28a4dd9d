"""Runs one contender in a process of its own and prints what it took as one JSON line.

The clock starts when the login is done and the tables are there, and stops at the last commit.
"""

import json
import re
import resource
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx


def main() -> None:
    module, url, connection = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    race = import_module(module).prepare(connection, url)
    httpx.delete(connection["log_url"]).raise_for_status()
    before, start = _cpu(), time.perf_counter()
    rows = race()
    seconds, cpu = time.perf_counter() - start, _cpu() - before
    peak = _peak()  # before the log is read, which is large
    print(json.dumps({"rows": rows, "seconds": seconds, "cpu": cpu, "peak_mb": peak, **_requests(connection)}))


def _cpu() -> float:
    """Seconds of this process and those it started."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def _peak() -> float:
    """Peak resident megabytes; `ru_maxrss` would count what the parent had before exec."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    own = int(match[1]) if match else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024  # the largest of several processes


def _requests(connection: dict[str, Any]) -> dict[str, Any]:
    """API calls by the server's own log, and the fields that were asked for by object."""
    lines = [json.loads(line) for line in httpx.get(connection["log_url"]).text.splitlines()]
    calls = [line for line in lines if not line["path"].startswith("/_sandbox")]
    queries = [re.match(r"SELECT (.+) FROM (\w+)", line["soql"]) for line in calls if line["soql"]]
    fields = {q[2]: sorted(q[1].replace(" ", "").split(",")) for q in queries if q}
    return {"calls": len(calls), "megabytes": sum(line["bytes"] for line in calls) / 1e6, "fields": fields}


if __name__ == "__main__":
    main()
