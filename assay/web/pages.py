"""The pages for people, server-rendered from the report's sections. No script, no cookie, nothing is ever changed."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from assay import __version__
from assay.night.scope import nameless
from assay.report import templating
from assay.report.layout import Row
from assay.text import words
from assay.web import dossier, nights
from assay.web.accounts import Short
from assay.web.context import Context
from assay.web.snapshot import Snapshot, address
from db.refusals import refusals
from scoring.records import STATES, Score

#: accounts on a page of the list
ROWS = 50
#: runs and refused rows on the status page
LAST = 14
PAGES = (
    ("/", "Status"),
    ("/picture", "Picture"),
    ("/books", "Books"),
    ("/accounts", "Accounts"),
    ("/coverage", "Data"),
    ("/backtest", "Backtest"),
    ("/plan", "Plan"),
)
NO_STORE = {"cache-control": "no-store"}
FOREVER = {"cache-control": "public, max-age=31536000, immutable"}

Page = Callable[[Context, Request], Response]


def routes(context: Context) -> list[Route]:
    """Every page of the menu, and what they lead to."""
    pages: dict[str, Page] = {
        "/": status,
        "/picture": partial(_section, "picture"),
        "/books": partial(_section, "books"),
        "/coverage": partial(_section, "coverage"),
        "/backtest": partial(_section, "backtest"),
        "/accounts": accounts,
        "/accounts/{crm}/{account_id}": account,
        "/runs/{run_id:int}": run,
        "/plan": plan,
        "/report": report,
    }
    return [
        *(Route(path, _bound(page, context), methods=["GET"]) for path, page in pages.items()),
        Route("/assets/style.css", lambda _: Response(_stylesheet(), media_type="text/css", headers=FOREVER)),
        Route("/assets/icon.svg", lambda _: Response(_icon(), media_type="image/svg+xml", headers=FOREVER)),
    ]


def _bound(page: Page, context: Context) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return page(context, request)

    return answer


# ---- templates ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The report's templates and ours."""
    report = templating.environment()
    env = report.overlay(loader=ChoiceLoader([PackageLoader("assay.web"), report.loader or PackageLoader("assay.report")]))
    env.filters |= {
        "instant": dossier.instant,
        "took": took,
        "outcome": lambda name: nights.WORDS.get(name, name),
        "streams": lambda detail: sum(detail.get("rows", {}).values()),
        "told": lambda detail, name: detail.get(name, 0),
    }
    env.globals |= {
        "pages": PAGES,
        "looks": nights.LOOKS,
        "version": __version__,
        "sheet": f"/assets/style.css?v={_version()}",
    }
    return env


@lru_cache(maxsize=1)
def _stylesheet() -> str:
    return templating.style() + environment().get_template("web.css").render()


@lru_cache(maxsize=1)
def _icon() -> str:
    return environment().get_template("icon.svg.j2").render()


def _version() -> str:
    return templating.style_hash()[8:20].replace("+", "-").replace("/", "_") + __version__


def took(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 and minutes < 600 else f"{round(minutes / 60)} h"


def page(context: Context, template: str, here: str, code: int = 200, **values: Any) -> Response:
    """A page with the head and foot all pages share."""
    orgs = values.get("orgs")
    names = " and ".join(o.name for o in (context.store.orgs() if orgs is None else orgs))
    html = environment().get_template(template).render({"link": lambda _: "", "here": here, "org_name": names} | values)
    return HTMLResponse(html, code, NO_STORE)


def trouble(code: int, what: str) -> Response:
    """A page that needs nothing but its words."""
    title = HTTPStatus(code).phrase
    html = environment().get_template("trouble.html.j2").render(here="", org_name="", title=title, what=what)
    return HTMLResponse(html, code, NO_STORE)


# ---- pages ----------------------------------------------------------------------------------------------------------


def status(context: Context, _: Request) -> Response:
    """How the service and its nights are."""
    orgs, now = context.store.orgs(), context.now
    briefs = context.runs.briefs(now - 54 * 7 * nights.DAY)
    runs = context.runs.list(LAST)
    newest = [next((r for r in runs if r.org == o.id and r.outcome != "running"), None) for o in orgs]
    last = [r for r in newest if r is not None]
    next_run = context.health.next_run()
    return page(
        context,
        "status.html.j2",
        "/",
        orgs=orgs,
        crms={o.id: o.crm for o in orgs},
        problems=context.health.problems(),
        next_run=next_run,
        wait=None if next_run is None else max(0, next_run - now),
        runs=runs,
        last=last,
        worst=max(last, key=lambda r: nights.rank(r.outcome), default=None),
        running=any(r.outcome == "running" for r in runs),
        year=nights.year(briefs, now // nights.DAY),
        seconds=nights.bars(briefs, "seconds"),
        calls=nights.bars(briefs, "API calls"),
        refused=refusals(context.engine, LAST),
        facts=context.snapshot.facts,
    )


def run(context: Context, request: Request) -> Response:
    """One run in detail."""
    record = context.runs.get(min(request.path_params["run_id"], 2**31 - 2))
    if record is None:
        return trouble(404, "There is no such run. The status page lists the last ones.")
    if context.hides_owners and "notes" in record.detail:
        record = replace(record, detail={**record.detail, "notes": nameless(record.detail["notes"])})
    orgs = context.store.orgs()
    refused = refusals(context.engine, 100, run=record.id)
    return page(context, "run_page.html.j2", "/", orgs=orgs, run=record, crms={o.id: o.crm for o in orgs}, refused=refused)


def _section(name: str, context: Context, _: Request) -> Response:
    """A page of the report's sections."""
    snapshot = context.snapshot
    if snapshot.empty:
        return page(context, "empty.html.j2", f"/{name}")
    return page(context, f"{name}_page.html.j2", f"/{name}", **snapshot.facts)


def accounts(context: Context, request: Request) -> Response:
    """The list: by state, by words of the name, a page at a time."""
    snapshot, asked = context.snapshot, request.query_params
    if snapshot.empty:
        return page(context, "empty.html.j2", "/accounts")
    state = asked.get("state") if asked.get("state") in STATES else None
    words_asked = asked.get("q", "")[:100]
    found = snapshot.accounts.found(state, words_asked)
    last = max(1, -(-len(found) // ROWS))
    number = min(max(1, int(asked["page"]) if asked.get("page", "")[:6].isdecimal() else 1), last)
    shown = found[(number - 1) * ROWS : number * ROWS]
    return page(
        context,
        "accounts_page.html.j2",
        "/accounts",
        rows=_rows(context, snapshot, shown),
        link=_linked(shown),
        state=state,
        q=words_asked,
        found=len(found),
        number=number,
        last=last,
        sums=snapshot.facts["sums"],
        total=len(snapshot.accounts),
        r=snapshot.facts["r"],
    )


def _rows(context: Context, snapshot: Snapshot, shown: Sequence[Short]) -> list[Row]:
    verdicts = context.store.verdicts_of([s.key for s in shown])
    return [
        Row(f"a{n}", verdicts[s.key], snapshot.owners.get(s.owner_id or "", ""), "")
        for n, s in enumerate(shown)
        if s.key in verdicts
    ]


def _linked(shown: Sequence[Short]) -> Callable[[Score], str]:
    homes = {s.account_id: s.crm for s in shown}
    return lambda s: address(homes[s.account_id], s.account_id)


def account(context: Context, request: Request) -> Response:
    """One account: its state, its reasons, its numbers, and the records behind them."""
    crm, account_id = request.path_params["crm"], request.path_params["account_id"]
    account = context.account(crm, account_id)
    if account is None:
        return trouble(404, "No account of this CRM has this id and a verdict. The list of accounts has a search.")
    org, s = account
    records = context.records(org, s)
    window = context.settings.scoring.rules().window_days
    owners = _names(context, records)
    return page(
        context,
        "account_page.html.j2",
        "/accounts",
        s=s,
        org=org,
        owner=context.owner(org, s),
        window=window,
        scales=dossier.money_scales(s, words.span),
        hours=dossier.hour_scale(s, words.hours, words.span),
        timeline=dossier.timeline(s, window, records),
        sheets=dossier.sheets(records, owners, hide=context.hides_owners),
        most=dossier.MOST,
    )


def _names(context: Context, records: Mapping[str, Any]) -> Mapping[str, str]:
    people = {r["person"] for r in records.get("activities", ()) if r["person"]}
    return {} if context.hides_owners else context.store.names_of_owners(people)


def plan(context: Context, request: Request) -> Response:
    """What the next write would change."""
    held, asked = context.snapshot.plan, request.query_params.get("page", "1")
    number = int(asked) if asked[:6].isdecimal() else 1
    number = min(max(1, number), max(1, len(held.pages)))
    blocks: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in held.page(number):
        blocks.setdefault((row["crm"], row["account_id"]), []).append(row)
    return page(
        context,
        "plan_page.html.j2",
        "/plan",
        write=context.settings.write.enabled,
        holds=context.store.orgs(),
        held=held,
        blocks=blocks,
        number=number,
        last=max(1, len(held.pages)),
        address=address,
    )


def report(context: Context, _: Request) -> Response:
    """The report file, as `assay report` writes it."""
    snapshot = context.snapshot
    name = f'attachment; filename="assay-{words.iso(snapshot.facts["r"].day)}.html"'
    return HTMLResponse(zlib.decompress(snapshot.report), headers={"content-disposition": name} | NO_STORE)
