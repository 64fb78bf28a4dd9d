"""Small org folders and judged firms that tests write by hand."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine

from db.ledger import Ledger
from db.runs import Runs
from db.store import Org, Store
from scoring.records import BALANCED, STATES, FieldUpdate, Reason, Score, WriteResult, columns

NOW = "2026-06-01T12:00:00Z"
DAY = 20_780  # 2026-11-23
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


def score(number: int, state: str = BALANCED, **given: Any) -> Score:
    values: dict[str, Any] = {
        "account_id": f"a{number}", "name": f"Firm {number}", "owner_id": f"rep{number % 6}",
        "state": state, "state_since": DAY - 9, "expected": 1_000.0 * number + 11, "expected_low": 500.0 * number,
        "expected_high": 2_000.0 * number, "headroom": 77.0, "potential": 1_100.0 * number + 88,
        "potential_low": 600.0 * number, "potential_high": 3_000.0 * number, "trailing_12m": 900.0 * number + 5,
        "currency": "EUR", "grade": "B", "hours": 3.0 + number, "hours_low": 2.0 + number, "hours_high": 4.0 + number,
        "fair_hours": 4.0, "hours_gap": number - 1.0, "p_over": 0.5, "p_under": 0.5, "p_shallow": 0.5,
        "confidence": 61, "reasons": (Reason("T1", f"reason {number}"),), "next_step": f"step {number}",
        "coverage": {"logging": 0.5}, "evidence": {"activities": 9}, "as_of": DAY, "model_version": "1",
    }  # fmt: skip
    return Score(**(values | given))


def record(table: str, /, **given: Any) -> tuple[Any, ...]:
    """A pulled record's row; what is not given is absent."""
    absent = {"deleted": False, "closed": False, "won": False, "all_day": False, "child": False, "declined": False,
              "active": True, "name": "", "ours": "{}", "status": "held", "side": "ours"}  # fmt: skip
    return tuple(given.get(name, absent.get(name)) for name in columns(table))


def judged_firm(engine: Engine, scores: Sequence[Score], crm: str = "salesforce", **given: Any) -> Org:
    """An org with these verdicts, each account with an owner, an opportunity and a meeting; one run that wrote and one that
    was refused a row."""
    store = Store(engine)
    facts = {"external_id": f"00D{crm}", "name": "Northwind", "sandbox": True, "currency": "EUR"}
    org = store.pin_org(crm, facts | given)
    owners = sorted({s.owner_id for s in scores if s.owner_id})
    at = (DAY - 30) * 86_400 + 36_000
    pulled = {
        "owner": [record("owner", id=o, name=f"Owner {o[3:]}") for o in owners],
        "account": [record("account", id=s.account_id, name=s.name, owner_id=s.owner_id, created_at=1) for s in scores],
        "opportunity": [
            record("opportunity", id=f"o{s.account_id}", account_id=s.account_id, owner_id=s.owner_id, name=f"Deal of {s.name}",
                   stage="Offer", amount_cents=1_234_500, close_day=DAY - 5, created_at=1)
            for s in scores
        ],
        "activity": [
            record("activity", id=f"v{s.account_id}", kind="meeting", account_id=s.account_id, owner_id=s.owner_id,
                   starts_at=at + 86_400 * (n % 9), seconds=2700, owner_day=DAY - 30 + n % 9, created_at=1)
            for n, s in enumerate(scores)
        ],
    }  # fmt: skip
    for kind, rows in pulled.items():
        store.save(org.id, kind, rows, kind, 1)
    store.save_verdicts(org.id, scores)
    _past_runs(engine, org, scores)
    return org


def _past_runs(engine: Engine, org: Org, scores: Sequence[Score]) -> None:
    runs, ledger = Runs(engine), Ledger(engine, org.id)
    first = runs.start(org.id, 1_795_000_000, "dry")
    runs.end(first, 1_795_000_060, "done", day=DAY - 1, calls=41, detail=_detail(planned=len(scores)))
    second = runs.start(org.id, 1_795_086_400, "write")
    chosen = scores[:2]
    ledger.plan(second, [FieldUpdate(s.account_id, {"state": s.state}, {}, "why") for s in chosen], 1_795_086_410)
    ledger.sending(second, [s.account_id for s in chosen], "job", 1_795_086_411)
    ledger.settle(
        second, [WriteResult(s.account_id, not n, "LOCKED" if n else "", "row is locked") for n, s in enumerate(chosen)], 1
    )
    runs.end(second, 1_795_086_490, "rejected", day=DAY, calls=57, detail=_detail(planned=2, acked=1, rejected=1))


def _detail(**given: Any) -> dict[str, Any]:
    return {"rows": {"Account": 4_321, "Task": 17}, "changed": {"Account": 3}, "gone": {}, "odd": {"no owner": 17},
            "notes": ["mail is hidden"], "nights": 1, "states": {BALANCED: 1}, "planned": 0, "within_band": 0, "acked": 0,
            "rejected": 0, "seconds": {"pull": 12.3, "score": 1.5}} | given  # fmt: skip


def firm_scores(accounts: int, **given: Any) -> list[Score]:
    """Scores in all states."""
    return [score(n, STATES[n % len(STATES)], **given) for n in range(accounts)]
