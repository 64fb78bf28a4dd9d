"""The web application: pages, JSON API, health, metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Route

from assay import __version__
from assay.settings import Settings
from assay.web import api, pages
from assay.web.access import Access, token_of
from assay.web.context import Context, Health, Metrics
from assay.web.snapshot import Snapshots

__all__ = ["Health", "Metrics", "create_app"]

log = structlog.get_logger()
AWAY = "The database does not answer. The log of this service says why."


def create_app(engine: Engine, settings: Settings, health: Health, metrics: Metrics) -> FastAPI:
    """The application over a migrated database; raises `ConfigError` for a token that cannot be read or is too short."""
    context = Context(engine, settings, health, Snapshots(engine, settings))

    @asynccontextmanager
    async def warmed(_: FastAPI) -> AsyncIterator[None]:
        context.snapshots.warm()
        yield
        context.snapshots.wait()

    app = FastAPI(
        title="Assay",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=warmed,
        description="What Assay found last night. Read-only; the token, where one is set, as Bearer or as the Basic password.",
    )
    app.include_router(api.router(context))
    app.router.routes += pages.routes(context)
    app.router.routes += [
        Route("/healthz", lambda _: JSONResponse({"alive": True, "version": __version__})),
        Route("/readyz", lambda _: _ready(health)),
        Route("/metrics", lambda _: _measured(metrics)),
    ]
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(SQLAlchemyError, _away)
    app.add_middleware(GZipMiddleware, minimum_size=2_000)
    app.add_middleware(Access, token=token_of(settings))  # outermost: nothing is done for who may not look
    return app


def _ready(health: Health) -> Response:
    """Whether the service can do its work; which part cannot is for those with a token."""
    ready = not health.problems()
    return JSONResponse({"ready": ready}, 200 if ready else 503)


def _measured(metrics: Metrics) -> Response:
    body, kind = metrics()
    return Response(body, media_type=kind)


async def _refused(request: Request, error: Any) -> Response:
    if request.url.path.startswith("/api"):
        return JSONResponse({"detail": str(error.detail)}, error.status_code, error.headers)
    answer = pages.trouble(error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _away(request: Request, error: Exception) -> Response:
    log.error("database", error=type(error).__name__)
    if request.url.path.startswith("/api"):
        return JSONResponse({"detail": AWAY}, 503)
    return pages.trouble(503, AWAY)
