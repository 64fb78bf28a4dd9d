"""The command line: what each command takes. What it does is imported when it runs, so that help and a health check are
quick (tests/test_startup.py holds what they may import).

Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 done with rejected rows, 4 stopped by quota, 5 stopped by a
safety rule, 6 another run holds the lease. Of several CRMs the gravest tells: failed, stopped, quota, rejected, done.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay import __version__
from assay.commands import configuration, database, demo, doctor, init, schema, serve
from assay.commands.configuration import Json, loaded, settings, settings_and_logs
from sandbox.cli import app as sandbox_app

if TYPE_CHECKING:
    from db.store import Org, Store

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help is read in a tenth of a second, and [web] in it is no markup
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Weighs each account's potential against the selling time it gets, and writes the verdict into the CRM.",
)
config_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The configuration.")
app.add_typer(database.app, name="db")
app.add_typer(config_app, name="config")
app.add_typer(sandbox_app, name="sandbox")

Wait = Annotated[bool, typer.Option("--wait", help="Wait for another run instead of leaving.")]


@app.callback(invoke_without_command=True)
def _globals(
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file (else ASSAY_CONFIG, else assay.toml).")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    configuration.choose(config)
    if version:
        typer.echo(f"assay {__version__}")
        raise typer.Exit


def _store() -> "Store":
    from assay import wiring

    return wiring.open_store(settings())


@app.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, whatever the configuration says.")] = False,
    as_of: Annotated[str | None, typer.Option(help="Judge as of this date (YYYY-MM-DD) instead of the CRM's today.")] = None,
    crm: Annotated[str | None, typer.Option(help="Only this CRM.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again and compare all ids.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write even on this org's first run.")] = False,
    allow: Annotated[list[str] | None, typer.Option(help="Lift one safety rule for this run; repeatable.")] = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """One night: pull, score, plan, write what changed."""
    from assay import start, wiring
    from assay.commands import show
    from assay.night import stops
    from assay.night.interrupt import StopOnRequest, stop_signals
    from assay.night.options import options_of
    from assay.night.outcome import EXIT_CODES, worst
    from assay.night.progress import progress_for
    from assay.settings import ConfigError

    chosen = settings_and_logs()
    if problems := stops.unknown(allow or ()):
        raise ConfigError(problems)
    crms = wiring.open_crms(chosen, crm)
    day = None if as_of is None else _day(as_of, "--as-of")
    options = options_of(chosen, dry=dry_run, force=force, full=full, day=day, allow=tuple(allow or ()), crm=crm)
    store = wiring.open_store(chosen)
    with (
        stop_signals() as stop,
        start.night_lease(chosen, store.engine, wait=wait) as lease,
        progress_for(quiet=as_json) as progress,
    ):
        outcomes = start.run_night(chosen, store, lease, options, StopOnRequest(progress, stop), crms)
    for o in outcomes:
        if o.message:
            typer.echo(f"assay: {o.message}", err=True)
    typer.echo(json.dumps([asdict(o) for o in outcomes]) if as_json else "\n".join(map(show.outcome, outcomes)))
    raise typer.Exit(EXIT_CODES[worst(o.outcome for o in outcomes)])


def _day(text: str, flag: str) -> int:
    from datetime import date

    from assay.settings import ConfigError
    from assay.text.words import EPOCH

    try:
        return (date.fromisoformat(text) - EPOCH).days
    except ValueError:
        raise ConfigError([f"{flag} {text!r} is no date. Fix: write it as YYYY-MM-DD"]) from None


@app.command()
def plan(format: Annotated[str, typer.Option(help="table, csv, json or html")] = "table") -> None:  # noqa: A002 the flag's name
    """What the next write would change: old, new, why."""
    from assay import wiring
    from assay.commands import forecast, show
    from assay.night.options import options_of

    chosen = settings()
    store, planned = wiring.open_store(chosen), dict[str, int]()
    typer.echo(show.plan(store, options_of(chosen), format, planned))
    for line in show.scope_lines(show.scope(store)):
        typer.echo(line, err=True)
    for org in store.orgs():
        typer.echo(forecast.forecast(store, org, planned.get(org.crm, 0), chosen).words(), err=True)


@app.command()
def scores(
    format: Annotated[str, typer.Option(help="table, csv or jsonl")] = "table",  # noqa: A002 the flag's name
    state: Annotated[str | None, typer.Option(help="Only this state.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only this owner's accounts (id).")] = None,
) -> None:
    """Every account's verdict."""
    from assay.commands import show

    typer.echo(show.scores(_store(), format, state, owner), nl=False)


@app.command()
def explain(account: str, as_json: Json = False) -> None:
    """One account: its numbers, its reasons, and the records behind each number."""
    from assay.commands import show

    typer.echo(show.explain(_store(), settings().scoring.rules(), account, as_json))


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    as_json: Json = False,
) -> None:
    """The report as one HTML file: potential against time, reasons, coverage."""
    from assay.commands import show

    if as_json:
        typer.echo(show.report_json(_store(), settings()))
        return
    show.write_report(_store(), settings(), out)
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
    from assay.commands import show

    rules, days = settings().scoring.rules(), [_day(text, "--cut") for text in cut or ()]
    typer.echo(show.backtest(_store(), rules, days, horizon, as_json, html), nl=False)


@app.command()
def status(as_json: Json = False) -> None:
    """What is in the database and how the last runs went."""
    import time

    from assay.commands import show
    from assay.service.schedule import schedule_facts

    store = _store()
    typer.echo(show.status(store, as_json, schedule_facts(store.engine, settings().schedule.clock(), time.time())))


@app.command()
def runs(run_id: Annotated[int | None, typer.Argument(metavar="ID")] = None, as_json: Json = False) -> None:
    """The last runs, or one in detail."""
    from assay.commands import show

    typer.echo(show.runs(_store(), run_id, as_json))


@app.command()
def rejects(
    action: Annotated[str | None, typer.Argument(metavar="[retry]", help="Make refused rows due at the next run.")] = None,
    accounts: Annotated[list[str] | None, typer.Argument(help="With retry: only these accounts.")] = None,
    as_json: Json = False,
) -> None:
    """Rows that the CRM refused, in its own words, by reason; `retry` tries them again at the next run."""
    from assay.commands import show
    from assay.settings import ConfigError
    from db.ledger import Ledger

    if action not in (None, "retry"):
        raise ConfigError([f"rejects {action}: unknown. Fix: assay rejects, or assay rejects retry"])
    store = _store()
    if action == "retry":
        due = sum(Ledger(store.engine, org.id).retry(accounts or ()) for org in store.orgs())
        typer.echo(f"{due} refused rows are due at the next run", err=as_json)
    if action is None or as_json:
        typer.echo(show.rejects(store, as_json))


@app.command(name="undo")
def undo_command(
    run_id: Annotated[int, typer.Argument(metavar="RUN", help="The run to take back (assay runs).")],
    yes: Annotated[bool, typer.Option("--yes", help="Really restore; publishing is then on hold.")] = False,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Restore the values before a run, wherever nobody has changed them since; dry unless --yes."""
    from assay import start, wiring
    from assay.commands import show
    from assay.night import undo
    from assay.night.outcome import EXIT_CODES
    from assay.night.progress import progress_for
    from assay.settings import ConfigError

    chosen = settings_and_logs()
    crms = {c.name: c for c in wiring.open_crms(chosen)}
    store = wiring.open_store(chosen)
    org = _org_of(store, run_id)
    if org.crm not in crms:
        raise ConfigError([f"run {run_id} wrote to {org.crm}, which is not configured. Fix: add its section"])
    crm = crms[org.crm]
    with (
        start.night_lease(chosen, store.engine, wait=wait) as lease,
        wiring.metered([crm], store),
        progress_for(quiet=as_json) as progress,
    ):
        result = undo.run(crm, store, org, lease, run_id, yes=yes, progress=progress)
    typer.echo(json.dumps(asdict(result)) if as_json else show.undone(result, yes=yes))
    if not yes:
        typer.echo("dry: nothing was written; add --yes", err=True)
    raise typer.Exit(EXIT_CODES["rejected" if result.rejected else "done"])


def _org_of(store: "Store", run_id: int) -> "Org":
    from assay.settings import ConfigError
    from db.runs import Runs

    run = Runs(store.engine).get(run_id)
    org = next((o for o in store.orgs() if run is not None and o.id == run.org), None)
    if org is None:
        raise ConfigError([f"there is no run {run_id}. Fix: `assay runs` lists them"])
    return org


@config_app.command("show")
def config_show(as_json: Json = False) -> None:
    """The effective settings, secrets masked, and where each came from."""
    from assay.commands import show
    from assay.settings import shown

    typer.echo(show.config(shown(loaded()), as_json))


app.add_typer(schema.commands(settings_and_logs), name="schema")
app.command(name="doctor")(doctor.command(configuration.chosen))
app.command(name="init")(init.command)
app.command(name="demo")(demo.command)
app.command(name="serve")(serve.command)


def main() -> None:
    """Entry point: every known failure is one line on stderr and an exit code."""
    try:
        app(standalone_mode=True)
    except Exception as error:
        from assay.commands.failures import lines_and_code

        lines, code = lines_and_code(error)
        for line in lines:
            sys.stderr.write(f"assay: {line}\n")
        sys.exit(code)
