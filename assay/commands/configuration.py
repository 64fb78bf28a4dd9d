"""What --config chose, and the settings of this process: every command asks here, when it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from assay.settings import Loaded, Settings

Json = Annotated[bool, typer.Option("--json", help="Machine output, alone, on stdout.")]

_chosen: dict[str, Path | None] = {"config": None}


def choose(path: Path | None) -> None:
    """Remember --config for this process."""
    _chosen["config"] = path


def chosen() -> Path | None:
    """--config, if it was given."""
    return _chosen["config"]


def loaded(flags: "dict[str, dict[str, object]] | None" = None) -> "Loaded":
    """The settings with their origins; from here on no text of this process repeats a secret. Raises `ConfigError`."""
    from assay.settings import load, secret_values
    from assay.text.redaction import hide

    result = load(chosen(), flags)
    hide(secret_values(result.settings))
    return result


def settings() -> "Settings":
    """The settings of this process, for a command that only reads; raises `ConfigError`."""
    return loaded().settings


def settings_and_logs(flags: "dict[str, dict[str, object]] | None" = None) -> "Settings":
    """The settings of this process, for a command that works and logs; raises `ConfigError`."""
    from assay import logs
    from assay.settings import secret_values

    settings = loaded(flags).settings
    logs.configure(settings.log, secret_values(settings))
    return settings
