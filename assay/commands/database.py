"""`assay db`: upgrade, backup, restore, purge."""

from pathlib import Path
from typing import Annotated

import typer

from assay.commands.configuration import settings

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The database.")


@app.command()
def upgrade() -> None:
    """Bring the database to this version's schema (also happens by itself)."""
    from db.engine import open_database
    from db.migrate import upgrade as migrate

    before, after = migrate(open_database(settings().database.url))
    typer.echo(f"schema {after}: " + ("nothing to do" if before == after else f"upgraded from {before or 'empty'}"))


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="A new file; .jsonl.gz is what it holds.")]) -> None:
    """The whole database as one compressed file; also while a night runs."""
    from assay import wiring
    from db import backup as backups

    rows = backups.backup(wiring.open_store(settings()).engine, file)
    typer.echo(f"{rows:,} rows written to {file}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `assay db backup` wrote, from either kind of database.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace everything that the database holds.")] = False,
) -> None:
    """Fill the database from a backup, of this version or an older one."""
    from db import backup as backups
    from db.engine import open_database

    revision, rows = backups.restore(open_database(settings().database.url), file, replace=yes)
    typer.echo(f"{rows:,} rows of schema {revision} restored")


@app.command()
def purge() -> None:
    """Forget what is older than [retention] says; every good night does so by itself."""
    from assay import start, wiring

    chosen = settings()
    dropped = start.forget(chosen, wiring.open_store(chosen))
    typer.echo("\n".join(f"{count:,} {what}" for what, count in dropped.items()))
