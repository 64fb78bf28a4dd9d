"""Whoever follows a citation arrives: cited files, decisions, headings and links are there, and none leads out of the repository."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOTS = ("assay", "bench", "conformance", "connectors", "db", "deploy", "docs", "sandbox", "scoring", "tests")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
#: without migrations: they are frozen and keep the words of the day on which they were written
CODE = sorted(p for root in ROOTS for p in (ROOT / root).rglob("*.py"))
AROUND = [ROOT / "scheduler.py", ROOT / "Makefile", ROOT / "Dockerfile", ROOT / "pyproject.toml", *ROOT.glob("*.yaml")]
AROUND += sorted(p for p in (ROOT / "deploy").rglob("*") if p.suffix in {".yaml", ".toml"})
TEXTS = [p for p in (*PAGES, *CODE, *AROUND) if p != Path(__file__)]
#: its comments stand in the schema, as the frozen migrations made it
FROZEN = ROOT / "db" / "tables.py"

#: how pages were cited that are not in the repository
OUTSIDE = (
    r"\brulings?,? \d",
    r"\bthe rulings\b",
    r"\breference:? ?(?:/?\w+\.md|\d\.\d|, ecosystem)",
    r"\b(?:ecosystem|codebases|interface|mission|architecture|house)\.md [0-9]",
    r"\b(?:ecosystem|codebases|interface|mission)\.md",
    r"(?<!facts/)\b(?:salesforce|hubspot|scoring)\.md,? (?:section )?\d",
)
FILE = re.compile(rf"(?<![\w/.-])(?:{'|'.join(ROOTS)}|migrations)/[\w./-]*\w\.(?:py|md|toml|yaml|csv|png|json|txt)\b")
HEADING = re.compile(r"(docs/[\w/-]+\.md), ((?:\"[^\"\n]+\"(?:, | and )?)+)")
DECISION = re.compile(r"docs/adr/(\d{4})((?:, \d{4})*)|\bADR (\d{1,4})\b")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(path: Path) -> str:
    """The file's words on one line each sentence: a citation may run on in the next line of a comment."""
    return re.sub(r"\n[ \t]*(?:#:?|//)?[ \t]*", " ", path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def headings(page: Path) -> list[str]:
    found, code = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        code ^= line.startswith("```")
        if line.startswith("#") and not code:
            found.append(line.lstrip("#").strip())
    return found


def anchors(page: Path) -> set[str]:
    """As the forge makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-") for heading in headings(page)}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_arrives(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"{name(page)} links to {target}"
        assert not anchor or anchor in anchors(target), f"{name(page)} links to #{anchor} of {name(target)}"


#: what texts name without meaning a file of the repository
EXAMPLES = {
    ("docs/adding-a-crm.md", "docs/dynamics.md"),  # a CRM that there is not
    ("tests/test_third_crm.py", "docs/memory.md"),
    ("tests/test_changed.py", "tests/browser/test_x.py"),  # changes that a test makes up
    ("tests/test_changed.py", "migrations/versions/0001.py"),
    ("docs/facts/hubspot.md", "docs/conformance/hubspot-reference.md"),  # of another project
    ("docs/adr/0001-layout.md", "tests/connectors/__init__.py"),  # the file that must not be
}


def there(cited: str) -> bool:
    return (ROOT / cited).exists()


def test_every_cited_file_is_there() -> None:
    lost = {(name(p), cited) for p in TEXTS for cited in FILE.findall(text_of(p)) if not there(cited)}
    assert not lost - EXAMPLES


def test_every_cited_heading_is_there() -> None:
    cited = [(p, m) for p in TEXTS for m in HEADING.finditer(text_of(p))]
    assert cited, "nothing was found to check"
    for path, match in cited:
        page = ROOT / match[1]
        assert page.exists(), f"{name(path)} cites {match[1]}"
        for heading in re.findall(r'"([^"]+)"', match[2]):
            assert heading in headings(page), f"{name(path)} cites {match[0]}"


def test_every_cited_decision_is_there() -> None:
    known = {p.name[:4] for p in DECISIONS}
    for path in TEXTS:
        for first, more, short in DECISION.findall(text_of(path)):
            for number in [x for x in (first, *more.split(", "), short) if x]:
                assert number.zfill(4) in known, f"{name(path)} cites decision {number}"


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_says_context_decision_alternatives_and_consequences(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith(f"# {int(page.name[:4])}. ")
    assert [x for x in lines if x.startswith("## ")] == ["## Context", "## Decision", "## Alternatives", "## Consequences"]


def test_no_citation_leads_out_of_the_repository() -> None:
    said = {(name(p), m[0]) for p in TEXTS if p != FROZEN for pattern in OUTSIDE for m in re.finditer(pattern, text_of(p))}
    assert not said
