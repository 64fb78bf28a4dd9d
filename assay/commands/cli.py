"""The command line.

Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 done with rejected rows, 4 stopped by quota, 5 stopped by a
safety rule, 6 another run holds the lease.
"""

import json
import sys
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import stamina
import typer

from assay import __version__, logs, nightly, wiring
from assay.commands import demo, doctor, forecast, init, schema, show
from assay.night import stops, undo
from assay.night.interrupt import Stoppable, asked_to_end
from assay.night.options import orders_of
from assay.night.ping import watched
from assay.night.progress import log_outcomes, telling
from assay.night.stops import Stopped
from assay.service import serve
from assay.service.metrics import schedule_facts
from assay.settings import ConfigError, Loaded, Settings, load, secret_values, shown
from connectors.errors import CrmError, QuotaExhausted
from db import backup, lease, retention
from db.engine import DatabaseError, open_database
from db.ledger import Ledger
from db.migrate import upgrade
from db.runs import Runs
from db.store import Org, Store
from sandbox.cli import app as sandbox_app
from sandbox.org_folder import BadFolder

EXIT = {"done": 0, "failed": 1, "rejected": 3, "quota": 4, "stopped": 5}
EPOCH = date(1970, 1, 1)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Weighs each account's potential against the selling time it gets, and writes the verdict into the CRM.",
)
database_app = typer.Typer(no_args_is_help=True, help="The database.")
config_app = typer.Typer(no_args_is_help=True, help="The configuration.")
app.add_typer(database_app, name="db")
app.add_typer(config_app, name="config")
app.add_typer(sandbox_app, name="sandbox")

_chosen: dict[str, Path | None] = {"config": None}

Json = Annotated[bool, typer.Option("--json", help="Machine output, alone, on stdout.")]


@app.callback(invoke_without_command=True)
def _globals(
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file (else ASSAY_CONFIG, else assay.toml).")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    _chosen["config"] = config
    if version:
        typer.echo(f"assay {__version__}")
        raise typer.Exit


def _load() -> Loaded:
    loaded = load(_chosen["config"])
    logs.configure(loaded.settings.log, secret_values(loaded.settings))
    return loaded


def _settings() -> Settings:
    return _load().settings


@app.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, whatever the configuration says.")] = False,
    as_of: Annotated[str | None, typer.Option(help="Judge as of this date (YYYY-MM-DD) instead of the CRM's today.")] = None,
    crm: Annotated[str | None, typer.Option(help="Only this CRM.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again and compare all ids.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write even on this org's first run.")] = False,
    allow: Annotated[list[str] | None, typer.Option(help="Lift one safety rule for this run; repeatable.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another run instead of leaving.")] = False,
    as_json: Json = False,
) -> None:
    """One night: pull, score, plan, write what changed."""
    settings = _settings()
    if problems := stops.unknown(allow or ()):
        raise ConfigError(problems)
    crms = [c for c in wiring.open_crms(settings) if crm in (None, c.name)]
    if not crms:
        raise ConfigError([f"--crm {crm}: not configured. Fix: add a [{crm}] section"])
    day = None if as_of is None else _day(as_of, "--as-of")
    store = wiring.open_store(settings)
    orders = orders_of(settings, dry=dry_run or day is not None, force=force, full=full, day=day, allow=tuple(allow or ()))
    with (
        asked_to_end() as asked,
        _held(store.engine, wait, settings.schedule.lease_seconds) as held,
        wiring.metered(crms, store),
        telling(quiet=as_json) as tell,
        watched(settings, whole=not (as_of or dry_run or crm)) as watcher,
    ):
        outcomes = watcher.saw(nightly.run(crms, store, held, orders, Stoppable(tell, asked)))
    if not sys.stderr.isatty():
        log_outcomes(outcomes)
    for o in outcomes:
        if o.message:
            typer.echo(f"assay: {o.message}", err=True)
    typer.echo(json.dumps([asdict(o) for o in outcomes]) if as_json else "\n".join(map(show.outcome, outcomes)))
    raise typer.Exit(max(EXIT[o.outcome] for o in outcomes))


def _held(engine: Any, wait: bool, seconds: int) -> Any:
    while wait and not lease.is_free(engine, nightly.LEASE):
        time.sleep(1)
    return lease.held(engine, nightly.LEASE, seconds)


def _day(text: str, flag: str) -> int:
    try:
        return (date.fromisoformat(text) - EPOCH).days
    except ValueError:
        raise ConfigError([f"{flag} {text!r} is no date. Fix: write it as YYYY-MM-DD"]) from None


@app.command()
def plan(format: Annotated[str, typer.Option(help="table, csv, json or html")] = "table") -> None:  # noqa: A002 the flag's name
    """What the next write would change: old, new, why."""
    settings = _settings()
    store, planned = wiring.open_store(settings), dict[str, int]()
    typer.echo(show.plan(store, orders_of(settings), format, planned))
    for said in show.scope_words(show.scope(store)):
        typer.echo(said, err=True)
    for org in store.orgs():
        typer.echo(forecast.forecast(store, org, planned.get(org.crm, 0), settings).words(), err=True)


@app.command()
def scores(
    format: Annotated[str, typer.Option(help="table, csv or jsonl")] = "table",  # noqa: A002 the flag's name
    state: Annotated[str | None, typer.Option(help="Only this state.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this owner's accounts (id).")] = None,
) -> None:
    """Every account's verdict."""
    typer.echo(show.scores(wiring.open_store(_settings()), format, state, owner), nl=False)


@app.command()
def explain(account: str, as_json: Json = False) -> None:
    """One account: its numbers, its reasons, and the records behind each number."""
    settings = _settings()
    typer.echo(show.explain(wiring.open_store(settings), settings.scoring.rules(), account, as_json))


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    as_json: Json = False,
) -> None:
    """The report as one HTML file: potential against time, reasons, coverage."""
    settings = _settings()
    store = wiring.open_store(settings)
    if as_json:
        typer.echo(show.report_json(store, settings))
        return
    show.write_report(store, settings, out)
    typer.echo(f"report written to {out}", err=True)


@app.command()
def backtest(
    cut: Annotated[list[str] | None, typer.Option(help="A day to judge from (YYYY-MM-DD); repeatable.")] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Days of revenue after each cut; else the longest that fits.")
    ] = None,
    as_json: Json = False,
    html: Annotated[Path | None, typer.Option(help="Also write the page with its plots to this file.")] = None,
) -> None:
    """Would earlier scores have been right? Against trailing revenue and other plain columns, on this firm's own past."""
    settings = _settings()
    days = [_day(text, "--cut") for text in cut or ()]
    typer.echo(show.backtest(wiring.open_store(settings), settings.scoring.rules(), days, horizon, as_json, html), nl=False)


@app.command()
def status(as_json: Json = False) -> None:
    """What is in the database and how the last runs went."""
    settings = _settings()
    store = wiring.open_store(settings)
    typer.echo(show.status(store, as_json, schedule_facts(store.engine, settings.schedule.clock(), time.time())))


@app.command()
def runs(run_id: Annotated[int | None, typer.Argument(metavar="ID")] = None, as_json: Json = False) -> None:
    """The last runs, or one in detail."""
    typer.echo(show.runs(wiring.open_store(_settings()), run_id, as_json))


@app.command()
def rejects(
    action: Annotated[str | None, typer.Argument(metavar="[retry]", help="Make refused rows due at the next run.")] = None,
    accounts: Annotated[list[str] | None, typer.Argument(help="With retry: only these accounts.")] = None,
    as_json: Json = False,
) -> None:
    """Rows that the CRM refused, in its own words, by reason; `retry` tries them again at the next run."""
    if action not in (None, "retry"):
        raise ConfigError([f"rejects {action}: unknown. Fix: assay rejects, or assay rejects retry"])
    store = wiring.open_store(_settings())
    if action == "retry":
        due = sum(Ledger(store.engine, org.id).retry(accounts or ()) for org in store.orgs())
        typer.echo(f"{due} refused rows are due at the next run", err=as_json)
    if action is None or as_json:
        typer.echo(show.rejects(store, as_json))


@app.command(name="undo")
def undo_command(
    run_id: Annotated[int, typer.Argument(metavar="RUN", help="The run to take back (assay runs).")],
    yes: Annotated[bool, typer.Option("--yes", help="Really restore; publishing is then on hold.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another run instead of leaving.")] = False,
    as_json: Json = False,
) -> None:
    """Restore the values before a run, wherever nobody has changed them since; dry unless --yes."""
    settings = _settings()
    crms = {c.name: c for c in wiring.open_crms(settings)}
    store = wiring.open_store(settings)
    org = _org_of(store, run_id)
    if org.crm not in crms:
        raise ConfigError([f"run {run_id} wrote to {org.crm}, which is not configured. Fix: add its section"])
    crm = crms[org.crm]
    with (
        _held(store.engine, wait, settings.schedule.lease_seconds) as held,
        wiring.metered([crm], store),
        telling(quiet=as_json) as tell,
    ):
        found = undo.run(crm, store, org, held, run_id, yes=yes, tell=tell)
    typer.echo(json.dumps(asdict(found)) if as_json else show.undone(found, yes=yes))
    if not yes:
        typer.echo("dry: nothing was written; add --yes", err=True)
    raise typer.Exit(EXIT["rejected" if found.rejected else "done"])


def _org_of(store: Store, run_id: int) -> Org:
    run = Runs(store.engine).get(run_id)
    org = next((o for o in store.orgs() if run is not None and o.id == run.org), None)
    if org is None:
        raise ConfigError([f"there is no run {run_id}. Fix: `assay runs` lists them"])
    return org


@database_app.command("upgrade")
def database_upgrade() -> None:
    """Bring the database to this version's schema (also happens by itself)."""
    before, after = upgrade(open_database(_settings().database.url))
    typer.echo(f"schema {after}: " + ("nothing to do" if before == after else f"upgraded from {before or 'empty'}"))


@database_app.command("backup")
def database_backup(file: Annotated[Path, typer.Argument(help="A new file; .jsonl.gz is what it holds.")]) -> None:
    """The whole database as one compressed file; also while a night runs."""
    rows = backup.backup(wiring.open_store(_settings()).engine, file)
    typer.echo(f"{rows:,} rows written to {file}")


@database_app.command("restore")
def database_restore(
    file: Annotated[Path, typer.Argument(help="What `assay db backup` wrote, from either kind of database.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace everything that the database holds.")] = False,
) -> None:
    """Fill the database from a backup, of this version or an older one."""
    revision, rows = backup.restore(open_database(_settings().database.url), file, replace=yes)
    typer.echo(f"{rows:,} rows of schema {revision} restored")


@database_app.command("purge")
def database_purge() -> None:
    """Forget what is older than [retention] says; a scheduled night does so by itself."""
    settings = _settings()
    keep = retention.Keep(**settings.retention.model_dump())
    forgotten = retention.purge(wiring.open_store(settings).engine, keep, int(time.time()))
    typer.echo("\n".join(f"{count:,} {what}" for what, count in forgotten.items()))


@config_app.command("show")
def config_show(as_json: Json = False) -> None:
    """The effective settings, secrets masked, and where each came from."""
    typer.echo(show.config(shown(_load()), as_json))


app.add_typer(schema.commands(_settings), name="schema")
app.command(name="doctor")(doctor.command(lambda: _chosen["config"]))
app.command(name="init")(init.command)
app.command(name="demo")(demo.command)
app.command(name="serve")(serve.command)  # for --help; it is started from assay.__main__


def main() -> None:
    """Entry point: every known failure is one line on stderr and an exit code."""
    stamina.instrumentation.set_on_retry_hooks([])  # a retry that helps is no news; one that does not is the error itself
    try:
        app(standalone_mode=True)
    except ConfigError as error:
        _fail(error.problems, 2)
    except BadFolder as error:
        _fail([str(error)], 2)
    except QuotaExhausted as error:
        _fail([str(error)], 4)
    except Stopped as error:
        _fail([str(error)], 5)
    except lease.LeaseHeld as error:
        _fail([str(error)], 6)
    except (CrmError, DatabaseError, lease.LeaseLost, nightly.Interrupted) as error:
        _fail([str(error)], 1)


def _fail(lines: list[str], code: int) -> None:
    for line in lines:
        sys.stderr.write(f"assay: {logs.clean(line)}\n")
    sys.exit(code)
