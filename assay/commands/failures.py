"""What a failure is on the command line: lines for people, and the exit code (the list is in `assay.commands.cli`)."""

from assay.night.options import Interrupted
from assay.night.stops import Stopped
from assay.service.schedule import HELD
from assay.settings import ConfigError
from assay.text.redaction import clean
from connectors.errors import CrmError, QuotaExhausted
from db.engine import DatabaseError
from db.lease import LeaseHeld, LeaseLost
from sandbox.org_folder import BadFolder

#: the first class that fits decides
EXIT_CODES = (
    (ConfigError, 2),
    (BadFolder, 2),
    (QuotaExhausted, 4),
    (Stopped, 5),
    (LeaseHeld, HELD),
    (CrmError, 1),
    (DatabaseError, 1),
    (LeaseLost, 1),
    (Interrupted, 1),
)


def lines_and_code(error: Exception) -> tuple[list[str], int]:
    """One line a problem, without secrets, and the exit code; a failure that nobody foresaw is raised again."""
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), None)
    if code is None:
        raise error
    lines = error.problems if isinstance(error, ConfigError) else [str(error)]
    return [clean(line) for line in lines], code
