"""What the sections on proof, reallocation, tenure and answers show; the page takes it whole."""

from dataclasses import asdict
from typing import Any

from assay.report import proof
from assay.report.answers import answers, summary
from assay.report.model import Report
from scoring.reallocation import FEWEST, by_tenure, reallocation

#: accounts of a column that a plan names on the page
MOST_NAMED = 40


def variables(report: Report) -> dict[str, Any]:
    """What the templates `plan_section` and `proof` need."""
    counts = answers(report.scores, report.said)
    return {
        "answers": counts,
        "answers_say": summary(report.scores, counts),
        "plan": reallocation(report.scores),
        "tenure": by_tenure(report.scores, report.started, report.day),
        "most": MOST_NAMED,
        "fewest": FEWEST,
        "proof": report.proof,
        "proof_says": says(report),
    }


def says(report: Report) -> list[str]:
    """The backtest in sentences; empty before the first."""
    p = report.proof
    return [] if p is None else [proof.verdict(p), *proof.on_trailing(p), proof.on_ranges(p)]


def record(report: Report) -> dict[str, Any]:
    """The same for machines."""
    plan, told = reallocation(report.scores), answers(report.scores, report.said)
    low, middle, high = plan.at_stake
    return {
        "answers": {"says": summary(report.scores, told), "kinds": [asdict(a) for a in told]},
        "reallocation": asdict(plan) | {"at_stake": {"low": low, "middle": middle, "high": high}, "at_risk": plan.at_risk},
        "comfort_share_by_tenure": [asdict(b) for b in by_tenure(report.scores, report.started, report.day)],
        "proof": None if report.proof is None else asdict(report.proof) | {"says": says(report)},
    }
