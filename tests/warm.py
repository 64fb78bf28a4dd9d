"""Our programs, each in a process of its own, without the seconds that they need to import everything.

A server process that has imported it all forks for each (multiprocessing's forkserver). What a program gets is as from a
shell: arguments, environment, standard output and error, a process id to kill, an exit code.
"""

import io
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, get_context, reduction
from pathlib import Path
from typing import IO, Any

import pytest

from sandbox import process

#: forks with everything imported, and no thread of the test's
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload([
    "dying", "warm", "assay.commands.cli", "assay.commands.doctor.checks", "assay.commands.failures", "assay.commands.show",
    "assay.service.serve", "assay.service.tick", "assay.web", "connectors.hubspot.admin", "connectors.hubspot.client",
    "connectors.salesforce.admin", "connectors.salesforce.client", "sandbox.serving", "alembic.command",
])  # fmt: skip
HERE = Path(__file__).parent
#: starts a sandbox as everyone else does; for tests of the start itself
COLD = process.running


def ready() -> None:
    """Have the server run."""
    with pytest.MonkeyPatch.context() as patch:  # before 3.14 the server looks for what it preloads by PYTHONPATH only
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (HERE, HERE.parent))))
        forkserver.ensure_running()


class Handed:
    """An open file that the new process is to have."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __reduce__(self) -> Any:
        return _received, (reduction.DupFd(self.fd),)  # type: ignore[no-untyped-call]


def _received(duplicate: Any) -> int:
    return int(duplicate.detach())


class Program:
    """`python -m module words...`; as much of `subprocess.Popen` as tests need."""

    def __init__(self, *words: str, module: str = "assay", environment: Mapping[str, str] | None = None, out: IO[Any] | int,
                 err: IO[Any] | int, session: bool = False) -> None:  # fmt: skip
        ready()
        files = [Handed(f if isinstance(f, int) else f.fileno()) for f in (out, err)]
        self.process = FORKS.Process(
            target=_become, args=(module, words, dict(os.environ | (environment or {})), *files, session), daemon=True
        )
        self.process.start()
        self.pid = self.process.pid or 0

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, timeout: float = 120) -> int:
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired("assay", timeout)
        return self.process.exitcode

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()


def run(*words: str, module: str = "assay", environment: Mapping[str, str] | None = None, timeout: float = 240
        ) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """A program to its end, with what it said."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        program = Program(*words, module=module, environment=environment, out=out, err=err)
        try:
            code = program.wait(timeout)
        finally:
            program.kill()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(words, code, out.read(), err.read())


@contextmanager
def running(data: Path, *options: str) -> Iterator[dict[str, Any]]:
    """As `sandbox.process.running`."""
    read, write = os.pipe()
    with tempfile.TemporaryFile("w+") as words, open(read) as said:
        program = Program("serve", "--data", str(data), *options, module="sandbox", out=write, err=words)
        os.close(write)
        try:
            line = said.readline()
            if not line:
                program.wait(30)
                words.seek(0)
                raise OSError(words.read().strip() or "the sandbox ended without a word")
            yield json.loads(line)
        finally:
            program.terminate()
            program.wait(30)


def _become(module: str, words: tuple[str, ...], environment: dict[str, str], out: int, err: int, session: bool) -> None:
    """In the new process: be the program."""
    if session:
        os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for fd, own in ((out, 1), (err, 2)):
        os.dup2(fd, own)
        os.close(fd)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(fd, "w", closefd=False)), encoding="utf-8", errors=errors, line_buffering=fd == 2
        )
        for fd, errors in ((1, "strict"), (2, "backslashreplace"))
    )
    sys.argv = [module, *words]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=False)
    finally:
        with suppress(BrokenPipeError):
            sys.stdout.flush()
