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
    """The settings with their origins, and from here on logs that repeat no secret; raises `ConfigError`."""
    from assay import logs
    from assay.settings import load, secret_values

    result = load(chosen(), flags)
    logs.configure(result.settings.log, secret_values(result.settings))
    return result


def settings() -> "Settings":
    """The settings of this process; raises `ConfigError`."""
    return loaded().settings
