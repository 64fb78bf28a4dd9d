"""What a vendor is: all that commands, doctor, settings and wiring ask of a CRM.

Cheap to import: a vendor's methods import their rooms when they are called, because `assay --help`, the page and half of the
commands need no SDK and no maths. Which vendors there are is `connectors.vendors`; how to write one is docs/adding-a-crm.md.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # `assay --help` reads the registry, and needs no settings
    from connectors.section import Section

#: share of a CRM's daily calls, used by everybody, at which Assay makes none any more
QUOTA_STOP = 0.80
#: headings and rows
Table = tuple[Sequence[str], Sequence[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Question:
    """What `assay init` has to know: a flag, and a prompt where a person can be asked."""

    name: str  #: of the answer; the flag is the same with dashes
    help: str
    prompt: str = ""  #: empty for what may be filled in later
    fault: Callable[[str], str] = lambda _: ""  #: what is wrong with an answer, and the way out; empty if nothing


@dataclass(frozen=True, slots=True)
class SetUp:
    """What `assay init` makes for a vendor."""

    section: str  #: commented lines of assay.toml
    clicks: str  #: what an admin does by hand
    files: Mapping[Path, tuple[bytes, int]] = field(default_factory=dict)  #: path -> (content, mode)


class Vendor(ABC):
    """One kind of CRM; what has a default here is a room that a vendor may do without."""

    name: ClassVar[str]  #: of the section, of `Crm.name` and in the database
    guide: ClassVar[str]  #: the page that explains the set-up
    #: heading of that page for each of the doctor's checks (`connectors.diagnosis.CHECKS`)
    anchors: ClassVar[Mapping[str, str]]
    #: regular expressions of its secrets' shapes, which no log line may show
    secret_shapes: ClassVar[Sequence[str]] = ()
    questions: ClassVar[Sequence[Question]] = ()
    init_makes: ClassVar[str] = ""  #: what `assay init` makes besides assay.toml, in words
    export_makes: ClassVar[str] = ""  #: what `assay schema export` writes, in words
    has_sandbox: ClassVar[bool] = False  #: whether `assay demo` can serve one

    @property
    @abstractmethod
    def section(self) -> "type[Section]":
        """The keys of its section in assay.toml, and the ways in."""

    @abstractmethod
    def write_calls(self, rows: int) -> int:
        """Return API calls that writing so many accounts takes."""

    @abstractmethod
    def set_up(self, answers: Mapping[str, str], folder: Path) -> SetUp:
        """Tell what `assay init` writes beside and into assay.toml, and tells the admin; the answers are all there."""

    def export(self) -> Mapping[str, str]:
        """Map path -> text: our fields as files that the vendor's own tools take."""
        return {}

    def account_fields(self) -> tuple[str, Mapping[str, str]]:
        """Tell what an account is called there, and meaning -> name of each of our fields; for the admin's review page."""
        return "", {}

    def review(self) -> Mapping[str, Table]:
        """Return tables of the admin's review page, by name: what is read, what is granted, and why."""
        return {}

    def sandbox_section(self, ready: Mapping[str, str]) -> str:
        """Return the section of assay.toml for a sandbox, from its part of the sandbox's ready line."""
        raise NotImplementedError
