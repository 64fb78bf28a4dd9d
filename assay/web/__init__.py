"""The page. Here only what watches the service; the pages come with the web branch."""

from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from assay.settings import Settings


class Health(Protocol):
    """What the service knows of itself."""

    def problems(self) -> list[str]: ...

    def next_run(self) -> int | None: ...


def create_app(_engine: Engine, _settings: Settings, health: Health, metrics: Callable[[], tuple[bytes, str]]) -> Any:
    def alive(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    def ready(_: Request) -> Response:
        problems = health.problems()
        return PlainTextResponse("\n".join(problems or ["ready"]) + "\n", 503 if problems else 200)

    def numbers(_: Request) -> Response:
        body, kind = metrics()
        return Response(body, media_type=kind)

    return Starlette(routes=[Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", numbers)])
