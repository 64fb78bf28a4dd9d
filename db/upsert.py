"""Save many rows so that saving them again changes nothing.

A row is written only where a column differs, so the database tells how many rows really changed. SQLite takes the rows
through one prepared statement, PostgreSQL through COPY into a temporary table.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

Rows = Sequence[tuple[Any, ...]]
#: rows of one statement; 18 columns of 500 rows stay below SQLite's 32,766 values
ROWS_PER_STATEMENT = 500


def upsert(connection: Connection, table: Table, columns: Sequence[str], rows: Rows, **fixed: int) -> int:
    """Insert or update `rows` (values in the order of `columns`); `fixed` columns hold one value for all rows.

    Returns the number of rows that were new or changed. Where a key comes twice, the last row wins.
    """
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        return _many(connection, table, columns, rows, fixed)
    return _copy(connection, table, columns, rows, fixed)


def _many(connection: Connection, table: Table, columns: Sequence[str], rows: Rows, fixed: dict[str, int]) -> int:
    """Some hundred rows a statement: while SQLite works on them the interpreter is free to prepare the next page."""
    quote = connection.dialect.identifier_preparer.quote
    whole = len(rows) - len(rows) % ROWS_PER_STATEMENT
    changed = 0
    statement = _statement(table, columns, fixed, quote, ROWS_PER_STATEMENT)
    for start in range(0, whole, ROWS_PER_STATEMENT):
        values = tuple(chain.from_iterable(rows[start : start + ROWS_PER_STATEMENT]))
        changed += connection.exec_driver_sql(statement, values).rowcount
    if whole < len(rows):
        changed += connection.exec_driver_sql(_statement(table, columns, fixed, quote, 1), list(rows[whole:])).rowcount
    return changed


def _statement(table: Table, columns: Sequence[str], fixed: dict[str, int], quote: Any, together: int) -> str:
    names = ", ".join(map(quote, [*fixed, *columns]))
    values = ", ".join([*(str(int(v)) for v in fixed.values()), *("?" for _ in columns)])
    many = ", ".join([f"({values})"] * together)
    head = f"INSERT INTO {quote(table.name)} ({names}) VALUES {many}"  # noqa: S608 names come from our own tables
    return head + _on_conflict(table, columns, quote, "IS NOT")


def _on_conflict(table: Table, columns: Sequence[str], quote: Any, differs: str) -> str:
    keys = [c.name for c in table.primary_key]
    rest = [quote(c) for c in columns if c not in keys]
    if not rest:
        return f" ON CONFLICT ({', '.join(map(quote, keys))}) DO NOTHING"
    changes = ", ".join(f"{c} = excluded.{c}" for c in rest)
    changed = " OR ".join(f"{quote(table.name)}.{c} {differs} excluded.{c}" for c in rest)
    return f" ON CONFLICT ({', '.join(map(quote, keys))}) DO UPDATE SET {changes} WHERE {changed}"


def _copy(connection: Connection, table: Table, columns: Sequence[str], rows: Rows, fixed: dict[str, int]) -> int:
    quote = connection.dialect.identifier_preparer.quote
    stage = quote(f"incoming_{table.name}")
    names = ", ".join(map(quote, columns))
    target = quote(table.name)
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DELETE ROWS AS SELECT {names} FROM {target} LIMIT 0"  # noqa: S608
    )
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {stage} ({names}) FROM STDIN") as copy:
        for row in _last_of_each(table, columns, rows):
            copy.write_row(row)
    values = ", ".join([*(str(int(v)) for v in fixed.values()), names])
    head = f"INSERT INTO {target} ({', '.join(map(quote, [*fixed, *columns]))}) SELECT {values} FROM {stage}"  # noqa: S608
    count = connection.exec_driver_sql(head + _on_conflict(table, columns, quote, "IS DISTINCT FROM")).rowcount
    connection.exec_driver_sql(f"TRUNCATE {stage}")
    return count


def _last_of_each(table: Table, columns: Sequence[str], rows: Rows) -> Rows:
    """PostgreSQL refuses to touch a row twice in one statement."""
    at = [i for i, c in enumerate(columns) if c in table.primary_key.columns]
    latest = {tuple(row[i] for i in at): row for row in rows}
    return rows if len(latest) == len(rows) else list(latest.values())
