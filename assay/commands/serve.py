"""`assay serve`: stay up, run the nights, show the page; `--check` asks the service that runs here."""

from typing import TYPE_CHECKING, Annotated

import typer

from assay.commands import configuration

if TYPE_CHECKING:
    from assay.settings import Settings


def command(
    host: Annotated[str | None, typer.Option(help="Address of the page, instead of [web] host.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the page, instead of [web] port.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Ask the service that runs here whether it is ready.")] = False,
) -> None:
    """Run the nights on schedule and serve the page, until SIGTERM."""
    web: dict[str, object] = {k: v for k, v in (("host", host), ("port", port)) if v is not None}
    if check:
        from assay.settings import load

        raise typer.Exit(_ask(load(configuration.chosen(), {"web": web}).settings))
    settings = configuration.settings_and_logs({"web": web})
    from assay.service.serve import serve

    if not serve(settings, configuration.chosen()):
        raise typer.Exit(1)


def _ask(settings: "Settings") -> int:
    """0 if the service at the configured port says it is ready."""
    import http.client

    host = settings.web.host if settings.web.host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 compared, not bound
    connection = http.client.HTTPConnection(host, settings.web.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        typer.echo(answer.read().decode().strip())
    except OSError as error:
        typer.echo(f"nobody answers at {host}:{settings.web.port}: {error}", err=True)
        return 1
    finally:
        connection.close()
    return 0 if answer.status == 200 else 1
