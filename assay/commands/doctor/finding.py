"""One check's result, and how checks follow each other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from assay.settings import ConfigError
from connectors.errors import CrmError
from db.engine import DatabaseError

Status = Literal["ok", "warning", "failure", "skipped"]
#: the exit code is the worst status
EXIT: Mapping[Status, int] = {"ok": 0, "skipped": 0, "warning": 1, "failure": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says: the cause and the way out, where there is something to mend."""

    check: str
    status: Status
    cause: str  #: what was seen; for a good check, the facts
    fix: str = ""
    link: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """`run` gives the findings of a check of this name; it is skipped unless every check in `needs` was good enough."""

    name: str
    link: str
    run: Callable[[], Iterable[Finding]]
    needs: tuple[str, ...] = ()


def carry_out(checks: Sequence[Check]) -> list[Finding]:
    """All checks in order. One that raises a known error has failed; one that rests on a failed one is skipped."""
    done: list[Finding] = []
    broken: set[str] = set()
    for check in checks:
        missing = next((n for n in check.needs if n in broken), None)
        findings = [Finding(check.name, "skipped", f"needs {missing}", link=check.link)] if missing else _tried(check)
        if any(f.status in ("failure", "skipped") for f in findings):
            broken.add(check.name)
        done += findings
    return done


def _tried(check: Check) -> list[Finding]:
    try:
        findings = list(check.run())
    except CrmError as error:
        findings = [Finding(check.name, "failure", str(error.args[0]), error.fix)]
    except (ConfigError, DatabaseError) as error:
        findings = [Finding(check.name, "failure", *_split(line)) for line in str(error).splitlines()]
    return [Finding(f.check, f.status, f.cause, f.fix, f.link or check.link, f.facts) for f in findings]


def _split(line: str) -> tuple[str, str]:
    """An error of ours names the fix after the cause."""
    cause, _, fix = line.partition(" Fix: ")
    return cause, fix


def worst(findings: Sequence[Finding]) -> int:
    return max((EXIT[f.status] for f in findings), default=0)
