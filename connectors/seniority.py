"""Titles of people by class; pure."""

LEVELS = (
    ("chief", ("chief", "ceo", "cfo", "cio", "cto", "coo", "cmo", "president", "owner", "founder", "partner")),
    ("director", ("vp", "vice", "director", "head", "svp", "evp")),
    ("manager", ("manager", "lead", "supervisor", "principal")),
)


def level(title: str) -> str | None:
    """Return the class of a title; the title itself is not kept."""
    words = set(title.lower().replace("/", " ").replace(",", " ").replace("-", " ").split())
    if not words:
        return None
    if words & {"vp", "vice", "svp", "evp"}:
        return "director"  # a vice president is no president
    return next((name for name, marks in LEVELS if words & set(marks)), "staff")
