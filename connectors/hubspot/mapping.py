"""HubSpot's companies, people and deals as our records; pure.

With `activities`, `streams` and `schema` the only place that knows the vendor's names. What the properties mean:
docs/facts/hubspot.md, "Pipelines and deals".
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.columns import cents, domains, ids, instants, local_days, whole, within
from connectors.hubspot import schema
from connectors.hubspot.links import chosen
from connectors.hubspot.sheet import DIGITS_ONLY, Context, Rows, Sheet, StageFacts, is_number, rows
from connectors.scope_fields import kept
from connectors.seniority import level

# ---- people, stages, money ------------------------------------------------------------------------------------------


def owner(found: Any, c: Context) -> tuple[Any, ...]:
    """Return an owner as the SDK gives it; a deactivated one still has records."""
    name = " ".join(filter(None, (found.first_name, found.last_name))) or f"Owner {found.id}"
    started = int(found.created_at.timestamp()) if isinstance(found.created_at, datetime) else None
    key = c.people.column([found.email or ""])[0]
    teams = sorted(found.teams or (), key=lambda team: not team.primary)
    team = teams[0].name if teams else None
    return (str(found.id), name, not found.archived, found.type, team, None, c.zone, key, started, False)


def stage(pipeline: Any, place: int, found: Any, c: Context) -> tuple[Any, ...]:
    """A stage of the `place`th pipeline; won is closed with certainty (docs/facts/hubspot.md, "Pipelines and deals")."""
    said = found.metadata or {}
    odds = _percent(str(said.get("probability", "")))
    closed = str(said.get("isClosed", "")).lower() == "true" or odds in (0, 100)
    facts = StageFacts(odds or 0, closed, closed and odds == 100)
    c.stages[str(found.id)] = facts
    position = place * 1000 + int(found.display_order or 0)
    return (str(found.id), f"{pipeline.label}: {found.label}", position, closed, facts.won, odds, bool(found.archived))


def _percent(text: str) -> int | None:
    return round(float(text) * 100) if text and is_number(text) else None


def currency(code: str, rate: float, corporate: str) -> tuple[Any, ...]:
    """HubSpot says what one unit is worth in the portal's currency; we keep the reverse."""
    return (code, round(1_000_000 / rate), code == corporate, False)


# ---- companies and contacts -----------------------------------------------------------------------------------------


def account(s: Sheet, c: Context) -> Rows:
    employees = within(whole(s.numbers("numberofemployees", c.odd)), 0, 10_000_000, c.odd, "companies.numberofemployees")
    revenue = cents(s.numbers("annualrevenue", c.odd), c.odd, "companies.annualrevenue")
    names = [n or d or f"Company {i}" for n, d, i in zip(s["name"], s["domain"], s.ids, strict=True)]
    ours = schema.read({n: s[n] for n in schema.NAMES.values()}, s.count)
    return rows(
        s.ids,
        names,
        ids(s["hubspot_owner_id"]),
        ids(s["hs_parent_company_id"]),
        ids(s["type"]),
        ids(s["industry"]),
        ids(s["country"]),
        employees,
        revenue,
        s.fill(None),
        instants(s["createdate"], c.odd, "companies.createdate"),
        s.fill(None),
        domains(s["domain"]),
        ids(s["salesforceaccountid"]),
        ours,
        kept({name: [s[p] for p in properties] for name, properties in c.traits.items()}, s.count),
        s.fill(False),
    )


def merged(s: Sheet) -> Rows:
    """(loser, survivor, deleted) of companies that swallowed others (docs/facts/hubspot.md, "Merges, deletes and history")."""
    return [
        (loser.strip(), survivor, True)
        for survivor, losers in zip(s.ids, s["hs_merged_object_ids"], strict=True)
        for loser in losers.split(";")
        if loser.strip() and loser.strip() != survivor
    ]


def contact(s: Sheet, c: Context) -> Rows:
    levels = {t: level(t) for t in set(s["jobtitle"])}
    accounts = [chosen(x) for x in s.linked("companies")]
    return rows(
        s.ids,
        accounts,
        ids(s["department"]),
        [levels[t] for t in s["jobtitle"]],
        ids(s["salesforcecontactid"]),
        instants(s["createdate"], c.odd, "contacts.createdate"),
        s.fill(False),
    )


# ---- deals ----------------------------------------------------------------------------------------------------------


def opportunity(s: Sheet, c: Context) -> Rows:
    stages = s["dealstage"]
    facts = [c.stages.get(x) for x in stages]
    closed = _flags(s["hs_is_closed"], [f is not None and f.closed for f in facts])
    won = _flags(s["hs_is_closed_won"], [f is not None and f.won for f in facts])
    odds = [_percent(v) for v in s.numbers("hs_deal_stage_probability", c.odd)]
    if strange := sum(1 for x, f in zip(stages, facts, strict=True) if x and f is None):
        c.odd["deals.dealstage: a stage of no pipeline that this key sees"] += strange
    return rows(
        s.ids,
        [chosen(x) for x in s.linked("companies")],
        ids(s["hubspot_owner_id"]),
        s["dealname"],
        ids(stages),
        cents(s.numbers("amount", c.odd), c.odd, "deals.amount"),
        ids(s["deal_currency_code"]),
        within(odds, 0, 100, c.odd, "deals.hs_deal_stage_probability"),
        _dates(s["closedate"], c, "deals.closedate"),
        ids(s["dealtype"]),
        instants(s["createdate"], c.odd, "deals.createdate"),
        closed,
        won,
        _foreign(s),
        s.fill(False),
    )


#: the names under which portals hold a synchronised opportunity's id
FOREIGN_DEAL = ("hs_salesforceopportunityid", "salesforceopportunityid", "salesforce_opportunity_id")


def _foreign(s: Sheet) -> list[str | None]:
    columns = [s[name] for name in FOREIGN_DEAL]
    return [next((v for v in values if v), None) for values in zip(*columns, strict=True)]


def _flags(column: Sequence[str], otherwise: Sequence[bool]) -> list[bool]:
    return [v == "true" if v else o for v, o in zip(column, otherwise, strict=True)]


def _dates(column: Sequence[str], c: Context, name: str) -> list[int | None]:
    """Return the date of a moment in the portal's time zone, where people picked it."""
    return local_days(instants(column, c.odd, name), [""] * len(column), {"": c.zone})


HISTORY = ("dealstage", "amount", "closedate")


def history(s: Sheet, c: Context) -> Rows:
    """Tell what each deal looked like after each change of stage, amount or close date, oldest first."""
    deals: list[str] = []
    moments: list[str] = []
    states: list[Mapping[str, str]] = []
    for deal, record in zip(s.ids, s.records, strict=True):
        for moment, state in _changes(record):
            deals.append(deal)
            moments.append(moment)
            states.append(state)
    at = instants(moments, c.odd, "deals history")
    amounts = [x["amount"] for x in states]
    numbers = {text: text if is_number(text) else "" for text in set(amounts)}
    money = cents([numbers[x] for x in amounts], c.odd, "deals history.amount")
    closes = _dates([x["closedate"] for x in states], c, "deals history.closedate")
    stages = [x["dealstage"] or None for x in states]
    odds = [None if (f := c.stages.get(x or "")) is None else f.probability for x in stages]
    keys = [f"{deal}:{m.translate(DIGITS_ONLY)}" for deal, m in zip(deals, moments, strict=True)]
    changes = rows(keys, deals, at, stages, money, closes, odds, [False] * len(keys))
    return [row for row in changes if row[2] is not None]


def _changes(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Return the moments of a deal's changes with what it was from then on."""
    past = record.get("propertiesWithHistory") or {}
    events: dict[str, dict[str, str]] = {}
    for name in HISTORY:
        for entry in past.get(name) or ():
            events.setdefault(entry["timestamp"], {})[name] = entry.get("value") or ""
    # a property whose past nobody recorded has always been what it is now
    state = {n: "" if past.get(n) else record["properties"].get(n) or "" for n in HISTORY}
    for moment in sorted(events):
        state = state | events[moment]
        yield moment, state


def contact_role(s: Sheet, _: Context) -> Rows:
    """Return contacts of deals; HubSpot does not say since when."""
    return [
        (f"{deal}:{x.id}", deal, x.id, x.label, None, False)
        for deal, links in zip(s.ids, s.linked("contacts"), strict=True)
        for x in links
    ]
