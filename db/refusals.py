"""What CRMs refused, in their own words: a page at a time, of all orgs."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from db.ledger import is_latest
from db.tables import account, ledger, org


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that the CRM refused."""

    id: int
    run: int
    crm: str
    account_id: str
    name: str
    code: str
    message: str
    at: int


def refusals(engine: Engine, limit: int, *, run: int | None = None, before: int | None = None) -> Sequence[Refusal]:
    """Read refused rows, the newest first, older than the row `before`: those of one run, or without one those that are open,
    as `Ledger.rejected` has them."""
    x, a, o = ledger.c, account.c, org.c
    named = ledger.join(org, o.id == x.org).outerjoin(account, (a.org == x.org) & (a.id == x.account_id))
    columns = (x.id, x.run, o.crm, x.account_id, func.coalesce(a.name, x.account_id), x.code, x.message, x.at)
    query = select(*columns).select_from(named).where(x.status == "rejected").order_by(x.id.desc()).limit(limit)
    query = query.where(is_latest() if run is None else x.run == run)
    if before is not None:
        query = query.where(x.id < before)
    with engine.connect().execution_options(reading=True) as c:
        return [Refusal(*row) for row in c.execute(query)]
