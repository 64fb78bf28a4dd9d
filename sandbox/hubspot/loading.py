"""Loading an org folder's hubspot/*.csv into a portal (docs/facts/running.md, "Org folders")."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

from sandbox.clock import OrgClock
from sandbox.hubspot import schema
from sandbox.hubspot.store import Portal, Property, Record, Table, iso
from sandbox.hubspot.types import TYPES
from sandbox.org_folder import BadFolder, header, read_columns, read_facts


def load(folder: Path) -> Portal:
    """Load a folder; raises `BadFolder`, and loads nothing, if a value is bad."""
    facts = read_facts(folder)
    portal = Portal(facts, OrgClock(facts.now), schema.standard())
    gc.disable()  # millions of new records and no garbage among them
    try:
        _fill(portal, folder / "hubspot")
    finally:
        gc.enable()
        gc.freeze()
    return portal


def _fill(portal: Portal, folder: Path) -> None:
    files = {p.stem: p for p in sorted(folder.glob("*.csv"))}
    unknown = files.keys() - TYPES.keys() - {"owners", "pipelines", "associations", "property_history"}
    if unknown:
        raise BadFolder(
            f"{folder}: {', '.join(sorted(unknown))}: no object of HubSpot's. Fix: see the names in docs/sandbox.md"
        )
    if "pipelines" in files:
        _pipelines(portal, files["pipelines"])
    if "owners" in files:
        _owners(portal, files["owners"])
    for name, table in portal.tables.items():
        if name in files:
            _records(portal, table, files[name])
    if "associations" in files:
        _associations(portal, files["associations"])
    if "property_history" in files:
        _history(portal, files["property_history"])


def _rows(path: Path, kinds: dict[str, str]) -> Iterator[dict[str, str | None]]:
    columns = header(path)
    for block in read_columns(path, [kinds.get(c, "") for c in columns], columns):
        for values in zip(*block, strict=True):
            yield dict(zip(columns, values, strict=True))


def _pipelines(portal: Portal, path: Path) -> None:
    by_id: dict[str, dict[str, Any]] = {}
    for row in _rows(path, {"display_order": "int", "probability": "double", "is_closed": "boolean"}):
        stamp = {"createdAt": "2020-01-01T00:00:00Z", "updatedAt": "2020-01-01T00:00:00Z", "archived": False}
        pipeline = by_id.setdefault(
            str(row["pipeline_id"]),
            {"id": row["pipeline_id"], "label": row["pipeline_label"], "displayOrder": len(by_id), "stages": [], **stamp},
        )
        meta = {"probability": row.get("probability") or "0.0", "isClosed": row.get("is_closed") or "false"}
        stage = {
            "id": row["stage_id"],
            "label": row["stage_label"],
            "displayOrder": int(row.get("display_order") or 0),
            "metadata": meta,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
            **stamp,
        }
        pipeline["stages"].append(stage)
        portal.stages[str(row["stage_id"])] = stage
    portal.pipelines = list(by_id.values())
    _offer(portal, "pipeline", portal.pipelines)
    _offer(portal, "dealstage", [s for p in portal.pipelines for s in p["stages"]])


def _offer(portal: Portal, name: str, choices: list[dict[str, Any]]) -> None:
    """Make pipelines or stages the options of the deals' property."""
    definition = portal.tables["deals"].properties[name]
    definition.values = [str(c["id"]) for c in choices]
    options = [{"label": c["label"], "value": c["id"], "displayOrder": n, "hidden": False} for n, c in enumerate(choices)]
    definition.body = {"options": options}


def _owners(portal: Portal, path: Path) -> None:
    for row in _rows(
        path, {"id": "int", "userId": "int", "archived": "boolean", "createdAt": "datetime", "updatedAt": "datetime"}
    ):
        archived = row.get("archived") == "true"
        user = int(row["userId"] or 0) if row.get("userId") else None
        moment = row.get("createdAt") or "2020-01-01T00:00:00.000Z"
        portal.owners.append(
            {
                "id": str(row["id"]),
                "email": row.get("email"),
                "type": row.get("type") or "PERSON",
                "firstName": row.get("firstName") or "",
                "lastName": row.get("lastName") or "",
                **({"teams": _teams(row["teams"] or "")} if "teams" in row else {}),
                **({} if archived else {"userId": user}),
                "userIdIncludingInactive": user,
                "createdAt": moment,
                "updatedAt": row.get("updatedAt") or moment,
                "archived": archived,
            }
        )
    portal.owners.sort(key=lambda o: int(o["id"]))


def _teams(names: str) -> list[dict[str, Any]]:
    """Read teams by name, the primary one first (";" between them)."""
    return [{"id": str(crc32(n.encode()) % 10**6), "name": n, "primary": not i} for i, n in enumerate(names.split(";")) if n]


def _records(portal: Portal, table: Table, path: Path) -> None:
    columns = header(path)
    for column in columns:
        if column not in table.properties and column not in ("id", "archived"):
            table.properties[column] = Property(column, "string", column, custom=True)
    kinds = {"id": "int", "archived": "boolean"}
    kinds |= {c: schema.PARSED.get(table.properties[c].type, "") for c in columns if c in table.properties}
    if "id" not in columns:
        raise BadFolder(f"{path}:1: no column id. Fix: HubSpot's records have numeric ids")
    types, names = [kinds.get(c, "") for c in columns], [c for c in columns if c not in ("id", "archived")]
    now = iso(portal.clock.now())
    for block in read_columns(path, types, columns):
        cells = dict(zip(columns, block, strict=True))
        archived_cells = cells.pop("archived", [None] * len(cells["id"]))
        for record_id, archived, *values in zip(cells["id"], archived_cells, *(cells[n] for n in names), strict=True):
            _add(portal, table, path, (record_id, archived), dict(zip(names, values, strict=True)), now)


def _add(
    portal: Portal, table: Table, path: Path, who: tuple[str | None, str | None], cells: dict[str, str | None], now: str
) -> None:
    record_id, archived = who
    values = {k: v for k, v in cells.items() if v is not None}
    if record_id is None or int(record_id) in table.by_id:
        raise BadFolder(f"{path}: id {record_id} missing or twice. Fix: each record needs an id of its own")
    type_ = table.type
    created = values.setdefault(type_.created, values.get(type_.stamp) or values.get("hs_timestamp") or now)
    stamp = values.setdefault(type_.stamp, created)
    if type_.name == "deals":
        for name, value in portal.of_stage(values.get("dealstage", "")).items():
            values.setdefault(name, value)
    record = Record(int(record_id), values, stamp)
    record.archived_at = now if archived == "true" else None
    table.add(record)


def _associations(portal: Portal, path: Path) -> None:
    links = portal.links
    for block in read_columns(path, ["", "int", "", "int", "int", ""], _association_columns(path)):
        for from_type, from_id, to_type, to_id, type_id, label in zip(*block, strict=True):
            if from_type not in TYPES or to_type not in TYPES or from_id is None or to_id is None:
                raise BadFolder(
                    f"{path}: {from_type} {from_id} -> {to_type} {to_id}. Fix: types are named like the files, ids are needed"
                )
            i, j = int(from_id), int(to_id)
            if i not in portal.tables[from_type].by_id or j not in portal.tables[to_type].by_id:
                portal.warnings[f"associations: {from_type} -> {to_type} of a record that is not there"] += 1
                continue
            links.add(from_type, i, to_type, j, int(type_id) if type_id else None, label)


def _association_columns(path: Path) -> list[str]:
    expected = ["from_type", "from_id", "to_type", "to_id", "type_id", "label"]
    if header(path) != expected:
        raise BadFolder(f"{path}:1: columns must be {','.join(expected)}. Fix: write them in this order")
    return expected


def _history(portal: Portal, path: Path) -> None:
    for row in _rows(path, {"id": "int", "timestamp": "datetime"}):
        table = portal.tables.get(str(row["object_type"]))
        record = table.by_id.get(int(row["id"] or 0)) if table else None
        if record is None or not row.get("timestamp"):
            portal.warnings["property_history: of a record that is not there"] += 1
            continue
        record.history = record.history or {}
        record.history.setdefault(str(row["property"]), []).append((str(row["timestamp"]), row.get("value") or ""))
    for table in portal.tables.values():
        for record in table.by_id.values():
            for entries in (record.history or {}).values():
                entries.sort()
