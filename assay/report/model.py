"""What a report is made from; everything it shows follows from this record alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring.proof.stored import Proof
from scoring.records import Score
from scoring.rules import Rules


@dataclass(frozen=True, slots=True)
class RunFacts:
    """How the night went."""

    mode: str = "dry"  #: "dry", "write"
    rows: Mapping[str, int] = field(default_factory=dict)  #: stream -> rows read
    calls: int = 0  #: API calls, retries included
    seconds: Mapping[str, float] = field(default_factory=dict)  #: step -> seconds
    oddities: Mapping[str, int] = field(default_factory=dict)  #: oddity -> values mended or left out
    rejected: Sequence[tuple[str, str, str]] = ()  #: (account id, the CRM's code, the CRM's words)
    written: int = 0  #: accounts whose fields the CRM took
    planned: int = 0  #: accounts whose fields were to change
    notes: Sequence[str] = ()  #: what was missing and what that degraded, one sentence each
    scope: Mapping[str, Any] = field(default_factory=dict)  #: accounts in and out of scope; empty where no scope is set
    scope_says: Sequence[str] = ()  #: the same in sentences


@dataclass(frozen=True, slots=True)
class Report:
    """One org on one night."""

    org: str
    crm: str
    day: int  #: the night's date, days since 1970-01-01
    currency: str
    scores: Sequence[Score]
    owners: Mapping[str, str] = field(default_factory=dict)  #: owner id -> name
    previous_states: Mapping[str, str] = field(default_factory=dict)  #: account id -> state before; empty = first night
    run: RunFacts = field(default_factory=RunFacts)
    preset: str = "normal"
    window_days: int = Rules().window_days  #: selling time is counted over this many days up to `day`
    hide_owners: bool = False  #: leave out who owns what
    proof: Proof | None = None  #: the last backtest that a night has made
    said: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  #: account id -> what people answered (ANSWERS)
    started: Mapping[str, int] = field(default_factory=dict)  #: owner id -> day since which that person is known
