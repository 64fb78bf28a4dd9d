"""`make check`: the minute before a commit. Lints what has changed and runs the unit tests of the rooms it lies in.

Changed is what differs from where this branch left `main`, committed or not. A test file is chosen because it has changed,
because its name says so (`tests/test_<package>_<module>*.py`) or because it imports a changed module, in this order, as far
as the time goes. Of files that have not changed themselves only what starts no process, no sandbox and no server is run.
"""

import ast
import functools
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"
PACKAGES = ("assay", "connectors", "db", "sandbox", "scoring", "scheduler")
#: modules by which a test starts something, or reaches what is started
STARTERS = {"dying", "inprocess", "multiprocessing", "sandbox.process", "subprocess", "warm"}
STARTING_FIXTURES = {"ready", "salesforce", "postgres"}
#: for the tests; the rest of the minute is the linters'
SECONDS = 40


def changed() -> list[str]:
    """Paths that differ from where this branch left main; on main itself, from the last commit."""
    base = _git("merge-base", "HEAD", "main") or _git("merge-base", "HEAD", "origin/main") or ["HEAD"]
    paths = _git("diff", "--name-only", "--diff-filter=d", base[0]) + _git("ls-files", "--others", "--exclude-standard")
    return sorted(set(paths))


def _git(*words: str) -> list[str]:
    done = subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def selected(paths: Iterable[str]) -> dict[str, str]:
    """Test file -> why it is run, the nearest first."""
    paths = [p for p in paths if p.endswith(".py") and not p.startswith("tests/browser/")]
    there = sorted(p.name for p in TESTS.glob("test_*.py"))
    imports = {name: imported(TESTS / name) for name in there}
    why = {Path(p).name: "changed" for p in paths if p.startswith("tests/test_") and Path(p).name in there}
    modules = {module_of(p): p for p in paths if p.split("/")[0].removesuffix(".py") in PACKAGES}
    modules |= {Path(p).stem: p for p in paths if p.startswith("tests/") and not Path(p).name.startswith("test_")}
    for module, path in modules.items():
        for name in there:
            if any(name == f"{stem}.py" or name.startswith(f"{stem}_") for stem in stems(module)):
                why.setdefault(name, f"named for {path}")
    for name in there:
        for module, path in modules.items():
            if module in imports[name]:
                why.setdefault(name, f"imports {path}")
    if any(p.startswith("migrations/") for p in paths):
        why.setdefault("test_db_upgrade.py", "migrations")
    return why


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def stems(module: str) -> list[str]:
    """assay.report.proof -> test_assay_report, test_assay_proof."""
    package, *rest = module.split(".")
    return [f"test_{package}_{part}" for part in rest] or [f"test_{package}"]


@functools.cache
def imported(file: Path) -> set[str]:
    """Every module that a test file may mean by its imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    return names


def starts(function: Any, visited: set[int] | None = None) -> bool:
    """Whether a function of the tests, or one that it calls by name, starts a process or a server."""
    visited = set() if visited is None else visited
    function = getattr(function, "__wrapped__", function)
    if isinstance(function, type):
        return any(starts(f, visited) for f in vars(function).values() if isinstance(f, FunctionType))
    if not isinstance(function, FunctionType) or id(function) in visited:
        return False
    visited.add(id(function))
    if function.__module__ in STARTERS:
        return True
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType) and value.__name__ in STARTERS:
            return True
        module = getattr(value, "__module__", None) or ""
        if callable(value) and (module in STARTERS or (module.split(".")[0] not in PACKAGES and starts(value, visited))):
            return True
    return False


def _names(code: CodeType) -> set[str]:
    return set(code.co_names).union(*(_names(c) for c in code.co_consts if isinstance(c, CodeType)))


class Units:
    """Leaves out what a minute has no time for."""

    def __init__(self, why: dict[str, str]) -> None:
        self.why, self.order, self.end = why, list(why), time.monotonic() + SECONDS

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        unit, left = [], []
        for item in items:
            (unit if self.why.get(item.path.name) == "changed" or not self.heavy(item) else left).append(item)
        items[:] = sorted(unit, key=lambda item: self.order.index(item.path.name))
        if left:
            config.hook.pytest_deselected(items=left)

    @staticmethod
    def heavy(item: Any) -> bool:
        if STARTING_FIXTURES & set(item.fixturenames) or "postgresql" in item.name or item.get_closest_marker("sampled"):
            return True
        fixtures = [d.func for ds in item._fixtureinfo.name2fixturedefs.values() for d in ds]
        return any(starts(f) for f in (item.function, *fixtures))

    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        if nextitem is not None and time.monotonic() > self.end:
            item.session.shouldstop = f"{SECONDS} s are over; `make test` runs the rest"


def main() -> int:
    paths = changed()
    python = [p for p in paths if p.endswith(".py")]
    why = selected(paths)
    say = print
    say(f"{len(paths)} changed files, {len(python)} of them Python; test files:")
    for name, reason in why.items():
        say(f"  tests/{name}  ({reason})")
    codes = {}
    types = subprocess.Popen((sys.executable, "-m", "mypy"), cwd=ROOT) if python else None
    for words in (("check",), ("format", "--check")) if python else ():
        codes[f"ruff {words[0]}"] = subprocess.run(
            (sys.executable, "-m", "ruff", *words, *python), cwd=ROOT, check=False
        ).returncode
    if why:
        code = pytest.main(["-n", "0", "-p", "no:randomly", *(str(TESTS / n) for n in why)], plugins=[Units(why)])
        stopped = code == pytest.ExitCode.INTERRUPTED
        codes["tests"] = 0 if stopped or code == pytest.ExitCode.NO_TESTS_COLLECTED else int(code)
    if types is not None:
        codes["mypy"] = types.wait()
    bad = [name for name, code in codes.items() if code]
    say(f"not well: {', '.join(bad)}" if bad else "all is well")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
