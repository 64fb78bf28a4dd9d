"""The structure of the house: no import goes in a circle, and the storey of `assay` stays small."""

from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent


def circles(package: str) -> list[list[str]]:
    """Modules that import each other, directly or round about, imports for type checking included."""
    graph = grimp.build_graph(package)
    reach = {module: graph.find_upstream_modules(module) for module in graph.modules}
    return [[module, other] for module, upstream in reach.items() for other in sorted(upstream) if module in reach[other]]


@pytest.mark.parametrize("package", ["assay", "connectors", "db", "sandbox", "scoring"])
def test_no_import_goes_in_a_circle(package: str) -> None:
    assert circles(package) == []


def test_few_files_lie_directly_in_assay() -> None:
    assert {path.name for path in (ROOT / "assay").glob("*.py")} == {
        "__init__.py", "__main__.py", "logs.py", "nightly.py", "settings.py", "start.py", "wiring.py",
    }  # fmt: skip
