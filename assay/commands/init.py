"""`assay init`: a commented assay.toml, what each vendor needs beside it, and what an admin clicks. Never overwrites."""

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.settings import ConfigError
from connectors.vendor import Question, SetUp, Vendor
from connectors.vendors import VENDORS, choices

HEAD = """\
# Assay. Every key can also be given as ASSAY_SECTION__KEY; `assay config show` explains all of them.
[database]
url = "{database}"

"""

TAIL = """
[write]
# Nothing is written to the CRM before you say so. Read `assay plan` first; even then the first run is dry.
enabled = false
# A pilot: only these account ids. Empty = all.
only = []

# Which accounts are judged and written at all: begin with one region, or a few owners (docs/scope.md).
# [scope.include]
# owner = ["Ann Smith"]

[scoring]
# How readily a state is given: cautious, normal, sensitive.
preset = "normal"
"""

NEXT = "Then: assay doctor, assay run (dry), assay plan, and [write] enabled = true when you like what you see."


def _with_flags(function: Callable[..., None], questions: Iterable[Question]) -> Callable[..., None]:
    """The function, with a flag for each question in the place of its `**answers`."""
    signature, flags = inspect.signature(function), dict[str, inspect.Parameter]()
    for question in questions:
        kind = Annotated[str, typer.Option(help=question.help)]
        flags[question.name] = inspect.Parameter(question.name, inspect.Parameter.KEYWORD_ONLY, default="", annotation=kind)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    described: Any = function
    described.__signature__ = signature.replace(parameters=[*own, *flags.values()])
    described.__annotations__ |= {name: flag.annotation for name, flag in flags.items()}
    return function


def _init(
    crm: Annotated[str, typer.Option(help=f"{', '.join(choices(list(VENDORS)))}.")] = "",
    out: Annotated[Path, typer.Option(help="The configuration file to write.")] = Path("assay.toml"),
    database: Annotated[str, typer.Option(help="Where pulled and judged data live.")] = "sqlite:///data/assay.db",
    **answers: str,
) -> None:
    crms = choices(list(VENDORS))
    crm = crm or (typer.prompt(f"Which CRM ({', '.join(crms)})") if asking() else "")
    if crm not in crms:
        raise ConfigError([f"--crm {crm or 'is missing'}: unknown. Fix: one of {', '.join(crms)}"])
    vendors = [VENDORS[name] for name in crms[crm]]
    complete = _complete(answers, [question for vendor in vendors for question in vendor.questions])
    set_ups = [vendor.set_up(complete, out.resolve().parent) for vendor in vendors]
    files = _files(out, database, set_ups)
    _raise_if_there(list(files))
    for path, (text, mode) in files.items():
        _write(path, text, mode)
        typer.echo(f"written: {path}", err=True)
    for set_up in set_ups:
        typer.echo(set_up.clicks)
    typer.echo(NEXT)


def _help(vendors: Iterable[Vendor]) -> str:
    made = ", ".join(["a commented assay.toml", *(v.init_makes for v in vendors if v.init_makes)])
    return f"Write {made}, and tell an admin what to click."


_init.__doc__ = _help(VENDORS.values())
command = _with_flags(_init, [question for vendor in VENDORS.values() for question in vendor.questions])


def asking() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty()


def _complete(flags: Mapping[str, str], questions: Sequence[Question]) -> dict[str, str]:
    """What was given as flags, and what a person at the terminal adds; raises `ConfigError` for what nobody answers."""
    answers = {q.name: flags[q.name] or (typer.prompt(q.prompt) if q.prompt and asking() else "") for q in questions}
    missing = [
        f"{_flag(q)} is missing. Fix: give it, there is nobody to ask here"
        for q in questions
        if q.prompt and not answers[q.name]
    ]
    quoted = [
        f"{_flag(q)} holds a quote or a line end. Fix: give the plain value"
        for q in questions
        if set(answers[q.name]) & set('"\\\n\r')
    ]
    faults = [
        f"{_flag(q)} {answers[q.name]}: {fault}"
        for q in questions
        if answers[q.name] and (fault := q.fault(answers[q.name]))
    ]
    if missing or quoted or faults:
        raise ConfigError([*missing, *quoted, *faults])
    return answers


def _flag(question: Question) -> str:
    return f"--{question.name.replace('_', '-')}"


def _files(out: Path, database: str, set_ups: Sequence[SetUp]) -> dict[Path, tuple[bytes, int]]:
    """Path -> (content, mode)."""
    text = "\n".join([HEAD.format(database=database).rstrip("\n") + "\n", *(s.section for s in set_ups)]) + TAIL
    return {out: (text.encode(), 0o600)} | {path: file for s in set_ups for path, file in s.files.items()}


def _raise_if_there(paths: list[Path]) -> None:
    existing = [p for p in paths if p.exists()]
    if existing:
        raise ConfigError(
            [f"{p} exists and is not overwritten. Fix: move it away, or choose another --out" for p in existing]
        )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Made with its mode, so that a secret is never readable in between; "x" keeps even a race from overwriting."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
