"""What a run is asked to do, and what its steps speak to: progress, and the wish to end. Knows no vendor and no page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from assay.settings import Scoring, Settings, Write
from scoring.rules import Rules


class Interrupted(Exception):
    """Somebody asked this run to end; raised by a `Progress`, which is called before and after every batch."""


class Progress(Protocol):
    """Shows how the night goes; may raise `Interrupted` or `LeaseLost`."""

    def step(self, name: str) -> None:
        """A step of the night begins."""
        ...

    def rows(self, stream: str, rows: int, calls: int) -> None:
        """So many rows of a stream have been read or written, with so many API calls of this CRM in all."""
        ...

    def ended(self, summaries: Sequence[Mapping[str, Any]]) -> None:
        """The night has ended; one summary a CRM (`Outcome.summary`)."""
        ...


@dataclass(frozen=True, slots=True)
class Bands:
    """How far a number may drift before it is written again (docs/adr/0024).

    Hours are facts that people count themselves, so their band is narrow; potential and confidence are estimates, which say
    something new only when they move by more than their own doubt leaves open.
    """

    hours: float = Write().band_hours
    share: float = Write().band_share  #: of potential, and of its own 80 % range
    points: int = Write().band_points  #: of the confidence in a claim; twice as many where nothing is claimed

    def width(self, meaning: str, written: float, *, doubt: float, claimed: bool) -> float:
        """How far a number may be from what is `written`; `doubt` is the width of potential's own range."""
        if meaning == "potential":
            return self.share * max(abs(written), doubt)
        if meaning == "confidence":
            return self.points if claimed else 2 * self.points
        return self.hours


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What this run is asked to do."""

    rules: Rules
    bands: Bands = field(default_factory=Bands)
    write: bool = False  #: [write] enabled, and no --dry-run
    force: bool = False  #: write even on an org's first run
    full: bool = False  #: pull everything again and compare all ids
    day: int | None = None  #: as of this date; None = the CRM's today
    allow: tuple[str, ...] = ()  #: safety rules lifted for this run
    only: tuple[str, ...] = ()  #: write these accounts only
    max_flag_change: float = Write().max_flag_change
    replay_nights: int = Scoring().replay_nights
    crm: str | None = None  #: only this CRM
    whole: bool = True  #: a night as the schedule runs it, no rehearsal by --dry-run or --as-of


def options_of(
    settings: Settings,
    *,
    dry: bool = False,
    force: bool = False,
    full: bool = False,
    day: int | None = None,
    allow: tuple[str, ...] = (),
    crm: str | None = None,
) -> RunOptions:
    """What a run with these settings and flags is asked to do; as of a given day nothing is written."""
    write = settings.write
    return RunOptions(
        rules=settings.scoring.rules(),
        bands=Bands(write.band_hours, write.band_share, write.band_points),
        write=write.enabled and not dry and day is None,
        force=force,
        full=full,
        day=day,
        allow=allow,
        only=write.only,
        max_flag_change=write.max_flag_change,
        replay_nights=settings.scoring.replay_nights,
        crm=crm,
        whole=not dry and day is None,
    )
