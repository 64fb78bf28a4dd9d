"""Quotes and what stands on them; pure.

Publishing puts a quote at an address that the customer has: `APPROVAL_NOT_NEEDED` at once, `APPROVED` after an approval
(HubSpot's quotes guide, "Update quote state"; a `REJECTED` one was refused by our own approver). What was accepted or made
void had been published (knowledge base, "Manage quotes").
"""

from connectors.columns import cents, ids, instants
from connectors.hubspot.links import chosen
from connectors.hubspot.sheet import Context, Rows, Sheet, rows

PRESENTED = ("APPROVAL_NOT_NEEDED", "APPROVED", "ACCEPTED", "VOID")


def quote(s: Sheet, c: Context) -> Rows:
    created = instants(s["hs_createdate"], c.odd, "quotes.hs_createdate")
    presented = [v in PRESENTED for v in s["hs_status"]]
    return rows(s.ids, [chosen(x) for x in s.linked("deals")], presented, created, s.fill(False))


def line_item(s: Sheet, c: Context) -> Rows:
    """Return those of deals; a quote has copies of its own."""
    deals, quotes = ([chosen(x) for x in s.linked(to)] for to in ("deals", "quotes"))
    if loose := sum(d is None and q is None for d, q in zip(deals, quotes, strict=True)):
        c.odd["line_items: of no deal and no quote, left out"] += loose
    return _items(s, c, deals)


def quote_item(s: Sheet, c: Context) -> Rows:
    """Return those of quotes."""
    return _items(s, c, [chosen(x) for x in s.linked("quotes")])


def _items(s: Sheet, c: Context, parents: list[str | None]) -> Rows:
    products = s["hs_product_id"]
    families = [c.families.get(p) or n or None for p, n in zip(products, s["name"], strict=True)]
    created = instants(s["createdate"], c.odd, "line_items.createdate")
    amounts = cents(s.numbers("amount", c.odd), c.odd, "line_items.amount")
    items = rows(s.ids, parents, ids(products), families, amounts, created, s.fill(False))
    return [r for r in items if r[1] is not None]
