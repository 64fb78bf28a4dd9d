"""docs/commands.md, from the program itself: `python -m assay.doc_pages.commands > docs/commands.md` (`make docs`)."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

HEAD = """# Commands

Made from the program by `make docs`; do not edit. `assay COMMAND --help` says the same on the machine that you are on.

`--json` puts machine output, alone, on stdout; progress and logs go to stderr. `NO_COLOR` is obeyed.
Options stand after the command, these two before it:
"""
EXIT_CODES = """
## Exit codes

| code | means |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | usage or configuration |
| 3 | done, with refused rows |
| 4 | stopped by quota |
| 5 | stopped by a safety rule |
| 6 | another run holds the lease |

Of several CRMs the worst one is told, by severity: failed, stopped by a rule, stopped by quota, refused rows, done
([ADR 28](adr/0028-worst-first.md)). `assay doctor` has codes of its own: 0 all is well, 1 there are warnings, 2 there are failures."""
WORDS = {"str": "text", "int": "number", "float": "number", "Path": "path", "list[str]": "text, repeatable"}


def markdown() -> str:
    """The whole page."""
    from assay.commands.cli import app  # all commands, with all they import: only when the page is made

    root: Any = typer.main.get_command(app)
    parts = [HEAD, *_options(root), EXIT_CODES]
    for name, command in _commands(root, "assay"):
        parts += _section(name, command)
    return "\n".join(parts).rstrip() + "\n"


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, in the order of the help, with its whole name."""
    commands: Mapping[str, Any] = group.commands
    for name, command in commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(name: str, command: Any) -> Iterator[str]:
    yield f"\n## {name}\n"
    yield _paragraphs(command.help or "")
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([name, *(_placeholder(p) for p in arguments)])
    yield f"\n    {usage}{' [OPTIONS]' if len(arguments) < len(command.params) else ''}"
    described = [p for p in arguments if p.help]
    if described:
        yield "\n| argument | meaning |\n|---|---|"
        yield from (f"| `{p.metavar or p.name.upper()}` | {_cell(p.help)} |" for p in described)
    options = list(_options(command))
    if options:
        yield ""
        yield from options


def _options(command: Any) -> Iterator[str]:
    shown = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    if shown:
        yield "| option | takes | default | meaning |\n|---|---|---|---|"
    for p in shown:
        names = ", ".join(f"`{name}`" for name in (*p.opts, *p.secondary_opts))
        yield f"| {names} | {_taken(p)} | {_default(p)} | {_cell(p.help or '')} |"


def _placeholder(argument: Any) -> str:
    word = argument.metavar or argument.name.upper()
    word = f"{word} ..." if argument.nargs == -1 else word
    return word if argument.required or word.startswith("[") else f"[{word}]"


def _taken(option: Any) -> str:
    if option.is_flag:
        return ""
    kind = option.type_descriptor.annotation
    word = WORDS.get(
        getattr(kind, "__name__", "") if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind), "text"
    )
    least = f" (≥ {option.min})" if option.min is not None else ""
    return word + least


def _default(option: Any) -> str:
    value = option.default
    if option.is_flag or value is None or value in ("", (), []):
        return "required" if option.required else ""
    return f"`{value.as_posix() if isinstance(value, Path) else value}`"


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 this page is the output
