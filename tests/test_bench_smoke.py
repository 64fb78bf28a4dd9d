"""Every benchmark that is started from the command line still runs, and prints the figure that it exists for.

Each is a process of its own with tiny arguments, on loopback. Opponents that only bench/requirements.txt brings, or that are
installed over the network, are left out by `--contenders`; those that the product depends on race.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

ROOT = Path(__file__).parent.parent
#: modules that a script of the folder imports or starts; they have no command line of their own
PARTS = {
    "fidelity_records", "portal_fields", "pull_assay", "pull_fields", "pull_floor", "pull_one", "pull_portal_assay",
    "pull_portal_floor", "pull_portal_sdk", "pull_portal_tap", "pull_script", "score_measure", "score_speed", "score_table",
    "score_world",
}  # fmt: skip
NUMBER = r"[\d,]*\.?\d+"
#: arguments, and what is printed, each with a number; {folder} is the test's own, {worlds} is shared
SCRIPTS = {
    "pull-salesforce": (
        "pull.py --rows 300 --engines sqlite --contenders assay,script",
        (rf"Assay +{NUMBER} +{NUMBER}", rf"admin's script +{NUMBER} +{NUMBER}"),
    ),
    "pull-hubspot": (
        "pull.py --crm hubspot --rows 300 --contenders assay,sdk",
        (rf"Assay +{NUMBER} +{NUMBER}", rf"get_all +{NUMBER} +{NUMBER}"),
    ),
    "publish": (
        "publish.py --rows 20 --crm salesforce --nights 1 --accounts 20 --seeds 1 --replay 0",
        (
            rf"20 accounts: written 20, refused 0, .*rows/s {NUMBER}",
            r"first night: 20 of 20 written; again without a change: 0 written",
            rf"a night: median {NUMBER}%",
        ),
    ),
    "sandbox": (
        "sandbox.py --rows 300",
        (rf"salesforce: .* = {NUMBER} rows/s", rf"hubspot: .* = {NUMBER} rows/s"),
    ),
    "pages": (
        "pages.py --accounts 100 --nights 2 --activities 1 --repeats 1 --limit-ms 60000",
        (rf"/accounts +{NUMBER} +{NUMBER}", r"0 of \d\d pages over"),
    ),
    "score": (
        "score.py --profiles clean --seeds 1 --accounts 20 --nights 0 --keep {worlds}",
        (rf"\| clean \| 1 \| {NUMBER} % \| {NUMBER} \|",),
    ),
    "score-speed": ("score.py --speed 50", (rf"50 accounts, 2,000 activities: {NUMBER} s",)),
    "fairness": (
        "fairness.py --worlds clean:1 --accounts 20 --draws 1 --keep {worlds}",
        (rf"2 books: comfort zones {NUMBER} before, {NUMBER} after",),
    ),
    "fidelity": (
        "fidelity.py --worlds clean:1 --accounts 20 --nights 0 --deletions 1 --additions 1 --keep {worlds}",
        (r"recomputation: 20 explanations, (\d+) numbers and claims, \1 equal",),
    ),
    "dump": (
        "dump.py {folder} --worlds messy --accounts 20 --brief",
        (r"\d+ files, [1-9]\d+ lines, sha256 [0-9a-f]{16}",),
    ),
    "replicas": (
        "replicas.py --ticks 1 --every 4 --lease 3",
        (r'"each began once": true', rf'"taken over after seconds": {NUMBER}'),
    ),
}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Judged worlds: whichever script comes first judges, the others read them."""
    return tmp_path_factory.mktemp("worlds")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_prints_its_figures(name: str, worlds: Path, tmp_path: Path) -> None:
    line, figures = SCRIPTS[name]
    script, *arguments = line.format(folder=tmp_path, worlds=worlds).split()
    command = [sys.executable, str(ROOT / "bench" / script), *arguments]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True, cwd=ROOT, start_new_session=True) as process:
        try:
            output, errors = process.communicate(timeout=280)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # with the sandbox that the script has started
            raise
    assert process.returncode == 0, output[-2000:] + errors[-3000:]
    for figure in figures:
        assert re.search(figure, output), output


def test_every_benchmark_is_started_here() -> None:
    started = {line.split(".py")[0] for line, _ in SCRIPTS.values()}
    assert started | PARTS == {path.stem for path in (ROOT / "bench").glob("*.py")}
    assert not started & PARTS
