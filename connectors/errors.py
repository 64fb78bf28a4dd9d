"""What can go wrong between Assay and a CRM. One line each: what, where, why, how to fix."""

from collections.abc import Sequence


class BadConfig(Exception):
    """A section of the configuration cannot be used as it is; one line a problem, the way out included."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class CrmError(Exception):
    """The CRM could not be used.

    `crm` names it, `permanent` says that trying again changes nothing, `retry_after` is the CRM's own wish in seconds,
    `fix` is the way out in one sentence.
    """

    permanent = True

    def __init__(self, message: str, *, crm: str = "", fix: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.crm, self.fix, self.retry_after = crm, fix, retry_after

    def __str__(self) -> str:
        head = f"{self.crm}: " if self.crm else ""
        tail = f" Fix: {self.fix}" if self.fix else ""
        return f"{head}{self.args[0]}{tail}"


class Unauthorized(CrmError):
    """The login was refused or the session ended."""


class Forbidden(CrmError):
    """The user may not do this."""


class FieldMissing(CrmError):
    """A field or object that Assay cannot do without is absent or hidden."""


class Refused(CrmError):
    """The CRM understood the request and said no."""


class QuotaExhausted(CrmError):
    """The day's calls, or our share of them, are used up."""


class Unavailable(CrmError):
    """The CRM does not answer as it should; another time it may."""

    permanent = False


class Incomplete(CrmError):
    """Fewer or more rows arrived than the CRM announced."""

    permanent = False
