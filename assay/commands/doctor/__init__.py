"""`assay doctor`: ordered checks, each with cause, fix and link. Reads only; exit 0 ok, 1 warnings, 2 failures.

A check that rests on a failed one is skipped, so that one cause is told once.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from assay.commands.doctor.finding import Finding

SIGNS = {"ok": "ok", "warning": "WARNING", "failure": "FAILURE", "skipped": "skipped"}


def command(config: Callable[[], Path | None]) -> Callable[..., None]:
    """The command, which asks for the configuration's path when it runs."""

    def doctor(as_json: Annotated[bool, typer.Option("--json", help="Machine output, alone, on stdout.")] = False) -> None:
        """Look at configuration, secrets, database and CRMs; name what is wrong, why, and how to mend it."""
        from assay.commands import show
        from assay.commands.doctor.checks import examine
        from assay.commands.doctor.finding import worst

        findings = examine(config())
        exit_code = worst(findings)
        typer.echo(
            _json(findings, exit_code)
            if as_json
            else show.findings([(f.check, SIGNS[f.status], _text(f)) for f in findings])
        )
        raise typer.Exit(exit_code)

    return doctor


def _json(findings: "Sequence[Finding]", exit_code: int) -> str:
    status = ("ok", "warning", "failure")[exit_code]
    return json.dumps({"status": status, "checks": [asdict(f) for f in findings]}, ensure_ascii=False)


def _text(f: "Finding") -> str:
    return f"{f.cause}. Fix: {f.fix}. See {f.link}" if f.status in ("warning", "failure") else f.cause
