"""`assay demo`: a sandbox CRM, one whole night against it over HTTP, the verdicts written back, and a report."""

import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from assay.night.outcome import Outcome
    from assay.settings import Settings
    from db.store import Store

from connectors.vendors import VENDORS, choices

MARK = ".assay-demo"
CHOICES = choices([name for name, vendor in VENDORS.items() if vendor.has_sandbox])


def command(
    crm: Annotated[str, typer.Option(help=f"{', '.join(CHOICES)}.")] = "both",
    data: Annotated[Path | None, typer.Option(help="An org folder to load instead of a generated firm.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another firm.")] = 1,
    accounts: Annotated[int, typer.Option(min=20, help="How many accounts the firm has.")] = 400,
    out: Annotated[Path, typer.Option(help="Where report.html and the demo folder go.")] = Path(),
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the sandbox up, to look around with the other commands.")
    ] = False,
) -> None:
    """Sandbox CRM, one night, report: no account, no network."""
    from assay import logs
    from assay.settings import ConfigError, Log
    from sandbox import process, world

    logs.configure(Log(format="text"))
    if crm not in CHOICES:
        raise ConfigError([f"--crm {crm}: unknown. Fix: one of {', '.join(CHOICES)}"])
    folder = _fresh(out / "demo")
    org = data or folder / "org"
    if data is None:
        typer.echo(f"Making a firm of {accounts} accounts (seed {seed}) ...", err=True)
        world.generate(org, seed=seed, accounts=accounts, crms=CHOICES[crm])
    with process.running(org) as ready:
        there = {name: ready[name] for name in CHOICES[crm] if ready[name]}
        if not there:
            raise ConfigError([f"{org}: holds nothing of {crm}. Fix: choose another --crm"])
        settings = configure(folder, there)
        _night(settings, out / "report.html", folder)
        if keep:
            _wait(there)


def _fresh(folder: Path) -> Path:
    """An empty folder of the demo's own; a folder that the demo did not make is left alone."""
    from assay.settings import ConfigError

    if folder.exists() and not (folder / MARK).exists():
        raise ConfigError([f"{folder} exists and is not the demo's. Fix: choose another --out"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    return folder


def configure(folder: Path, crms: dict[str, Any]) -> "Settings":
    """The configuration an admin would write for these sandboxes; kept in the demo folder."""
    from assay.settings import load

    path = folder / "assay.toml"
    hosts = ", ".join(f'"{line["url"].removeprefix("http://")}"' for line in crms.values())
    database = f"sqlite:///{(folder / 'assay.db').resolve()}"
    parts = [f"allow_hosts = [{hosts}]\n", f'[database]\nurl = "{database}"\n']
    parts += [VENDORS[name].sandbox_section(line) for name, line in crms.items()]
    path.write_text("\n".join([*parts, "[write]\nenabled = true\n"]))
    return load(path).settings


def _night(settings: "Settings", report: Path, folder: Path) -> None:
    from assay import wiring
    from assay.commands import show
    from db.runs import GOOD

    for admin in wiring.open_admins(settings):
        with closing(admin):
            for field, done in admin.apply():
                typer.echo(f"  {field}: {done}", err=True)
    store = wiring.open_store(settings)
    begun = time.perf_counter()
    outcomes = _run(settings, store)
    if any(o.outcome not in GOOD for o in outcomes):
        for o in outcomes:
            typer.echo(f"assay: {o.message}", err=True)
        raise typer.Exit(1)
    show.write_report(store, settings, report)
    typer.echo("\n".join(map(show.outcome, outcomes)))
    typer.echo(show.headline(store, settings))
    typer.echo(f"The night took {time.perf_counter() - begun:.1f} s. Report: {report.resolve()}")
    typer.echo(f"Look around: assay --config {folder / 'assay.toml'} scores | explain ACCOUNT | plan | status")


def _run(settings: "Settings", store: "Store") -> "list[Outcome]":
    from assay import start
    from assay.night.options import options_of
    from assay.night.progress import progress_for

    options = options_of(settings, force=True)
    with progress_for() as progress, start.night_lease(settings, store.engine) as mine:
        return start.run_night(settings, store, mine, options, progress)


def _wait(crms: dict[str, Any]) -> None:
    places = " and ".join(line["url"] for line in crms.values())
    typer.echo(f"The sandbox stays up at {places}; end with Ctrl-C.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        typer.echo("ended")
