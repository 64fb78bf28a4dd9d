"""The figures of many worlds as tables: means over seeds, a profile a row."""

import json
from pathlib import Path
from statistics import mean
from typing import Any

World = dict[str, Any]
HASHES = ("worlds", "score")
#: what may differ though the figures are the same
UNCOMPARED = (*HASHES, "seconds", "first", "again")
START, END = "<!-- figures -->", "<!-- /figures -->"
#: table -> column head -> figure, how it is shown
TABLES: dict[str, dict[str, tuple[str, str]]] = {
    "Ranking: average precision": {
        "comfort accounts": ("comfort", "%"), "**Assay**": ("ap", ".2f"), "activities": ("ap_activities", ".2f"),
        "hours": ("ap_hours", ".2f"), "hours / revenue": ("ap_hours_per_revenue", ".2f"),
        "share ratio": ("ap_share_ratio", ".2f"), "p_over alone": ("ap_p_over", ".2f"),
        "behaviours alone": ("ap_behaviours", ".2f"), "p_shallow alone": ("ap_p_shallow", ".2f"),
    },
    "State `Comfort zone`, preset normal": {
        "flags": ("flags", ".1f"), "precision": ("precision", ".2f"), "recall": ("recall", ".2f"), "decoys": ("decoys", "%"),
        "below the gate": ("below_gate", ".0f"), "nights": ("nights", ".0f"), "flips / 100 / 30 nights": ("flips", ".1f"),
        "more than 2 flips": ("restless", "%"), "thin books withheld": ("thin_withheld", "%"), "flags against logging": ("fair", "+.2f"),
    },
    "Other states and numbers": {
        "Earning found": ("recall_earning", "%"), "Under-worked found": ("recall_under", "%"),
        "Balanced kept": ("recall_balanced", "%"), "potential rank": ("potential_rank", ".2f"),
        "trailing rank": ("trailing_rank", ".2f"), "minutes off": ("minutes_off", "%"), "minutes total": ("minutes_total", "%"),
    },
    "80 % ranges hold": {
        "expected against revenue, cuts left out": ("held", "%"), "only what had ended": ("held_forward", "%"),
        "potential against planted": ("coverage", "%"), "at equal medians": ("coverage_aligned", "%"),
    },
}  # fmt: skip
#: where the truth changes within the nights: told apart, because the last night is no aim there
CHANGING = ("step", "cure")
STEP = {"found": ("found", "%"), "median nights to flag": ("nights_to_flag", ".0f"),
        "released": ("released", "%"), "median nights to release": ("nights_to_release", ".0f"),
        "flips / 100 / 30 nights": ("flips", ".1f"), "more than 2 flips": ("restless", "%")}  # fmt: skip


def line(world: World, row: dict[str, Any]) -> str:
    """One world, for whoever waits."""
    names = ("ap", "ap_share_ratio", "precision", "recall", "decoys", "restless", "held", "seconds")
    figures = " ".join(f"{k} {row[k]:.2f}" for k in names if row[k] is not None)
    return f"{world['profile']} {world['seed']}: {figures}"


def table(worlds: list[World]) -> str:
    """All tables in Markdown."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for world in worlds:
        rows.setdefault(world["profile"], []).append(world["row"])
    settled, changing = ({p: r for p, r in rows.items() if (p in CHANGING) is is_changing} for is_changing in (False, True))
    parts = [_one(title, columns, settled) for title, columns in TABLES.items() if settled]
    return "\n\n".join(parts + ([_one("Step change", STEP, changing)] if changing else []))


def _one(title: str, columns: dict[str, tuple[str, str]], rows: dict[str, list[dict[str, Any]]]) -> str:
    lines = [f"| {title} | seeds | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for profile, profile_rows in rows.items():
        cells = [_cell([r.get(name) for r in profile_rows], how) for name, how in columns.values()]
        lines.append(f"| {profile} | {len(profile_rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values: list[Any], how: str) -> str:
    numbers = [v for v in values if v is not None]
    if not numbers:
        return "-"
    return f"{100 * mean(numbers):.1f} %" if how == "%" else format(mean(numbers), how)


def keep(record: Path, world: World) -> None:
    """Add a world to the record; what other code made is dropped from it."""
    recorded = json.loads(record.read_text()) if record.exists() else []
    row = world["row"]
    key = (world["profile"], world["seed"])
    current = [w for w in recorded if w["row"]["worlds"] == row["worlds"] and w["row"]["score"] == row["score"]]
    worlds = [w for w in current if (w["profile"], w["seed"]) != key] + [world]
    record.write_text(json.dumps(worlds, indent=0, sort_keys=True) + "\n")


def restamp(record: Path, measured: list[World]) -> None:
    """Put the new hashes on the whole record if the worlds judged again came out as recorded; what judged it first stays noted.

    For code that moved or was renamed. Exits with the first figure that differs.
    """
    recorded = json.loads(record.read_text())
    rows = {(w["profile"], w["seed"], w["accounts"], w["nights"]): w["row"] for w in recorded}
    for world in measured:
        key = (world["profile"], world["seed"], world["accounts"], world["nights"])
        if key not in rows:
            raise SystemExit(f"{key} is not in the record. Fix: choose worlds of the record")
        different = [name for name, value in rows[key].items() if name not in UNCOMPARED and world["row"].get(name) != value]
        if different:
            name = different[0]
            raise SystemExit(
                f"{key}: {name} was {rows[key][name]} and is {world['row'].get(name)}. Fix: judge the worlds anew"
            )
    hashes = {name: measured[0]["row"][name] for name in HASHES}
    again = sorted(f"{w['profile']} {w['seed']}" for w in measured)
    for row in rows.values():
        row |= {"first": row.get("first") or {name: row[name] for name in HASHES}, "again": again} | hashes
    record.write_text(json.dumps(recorded, indent=0, sort_keys=True) + "\n")


def write(record: Path, page: Path) -> None:
    """Renew the tables between the marks of the page."""
    from score import RECORDED

    recorded = json.loads(record.read_text())
    order = list(RECORDED)
    recorded.sort(key=lambda w: (order.index(w["profile"]), w["seed"]))
    row = recorded[0]["row"]
    seeds = "; ".join(
        f"{p}: {', '.join(str(w['seed']) for w in recorded if w['profile'] == p)}"
        for p in order
        if p in {w["profile"] for w in recorded}
    )
    foot = f"Generator `{row['worlds']}`, score `{row['score']}` (hashes of the code). Seeds: {seeds}."
    if first := row.get("first"):
        foot += (
            f" Judged first by generator `{first['worlds']}`, score `{first['score']}`; files have moved since, "
            f"and {', '.join(row['again'])}, judged again, came out with the same figures."
        )
    before, rest = page.read_text().split(START)
    page.write_text(f"{before}{START}\n{table(recorded)}\n\n{foot}\n{END}{rest.split(END)[1]}")
