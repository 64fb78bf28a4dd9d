"""Membership in a set of rows, as engines answer it fast."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Subquery, case, select, tuple_


def is_in(row: Sequence[ColumnElement[Any]], rows: FromClause) -> ColumnElement[bool]:
    """Whether the values of `row`, none of them NULL, are the first of a row of `rows`.

    A condition `in` is answered by looking up, whatever an engine believes of the size of the set; a join without statistics
    may be answered by trying every pair.
    """
    return tuple_(*row).in_(select(*list(rows.c)[: len(row)]))


def is_not_in(row: Sequence[ColumnElement[Any]], rows: FromClause) -> ColumnElement[bool]:
    """Whether they are not. Not by `not in`: because of NULL, SQLite answers that by reading the whole set for each row."""
    return case((is_in(row, rows), 0), else_=1) > 0


def marked_runs(order: FromClause, mark: ColumnElement[int]) -> Subquery:
    """Select the records of `order` that carry the mark, and each that stands right before one that does.

    A mark tells that a record belongs to the one before it; so these are all runs longer than one record.
    """
    o = order.c
    marked = select(o.entry).where(mark > 0)
    return select(o.record).where(o.entry.in_(marked.union(select(o.entry - 1).where(mark > 0)))).subquery()
