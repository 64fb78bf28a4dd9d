"""`assay schema`: our fields and their permissions in the CRM. An admin's work, dry unless --yes (docs/adr/0019)."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from assay import wiring
from assay.commands import export, show
from assay.settings import Settings
from connectors.port import SchemaAdmin
from connectors.vendors import VENDORS

Rows = Sequence[tuple[str, str]]
Yes = Annotated[bool, typer.Option("--yes", help="Really do it.")]
Json = Annotated[bool, typer.Option("--json", help="Machine output, alone, on stdout.")]


def commands(settings: Callable[[], Settings]) -> typer.Typer:
    """The commands, which ask for the settings when they run."""
    app = typer.Typer(no_args_is_help=True, help="Assay's fields in the CRM; dry unless --yes.")

    @app.command("show")
    def show_(as_json: Json = False) -> None:
        """Our fields and permissions in the CRM, and what is missing."""
        _tell(_each(settings(), lambda admin: admin.show()), as_json)

    @app.command()
    def apply(yes: Yes = False, as_json: Json = False) -> None:
        """Create our fields and permission sets, and give the nightly user its access. With an admin's login."""
        _warn_of_login(settings())
        _tell(_each(settings(), lambda admin: admin.apply() if yes else admin.show()), as_json)
        if not yes:
            typer.echo("dry: nothing was created; add --yes", err=True)

    @app.command()
    def remove(yes: Yes = False, as_json: Json = False) -> None:
        """Take our fields and permission sets away, values included; without --yes only what is in use."""
        rows = _each(settings(), lambda admin: admin.remove() if yes else admin.in_use())
        _tell(rows, as_json)
        if not yes:
            typer.echo("dry: nothing was removed; add --yes. The values in these fields go with them", err=True)
        left = [path for path, state in rows if state.startswith("left:")]
        if left:
            typer.echo(
                f"assay: {len(left)} of ours are still used and were left. Fix: free them as listed, and repeat", err=True
            )
            raise typer.Exit(3)

    @app.command("export", help=f"Write {' and '.join(v.export_makes for v in VENDORS.values() if v.export_makes)}.")
    def export_(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]) -> None:
        for path in export.write(folder):
            typer.echo(path)

    return app


def _each(settings: Settings, do: Callable[[SchemaAdmin], Rows]) -> Rows:
    rows: list[tuple[str, str]] = []
    for admin in wiring.open_admins(settings):
        with closing(admin):
            rows += do(admin)
    return rows


def _tell(rows: Rows, as_json: bool) -> None:
    typer.echo(json.dumps(dict(rows)) if as_json else show.schema(rows, as_json=False))


def _warn_of_login(settings: Settings) -> None:
    for note in (section.admin_note() for section in settings.crms().values()):
        if note:
            typer.echo(f"note: {note}", err=True)
