"""`assay demo`: a sandbox CRM, one whole night against it over HTTP, the verdicts written back, and a report."""

import shutil
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from assay import nightly, show, wiring
from assay.progress import telling
from assay.settings import ConfigError, Settings, load
from db import lease
from db.store import Store
from sandbox import process, world

MARK = ".assay-demo"


def command(
    crm: Annotated[str, typer.Option(help="salesforce (hubspot comes with its connector).")] = "salesforce",
    data: Annotated[Path | None, typer.Option(help="An org folder to load instead of a generated firm.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another firm.")] = 1,
    accounts: Annotated[int, typer.Option(min=20, help="How many accounts the firm has.")] = 400,
    out: Annotated[Path, typer.Option(help="Where report.html and the demo folder go.")] = Path(),
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the sandbox up, to look around with the other commands.")
    ] = False,
) -> None:
    """Sandbox CRM, one night, report: no account, no network."""
    if crm != "salesforce":
        raise ConfigError([f"--crm {crm}: only salesforce is there yet. Fix: leave the flag out"])
    folder = _fresh(out / "demo")
    org = data or folder / "org"
    if data is None:
        typer.echo(f"Making a firm of {accounts} accounts (seed {seed}) ...", err=True)
        world.generate(org, seed=seed, accounts=accounts)
    with process.running(org) as ready:
        settings = _settings(folder, ready["salesforce"])
        _night(settings, out / "report.html", folder)
        if keep:
            _wait(ready)


def _fresh(folder: Path) -> Path:
    """An empty folder of the demo's own; a folder that the demo did not make is left alone."""
    if folder.exists() and not (folder / MARK).exists():
        raise ConfigError([f"{folder} exists and is not the demo's. Fix: choose another --out"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    return folder


def _settings(folder: Path, crm: dict[str, Any]) -> Settings:
    """The configuration an admin would write for this sandbox; kept in the demo folder."""
    path = folder / "assay.toml"
    path.write_text(
        f'allow_hosts = ["{crm["url"].removeprefix("http://")}"]\n\n'
        f'[database]\nurl = "sqlite:///{(folder / "assay.db").resolve()}"\n\n'
        f'[salesforce]\nlogin_url = "{crm["url"]}"\nclient_id = "{crm["client_id"]}"\nusername = "{crm["username"]}"\n'
        f'private_key_file = "{crm["private_key_file"]}"\n\n'
        "[write]\nenabled = true\n"
    )
    return load(path).settings


def _night(settings: Settings, report: Path, folder: Path) -> None:
    for field, done in wiring.open_admin(settings).apply():
        typer.echo(f"  {field}: {done}", err=True)
    store = wiring.open_store(settings)
    start = time.perf_counter()
    outcome = _run(settings, store)
    if outcome.outcome not in ("done", "rejected"):
        typer.echo(f"assay: {outcome.message}", err=True)
        raise typer.Exit(1)
    show.write_report(store, settings, report)
    typer.echo(show.outcome(outcome))
    typer.echo(show.headline(store))
    typer.echo(f"The night took {time.perf_counter() - start:.1f} s. Report: {report.resolve()}")
    typer.echo(f"Look around: assay --config {folder / 'assay.toml'} scores | explain ACCOUNT | plan | status")


def _run(settings: Settings, store: Store) -> nightly.Outcome:
    with telling() as tell, lease.held(store.engine, "salesforce") as held:
        return nightly.run(wiring.open_crms(settings)[0], store, held, wiring.orders(settings, force=True), tell)


def _wait(ready: dict[str, Any]) -> None:
    typer.echo(f"The sandbox stays up at {ready['salesforce']['url']}; end with Ctrl-C.")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        typer.echo("ended")
