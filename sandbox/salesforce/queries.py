"""REST query and queryAll: pages, cursors, aggregates (docs/facts/salesforce.md, "REST queries")."""

import re
from typing import Any

from starlette.responses import Response

from sandbox.salesforce import aggregate, evaluate, render, soql
from sandbox.salesforce.call import Call, as_json
from sandbox.salesforce.errors import ApiError, malformed, no_type
from sandbox.salesforce.schema import PREFIXES
from sandbox.salesforce.state import Cursor, OrgState
from sandbox.salesforce.table import TOOLING

#: rows of a REST page: the most the vendor gives, and the least that can be asked for
MAX_PAGE, MIN_PAGE = 2000, 200
#: characters of one statement; rows that OFFSET may skip ("SOQL and SOSL Limits")
MAX_STATEMENT, MAX_OFFSET = 100_000, 2000


def tooling(state: OrgState, call: Call, version: str) -> Response:
    """Query definitions of objects and fields, and the data's objects as well."""
    return _answer(state, call, version, "query")


def query(state: OrgState, call: Call, version: str, mode: str) -> Response:
    if "explain" in call.query:
        return as_json(_plan(state, call.query["explain"]))
    if evaluate.entity(state.org, _parsed(call.query.get("q", "")).entity).name in TOOLING:
        raise no_type(_parsed(call.query["q"]).entity)
    return _answer(state, call, version, mode)


def _answer(state: OrgState, call: Call, version: str, mode: str) -> Response:
    call.soql = call.query.get("q", "")
    parsed = _parsed(call.soql)
    table = evaluate.entity(state.org, parsed.entity)
    if call.query.get("columns") == "true":
        return as_json(_column_metadata(state, parsed))
    rows = evaluate.select(state.org, parsed, deleted=mode == "queryAll")
    if aggregate.is_count(parsed):
        return as_json({"totalSize": len(rows), "done": True, "records": []})
    if aggregate.is_aggregate(parsed):
        records = aggregate.records(state.org, parsed, rows)
        return as_json({"totalSize": len(records), "done": True, "records": records})
    columns = evaluate.columns(state.org, table, parsed.fields)
    return _page(state, call, version, (Cursor(table.name, columns, rows, _batch(call)), 0, ""))


def _plan(state: OrgState, text: str) -> dict[str, Any]:
    """Answer `explain=`; this org has no index, so the plan is always to read the whole table."""
    table = evaluate.entity(state.org, _parsed(text).entity)
    size = len(table.rows)
    plan = {
        "cardinality": size,
        "fields": [],
        "leadingOperationType": "TableScan",
        "notes": [],
        "relativeCost": 1.0,
        "sobjectCardinality": size,
        "sobjectType": table.name,
    }
    return {"plans": [plan], "sourceQuery": text}


def _parsed(text: str) -> soql.Query:
    if not text:
        raise malformed("SOQL statements cannot be empty or null")
    if len(text) > MAX_STATEMENT:
        raise malformed(f"SOQL statement is too long: {len(text)} characters, {MAX_STATEMENT} are allowed")
    parsed = soql.parse(text)
    if parsed.offset > MAX_OFFSET:
        raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", f"maximum SOQL offset allowed is {MAX_OFFSET}")
    return parsed


def more(state: OrgState, call: Call, version: str, locator: str) -> Response:
    """Return the next page; the same address serves query and queryAll."""
    key, _, start = locator.rpartition("-")
    if key not in state.cursors or not start.isdigit():
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(state, call, version, (state.cursors[key], int(start), key))


def _page(state: OrgState, call: Call, version: str, place: tuple[Cursor, int, str]) -> Response:
    cursor, start, key = place
    page = cursor.rows[start : start + cursor.size]
    call.rows = len(page)
    body: dict[str, Any] = {"totalSize": len(cursor.rows), "done": start + cursor.size >= len(cursor.rows)}
    if not body["done"]:
        if not key:
            key = f"01g{len(state.cursors):015d}"
            state.cursors[key] = cursor
        body["nextRecordsUrl"] = f"/services/data/v{version}/query/{key}-{start + cursor.size}"
    records = [render.json_record(cursor.entity, cursor.columns, r, version) for r in page]
    return as_json(body | {"records": records})


def _batch(call: Call) -> int:
    match = re.search(r"batchSize=(\d+)", call.headers.get("sforce-query-options", ""))
    return min(max(int(match[1]), MIN_PAGE), MAX_PAGE) if match else MAX_PAGE


def _column_metadata(state: OrgState, parsed: soql.Query) -> dict[str, Any]:
    """Answer `columns=true`: one entry a column, parents with their columns inside."""
    table = evaluate.entity(state.org, parsed.entity)
    entries: list[dict[str, Any]] = []
    for path in parsed.fields:
        column = None if "(" in path else evaluate.column(state.org, table, path)
        parts = column.path.split(".") if column else [path.partition("(")[0]]
        inside = entries
        for part in parts[:-1]:
            parent = next((c for c in inside if c["columnName"] == part), None)
            if parent is None:
                inside.append(parent := _entry(part, "Complex"))
            inside = parent["joinColumns"]
        inside.append(_entry(parts[-1], render.APEX.get(column.field.type, "String") if column else "Integer"))
    return {
        "columnMetadata": entries,
        "entityName": table.name,
        "groupBy": bool(parsed.group),
        "idSelected": "Id" in parsed.fields,
        "keyPrefix": PREFIXES.get(table.name),
    }


def _entry(name: str, kind: str) -> dict[str, Any]:
    number, boolean = kind in ("Double", "Integer"), kind == "Boolean"
    return {
        "aggregate": False,
        "apexType": kind,
        "booleanType": boolean,
        "columnName": name,
        "custom": name.endswith("__c"),
        "displayName": name,
        "foreignKeyName": None,
        "insertable": True,
        "joinColumns": [],
        "numberType": number,
        "textType": kind == "String",
        "updatable": True,
    }
