"""What the night found, in one sentence that can be shown to a colleague."""

from assay.report.figures import UNJUDGED, Movable, total
from assay.report.model import Report
from assay.text.words import count, whole_hours
from scoring.records import COMFORT, UNDER


def headline(report: Report) -> str:
    """One sentence; it claims nothing about accounts that were not judged."""
    scores = report.scores
    judged = sum(s.state not in UNJUDGED for s in scores)
    if not scores:
        return "There are no accounts to judge yet."
    if not judged:
        return f"None of {count(len(scores), 'account')} can be judged yet; the states below say why."
    comfort = [s for s in scores if s.state == COMFORT]
    under = sum(s.state == UNDER for s in scores)
    rest = f"{count(under, 'account is', 'accounts are')} under-worked" if under else "no account is under-worked"
    if not comfort:
        return f"No comfort zones among {count(judged, 'judged account')}; {rest}."
    spent, everything = (total(s.hours for s in chosen) for chosen in (comfort, scores))
    return (
        f"{whole_hours(spent)} of {whole_hours(everything)} selling hours in {report.window_days} days "
        f"sit in comfort zones; {rest}."
    )


def what_could_move(m: Movable) -> str:
    """The second sentence: hours against hours, and never the word optimal."""
    if not m.above and not m.below:
        return "No account's time is far from its share in proportion to potential."
    if not m.below:
        return f"Comfort zones got {whole_hours(m.above)} hours more than in proportion to their potential."
    if not m.above:
        return f"Under-worked accounts got {whole_hours(m.below)} hours less than in proportion to their potential."
    within = (
        f" {whole_hours(m.within_books)} of these could move without an account changing hands." if m.within_books else ""
    )
    return (
        f"Comfort zones got {whole_hours(m.above)} hours more than in proportion to their potential, "
        f"under-worked accounts {whole_hours(m.below)} hours less.{within}"
    )
