"""The JSON API: the records of the pages for programs. Read-only, paged, described by /api/openapi.json."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Security
from fastapi.security import HTTPBasic, HTTPBearer

from assay import __version__
from assay.text.scores import record as score_record
from assay.text.words import finite, iso
from assay.web import records
from assay.web.context import Context
from assay.web.snapshot import Pages
from db.refusals import refusals
from db.runs import Run
from scoring.records import Score

#: what the database can hold as the number of a run
MOST = 2**31 - 1
Limit = Annotated[int, Query(ge=1, le=200, description="records on a page")]
Before = Annotated[int | None, Query(ge=1, le=MOST, description="older than this record: `next` of the page before")]
#: for the document only: the middleware has already asked (assay.web.access)
ASKED = [Security(HTTPBearer(auto_error=False)), Security(HTTPBasic(auto_error=False))]
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": records.Problem}}
REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"description": "No token, or another one", "content": {"text/plain": {"schema": {"type": "string"}}}},
    421: {"description": "No loopback host name", "content": {"text/plain": {"schema": {"type": "string"}}}},
    503: {"model": records.Problem, "description": "The database does not answer"},
}


def router(context: Context) -> APIRouter:
    """Every route of the API."""
    api = APIRouter(prefix="/api", tags=["Assay"], responses=REFUSED, dependencies=ASKED)

    @api.get("/status")
    def status() -> records.Status:
        """Whether the service is well, and how the last runs went."""
        orgs = context.store.orgs()
        crms = {o.id: o.crm for o in orgs}
        return records.Status(
            version=__version__,
            problems=context.health.problems(),
            next_run=context.health.next_run(),
            orgs=[records.Org(**{k: v for k, v in asdict(o).items() if k != "id"}) for o in orgs],
            accounts=len(context.snapshot.accounts),
            runs=[_run(r, crms) for r in context.runs.list(5)],
        )

    @api.get("/runs")
    def runs(limit: Limit = 50, before: Before = None) -> records.Runs:
        """Past runs, the newest first."""
        crms = {o.id: o.crm for o in context.store.orgs()}
        past = context.runs.list(limit, before)
        return records.Runs(items=[_run(r, crms) for r in past], next=_next(past, limit))

    @api.get("/runs/{run_id}", responses=MISSING)
    def run(run_id: Annotated[int, Path(ge=1, le=MOST)]) -> records.Run:
        """One run in detail."""
        past = context.runs.get(run_id)
        if past is None:
            raise HTTPException(404, f"there is no run {run_id}")
        return _run(past, {o.id: o.crm for o in context.store.orgs()})

    @api.get("/rejects")
    def rejects(limit: Limit = 50, before: Before = None) -> records.Rejects:
        """Rows that the CRM refused, the newest first."""
        rows = refusals(context.engine, limit, before=before)
        return records.Rejects(items=[records.Reject(**asdict(r)) for r in rows], next=_next(rows, limit))

    @api.get("/summary")
    def summary() -> records.Summary:
        """The last night's report without its accounts."""
        return records.Summary(**context.snapshot.summary)

    @api.get("/accounts")
    def accounts(
        state: Annotated[records.State | None, Query(description="only accounts in this state")] = None,
        owner: Annotated[str | None, Query(max_length=80, description="only this owner's (id)")] = None,
        q: Annotated[str, Query(max_length=100, description="words of the name, or the id")] = "",
        after: Annotated[str | None, Query(pattern=r"^\d{1,6}\.\S{1,80}$", description="`next` of the page before")] = None,
        limit: Limit = 100,
    ) -> records.Accounts:
        """Every account's verdict, by id; what two CRMs know is told once, under the first one's id."""
        snapshot = context.snapshot
        cursor = (int(after.partition(".")[0]), after.partition(".")[2]) if after else None
        found, last = snapshot.accounts.after(cursor, limit, state, q, None if context.hides_owners else owner)
        verdicts = context.store.verdicts_of([s.key for s in found])
        items = [_account(s.crm, verdicts[s.key], context) for s in found if s.key in verdicts]
        return records.Accounts(
            items=items, total=len(snapshot.accounts), next=f"{last.org}.{last.account_id}" if last else None
        )

    @api.get("/accounts/{crm}/{account_id}", responses=MISSING)
    def account(crm: str, account_id: str) -> records.AccountInFull:
        """One account, its reasons, and the records behind its numbers."""
        account = context.account(crm, account_id)
        if account is None:
            raise HTTPException(404, "no account of this CRM has this id and a verdict")
        org, score = account
        rows = {
            kind: [
                {k: finite(v) for k, v in row.items() if not (context.hides_owners and k in ("person", "owner_id"))}
                for row in part
            ]
            for kind, part in context.records(org, score).items()
        }
        values = _account(crm, score, context).model_dump()
        return records.AccountInFull(**values, owner=context.owner(org, score) or None, records=rows)

    @api.get("/plan", responses=MISSING)
    def plan(page: Annotated[int, Query(ge=1, le=MOST, description="page of 50 accounts")] = 1) -> records.Plan:
        """What the next write would change."""
        planned = context.snapshot.plan
        rows = [records.Change(**row) for row in _page(planned, page)]
        return records.Plan(
            accounts=planned.accounts, fields=dict(planned.fields), page=page, pages=len(planned.pages), items=rows
        )

    @api.get("/reallocation", responses=MISSING)
    def reallocation(page: Annotated[int, Query(ge=1, le=MOST, description="page of 200 accounts")] = 1) -> records.Moves:
        """Every account whose hours could move; `/api/summary` has the sums."""
        moves = context.snapshot.moves
        return records.Moves(page=page, pages=len(moves.pages), items=[records.Move(**row) for row in _page(moves, page)])

    return api


def _page(held: Pages, number: int) -> list[dict[str, Any]]:
    try:
        return held.page(number)
    except IndexError:
        raise HTTPException(404, f"there are {len(held.pages)} pages") from None


def _run(r: Run, crms: dict[int, str]) -> records.Run:
    values = asdict(r) | {"crm": crms.get(r.org or 0), "day": iso(r.day) if r.day else None, "detail": dict(r.detail)}
    return records.Run(**{k: v for k, v in values.items() if k != "org"})


def _account(crm: str, s: Score, context: Context) -> records.Account:
    values = score_record(crm, s)
    return records.Account(**values | ({"owner_id": None} if context.hides_owners else {}))


def _next(found: Any, limit: int) -> int | None:
    return found[-1].id if len(found) == limit else None
