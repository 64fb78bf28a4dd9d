"""`assay sandbox serve` and `assay sandbox generate`; also `python -m sandbox`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

CRMS = {"salesforce": ("salesforce",), "hubspot": ("hubspot",), "both": ("salesforce", "hubspot")}

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="CRMs to run against when no CRM is at hand.",
)


@app.command()
def serve(
    data: Annotated[Path | None, typer.Option(help="Org folder to load; else a world is generated.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the generated world.")] = 1,
    accounts: Annotated[int, typer.Option(help="Accounts of the generated world.")] = 400,
    salesforce_port: Annotated[int, typer.Option(help="0 = any free port.")] = 0,
    hubspot_port: Annotated[int, typer.Option(help="0 = any free port.")] = 0,
    hubspot_burst: Annotated[int, typer.Option(help="HubSpot calls in ten seconds; 0 = no limit.")] = 0,
    tls: Annotated[bool, typer.Option("--tls", help="Serve https too, by a certificate authority of its own.")] = False,
    faults: Annotated[Path | None, typer.Option(help="JSON list of fault rules.")] = None,
    quota: Annotated[int, typer.Option(help="API calls a day, of each CRM.")] = 100_000,
    clock: Annotated[str | None, typer.Option(help="The org's now, ISO 8601, instead of org.toml's.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse dangling ids too.")] = False,
) -> None:
    """Serve the CRMs; prints one JSON line when ready and stays up until SIGTERM or Ctrl-C."""
    from sandbox.serving import serve_until_stopped

    ports = {"salesforce": salesforce_port, "hubspot": hubspot_port}
    world = {"seed": seed, "accounts": accounts}
    serve_until_stopped(
        data, world, ports, burst=hubspot_burst, tls=tls, faults=faults, quota=quota, clock=clock, strict=strict
    )


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="Where the org folder goes.")],
    seed: Annotated[int, typer.Option()] = 1,
    accounts: Annotated[int, typer.Option()] = 400,
    profile: Annotated[str, typer.Option(help="Which kind of firm; a name that is none lists them.")] = "demo",
    now: Annotated[str | None, typer.Option(help="The org's today, ISO 8601.")] = None,
    crm: Annotated[str, typer.Option(help="salesforce, hubspot or both.")] = "both",
) -> None:
    """Write a generated org as an org folder, its truth beside it."""
    from datetime import datetime

    from sandbox import world
    from sandbox.org_folder import BadFolder

    for flag, value, valid in (("--crm", crm, CRMS), ("--profile", profile, world.PROFILES)):
        if value not in valid:
            raise BadFolder(f"{flag} {value}: unknown. Fix: one of {', '.join(valid)}")
    moment = datetime.fromisoformat(now.replace("Z", "+00:00")) if now else None
    world.generate(out, seed=seed, accounts=accounts, profile=profile, now=moment, crms=CRMS[crm])
    typer.echo(f"written to {out}", err=True)


def main() -> None:
    """Run the commands of `python -m sandbox`."""
    try:
        app()
    except Exception as error:
        from sandbox.org_folder import BadFolder

        if not isinstance(error, BadFolder | OSError):
            raise
        sys.stderr.write(f"sandbox: {error}\n")
        sys.exit(2)
