"""What the product imports is declared, so that no library's own dependency is used by accident and vanishes with an upgrade."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = ("assay", "connectors", "db", "migrations", "sandbox", "scheduler", "scoring")


def plain(name: str) -> str:
    """A distribution's name, without extras and versions, in the one spelling."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()  # type: ignore[index]


def imported() -> dict[str, str]:
    """Top-level module of others -> one file that imports it."""
    found: dict[str, str] = {}
    for path in [ROOT / "scheduler.py", *(p for root in OURS for p in (ROOT / root).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            found |= {name.partition(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return {name: where for name, where in found.items() if name not in {*sys.stdlib_module_names, *OURS}}


def test_every_library_that_the_product_imports_is_declared() -> None:
    declared = {plain(name) for name in PROJECT["project"]["dependencies"]}
    homes = packages_distributions()
    lost = {m: where for m, where in imported().items() if not declared & {plain(d) for d in homes.get(m, [m])}}
    assert not lost, "declare them in pyproject.toml, then `make lock`"


def test_every_declared_library_is_used() -> None:
    """By an import, or because another one finds it by name."""
    found = {plain(d) for module in imported() for d in packages_distributions().get(module, [module])}
    by_name = {"httptools", "psycopg", "tzdata"}
    assert {plain(name) for name in PROJECT["project"]["dependencies"]} - found <= by_name
