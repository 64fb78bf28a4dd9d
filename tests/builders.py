"""Small org folders that tests write by hand."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

NOW = "2026-06-01T12:00:00Z"
MADE = "2025-01-01T08:00:00.000Z"


def sheet(folder: Path, name: str, columns: str, rows: Iterable[Sequence[object]]) -> None:
    """One CSV; values must need no quotes."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [columns, *(",".join(map(str, row)) for row in rows)]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def portal(folder: Path, companies: int = 220, **facts: object) -> Path:
    """A portal: two owners, one pipeline, a contact, a deal, a line item and three activities for each company.

    Ids: company 1000+n, contact 2000+n, deal 3000+n, line item 4000+n, call, meeting and e-mail 5000+n.
    """
    extra = "".join(f"{k} = {v!r}\n" for k, v in facts.items())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "org.toml").write_text(f'name = "Portal"\nnow = "{NOW}"\ncurrency = "EUR"\ncrm = ["hubspot"]\n{extra}')
    hubspot, numbers = folder / "hubspot", range(1, companies + 1)
    sheet(hubspot, "owners", "id,userId,email,firstName,lastName,archived,createdAt,updatedAt",
          [(71, 1, "ann@firm.example", "Ann", "Rep", "false", MADE, MADE),
           (72, 2, "bob@firm.example", "Bob", "Gone", "true", MADE, MADE)])  # fmt: skip
    sheet(hubspot, "pipelines", "pipeline_id,pipeline_label,stage_id,stage_label,display_order,probability,is_closed",
          [("default", "Sales", "offer", "Offer", 0, 0.6, "false"), ("default", "Sales", "won", "Won", 1, 1.0, "true"),
           ("default", "Sales", "lost", "Lost", 2, 0.0, "true")])  # fmt: skip
    sheet(hubspot, "products", "id,name,price,product_family,createdate", [(6001, "Pump", 10, "Hydraulics", MADE)])
    sheet(hubspot, "companies", "id,name,domain,industry,numberofemployees,hubspot_owner_id,createdate,hs_lastmodifieddate",
          [(1000 + n, f"Firm {n}", f"firm{n}.example", "Steel", 10 + n, 71, MADE, MADE) for n in numbers])  # fmt: skip
    sheet(hubspot, "contacts", "id,firstname,lastname,email,jobtitle,createdate,lastmodifieddate",
          [(2000 + n, "P", n, f"p@firm{n}.example", "Head of Sales", MADE, MADE) for n in numbers])  # fmt: skip
    sheet(hubspot, "deals", "id,dealname,pipeline,dealstage,amount,closedate,createdate,hubspot_owner_id,hs_lastmodifieddate",
          [(3000 + n, f"Deal {n}", "default", "won" if n % 2 else "offer", 1000 * n, "2026-05-01T12:00:00.000Z", MADE, 71, MADE)
           for n in numbers])  # fmt: skip
    sheet(hubspot, "line_items", "id,name,hs_product_id,quantity,price,amount,createdate",
          [(4000 + n, "Pump", 6001, 1, 10, 10, MADE) for n in numbers])  # fmt: skip
    at = "2026-05-0{}T09:00:00.000Z"
    sheet(hubspot, "calls", "id,hs_timestamp,hs_call_duration,hs_call_status,hs_call_title,hubspot_owner_id,hs_createdate",
          [(5000 + n, at.format(1 + n % 9), 60000, "COMPLETED", f"Call {n}", 71, at.format(1 + n % 9)) for n in numbers])  # fmt: skip
    sheet(hubspot, "meetings", "id,hs_timestamp,hs_meeting_start_time,hs_meeting_end_time,hs_meeting_title,hubspot_owner_id,"
          "hs_attendee_owner_ids,hs_createdate",
          [(5000 + n, at.format(1 + n % 9), at.format(1 + n % 9), at.format(1 + n % 9).replace("09:00", "09:45"), f"Visit {n}",
            71, "71;72", at.format(1 + n % 9)) for n in numbers])  # fmt: skip
    sheet(hubspot, "emails", "id,hs_timestamp,hs_email_direction,hs_email_subject,hubspot_owner_id,hs_createdate",
          [(5000 + n, at.format(1 + n % 9), "EMAIL", f"Mail {n}", 71, at.format(1 + n % 9)) for n in numbers])  # fmt: skip
    links: list[tuple[object, ...]] = []
    for n in numbers:
        links += [("contacts", 2000 + n, "companies", 1000 + n, 1, ""), ("deals", 3000 + n, "companies", 1000 + n, 5, ""),
                  ("deals", 3000 + n, "contacts", 2000 + n, 3, ""), ("line_items", 4000 + n, "deals", 3000 + n, 20, "")]  # fmt: skip
        links += [(t, 5000 + n, "companies", 1000 + n, "", "") for t in ("calls", "meetings", "emails")]
        links += [(t, 5000 + n, "contacts", 2000 + n, "", "") for t in ("calls", "meetings")]
    sheet(hubspot, "associations", "from_type,from_id,to_type,to_id,type_id,label", links)
    sheet(hubspot, "property_history", "object_type,id,property,value,timestamp",
          [("deals", 3000 + n, "dealstage", stage, f"2026-0{month}-01T00:00:00.000Z")
           for n in numbers for month, stage in ((2, "offer"), (5, "won" if n % 2 else "offer"))])  # fmt: skip
    return folder


@contextmanager
def opened(line: dict[str, Any]) -> Iterator[httpx.Client]:
    """A client with the key of a portal that is served, as it was loaded."""
    with httpx.Client(base_url=line["url"], headers={"Authorization": f"Bearer {line['token']}"}, timeout=30) as client:
        client.post("/_sandbox/reset").raise_for_status()
        client.post("/_sandbox/faults", json=[]).raise_for_status()
        yield client


def edit(client: httpx.Client, **change: Any) -> dict[str, Any]:
    """One change by a person or an admin."""
    answer = client.post("/_sandbox/edit", json=change)
    assert answer.is_success, answer.text
    return dict(answer.json()[0])
