"""What a night will cost in API calls, said before it is spent; from the database alone."""

from dataclasses import dataclass

from assay import wiring
from assay.settings import Settings
from db.api_calls import Calls
from db.runs import Runs
from db.store import Org, Store


@dataclass(frozen=True, slots=True)
class Forecast:
    """API calls of the next night in one CRM."""

    crm: str
    accounts: int  #: to be written
    write_calls: int  #: that writing them takes, besides waiting for a bulk job
    night_calls: int | None  #: that the last good run took, all in all; None before the first
    spent: int  #: by our runs in the 24 hours before their last call
    share: float  #: of the CRM's daily calls that is ours
    allowed: int | None  #: the CRM's daily calls, as the last run heard; None if it did not

    def words(self) -> str:
        """One line for people."""
        night = f", a whole night about {self.night_calls}" if self.night_calls is not None else ""
        ours = f"; {self.spent} of our {int(self.share * self.allowed):,} a day are used" if self.allowed else ""
        return f"{self.crm}: writing {self.accounts:,} accounts takes {self.write_calls} API calls{night}{ours}"


def forecast(store: Store, org: Org, accounts: int, settings: Settings) -> Forecast:
    """What writing so many accounts, and the night around it, will take."""
    last = next(iter(Runs(store.engine).good(org.id, 1)), None)
    section = settings.crms().get(org.crm)
    spent, allowed = Calls(store.engine, org.crm).spent()
    share = section.quota_share if section else 0.0
    return Forecast(
        org.crm, accounts, wiring.write_calls(org.crm, accounts), last.calls if last else None, spent, share, allowed or None
    )  # fmt: skip
