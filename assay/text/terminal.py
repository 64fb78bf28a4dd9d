"""How wide and how colourful text may be, and rich drawing into a string."""

import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from assay.text.words import clean
from scoring.records import COMFORT, EARNING, STATES, UNDER

#: columns for what is not read on a terminal
PIPED_WIDTH = 160
#: a sign for each state, so that colour never speaks alone
SIGNS = dict(zip(STATES, "■●▲·–×", strict=True))
_STYLES = {COMFORT: "bold magenta", EARNING: "green", UNDER: "bold blue"}


@dataclass(frozen=True, slots=True)
class Look:
    """The terminal a text is made for."""

    width: int = PIPED_WIDTH
    colour: bool = False


def look_of(stream: TextIO, environ: Mapping[str, str]) -> Look:
    """The look that suits a stream; NO_COLOR (any value but empty, no-color.org) and TERM=dumb turn colour off."""
    if not stream.isatty():
        return Look()
    colour = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Look(max(60, shutil.get_terminal_size().columns), colour)


def printed(look: Look, *parts: RenderableType) -> str:
    """The parts as text with no trailing blanks."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=look.width,
        force_terminal=look.colour,
        color_system="standard" if look.colour else None,
        no_color=not look.colour,
        legacy_windows=False,
        _environ={},
    )
    for part in parts:
        console.print(part, highlight=False, markup=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def table(*headings: str, right: frozenset[str] = frozenset(), wrap: str = "") -> Table:
    """An empty table; columns in `right` hold numbers, the column `wrap` takes the room that is left."""
    rich_table = Table(box=SIMPLE_HEAD, pad_edge=False, expand=bool(wrap))
    for heading in headings:
        number = heading in right
        rich_table.add_column(
            heading,
            justify="right" if number else "left",
            no_wrap=number,
            overflow="fold",
            ratio=1 if heading == wrap else None,
        )
    return rich_table


def table_text(rows: Sequence[Sequence[Any]], headings: Sequence[str], look: Look) -> str:
    """Rows of plain values under their headings."""
    rich_table = table(*headings)
    for row in rows:
        rich_table.add_row(*(plain("" if v is None else v) for v in row))
    return printed(look, rich_table)


def plain(value: object) -> Text:
    """Text as it is: no markup, no control characters that would steer a terminal."""
    return Text(clean(value).replace("\n", " ").replace("\r", " ").replace("\t", " "))


def state(name: str) -> Text:
    """A state with its sign."""
    return Text(f"{SIGNS.get(name, ' ')} {clean(name)}", style=_STYLES.get(name, ""))
