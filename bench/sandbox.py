"""How fast the sandbox serves by itself, so that no benchmark of a client measures the sandbox.

    python bench/sandbox.py --rows 1000000

A reader that does nothing but take bytes from a socket (no TLS, no JSON, no CSV; gzip asked for, not unpacked) reads the
same pages as Assay, in the same run. Also: how long the sandbox takes to be ready, and its memory.
"""

import argparse
import http.client
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=1_000_000, type=int)
    rows = parser.parse_args().rows
    from sandbox import process, world

    with tempfile.TemporaryDirectory(prefix="assay-bench-") as scratch:
        for crm, write, read in (
            ("salesforce", lambda f: world.bulk(f, seed=1, activities=rows, accounts=max(100, rows // 500)), bulk),
            ("hubspot", lambda f: world.bulk_portal(f, seed=1, records=rows), lists),
        ):
            folder = Path(scratch) / crm
            start = time.perf_counter()
            write(folder)
            generated = time.perf_counter()
            with process.running(folder, "--quota", "10000000") as crms:
                loaded = time.perf_counter()
                peak = _peak(crms["pid"])
                count, seconds, byte_count = read(crms[crm])
                print(
                    f"{crm}: generated in {generated - start:.1f} s, ready in {loaded - generated:.1f} s at {peak:.0f} MB; "
                    f"served {count:,} rows in {seconds:.1f} s = {count / seconds:,.0f} rows/s ({byte_count / 1e6:.0f} MB)",
                    flush=True,
                )


def bulk(connection: dict[str, Any]) -> tuple[int, float, int]:
    """Every task and event by Bulk 2 result pages; the time of the pages alone, the jobs having ended."""
    line = _line(connection["url"])
    heads = {"Authorization": f"Bearer {connection['access_token']}", "Accept-Encoding": "gzip"}
    count, byte_count, seconds = 0, 0, 0.0
    for entity in ("Task", "Event"):
        soql = (
            f"SELECT Id, Subject, OwnerId, AccountId, WhatId, WhoId, ActivityDate, CreatedDate, SystemModstamp FROM {entity}"
        )
        body = json.dumps({"operation": "queryAll", "query": soql})
        job = json.loads(_ask(line, "POST", "/services/data/v68.0/jobs/query", {**heads, "Accept-Encoding": ""}, body)[0])
        at = f"/services/data/v68.0/jobs/query/{job['id']}"
        while json.loads(_ask(line, "GET", at, {**heads, "Accept-Encoding": ""})[0])["state"] != "JobComplete":
            time.sleep(0.05)
        start, locator = time.perf_counter(), ""
        while locator != "null":
            page, headers = _ask(line, "GET", f"{at}/results?maxRecords=50000&locator={locator}", heads)
            locator, count = str(headers["sforce-locator"]), count + int(headers["sforce-numberofrecords"])
            byte_count += len(page)
        seconds += time.perf_counter() - start
    return count, seconds, byte_count


def lists(connection: dict[str, Any]) -> tuple[int, float, int]:
    """Every call and meeting by lists of a hundred, with their links, as a first load asks for them."""
    line = _line(connection["url"])
    heads = {"Authorization": f"Bearer {connection['token']}", "Accept-Encoding": "gzip"}
    count, byte_count, start = 0, 0, time.perf_counter()
    for type_ in ("calls", "meetings", "emails"):
        names = "hs_timestamp,hubspot_owner_id,hs_lastmodifieddate,hs_createdate"
        after, last = "", False
        while not last:
            path = f"/crm/objects/2026-09/{type_}?limit=100&properties={names}&associations=companies,contacts{after}"
            page, headers = _ask(line, "GET", path, heads)
            byte_count, count = byte_count + len(page), count + 100
            # the next id is all that is looked for, from the end
            text = _unpacked(page, headers)
            tail = text[-400:]
            last = b'"after":"' not in tail
            after = "" if last else "&after=" + tail.split(b'"after":"')[-1].split(b'"')[0].decode()
    return count, time.perf_counter() - start, byte_count


def _unpacked(page: bytes, heads: dict[str, str]) -> bytes:
    import gzip

    return gzip.decompress(page) if heads.get("content-encoding") == "gzip" else page


def _line(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(url.removeprefix("http://"))


def _ask(
    line: http.client.HTTPConnection, method: str, path: str, heads: dict[str, str], body: str | None = None
) -> tuple[bytes, dict[str, str]]:
    line.request(method, path, body, heads | ({"Content-Type": "application/json"} if body else {}))
    reply = line.getresponse()
    page = reply.read()
    if reply.status >= 300:
        raise SystemExit(f"{method} {path}: {reply.status} {page[:200]!r}")
    return page, {k.lower(): v for k, v in reply.getheaders()}


def _peak(pid: int) -> float:
    """The most memory the process has held, MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


if __name__ == "__main__":
    main()
