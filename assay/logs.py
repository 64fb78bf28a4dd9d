"""Log lines on stderr: text on a terminal, JSON elsewhere; the run's id on every line; secrets replaced last of all."""

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterable, MutableMapping
from typing import Any

import stamina
import structlog

from assay.settings import MASK, Log
from connectors.vendors import VENDORS

#: keys whose values are never logged
PRIVATE = re.compile(r"token|secret|password|passwd|authorization|private_key|ping_url|cookie", re.IGNORECASE)
#: shapes of secrets of any vendor: bearer tokens, JWTs, PEM blocks, passwords in URLs
SHAPES = (
    r"(?<=Bearer )[^\s\"',]+", r"(?<=Basic )[A-Za-z0-9+/=]{8,}", r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*",
    r"-----BEGIN [^-]*-----.*?(?:-----END [^-]*-----|$)", r"(?<=://)[^\s/:@\"']*:[^\s/@\"']+(?=@)",
)  # fmt: skip
#: a shorter secret would blacken ordinary words
SHORTEST = 4


class Redactor:
    """Replaces known secrets, raw or as JSON writes them, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        long = {s for s in secrets if len(s) >= SHORTEST}
        forms = {
            form for s in long for form in (s, json.dumps(s)[1:-1], json.dumps(s, ensure_ascii=False)[1:-1], repr(s)[1:-1])
        }
        self._known = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None
        vendors = (shape for vendor in VENDORS.values() for shape in vendor.secret_shapes)
        self._shapes = re.compile("|".join((*SHAPES, *vendors)), re.DOTALL)

    def __call__(self, text: str) -> str:
        return self._shapes.sub(MASK, self._known.sub(MASK, text) if self._known else text)


_state = {"redact": Redactor()}


def clean(text: str) -> str:
    """`text` without the secrets of the last `configure`."""
    return _state["redact"](text)


def configure(log: Log, secrets: Iterable[str] = (), stream: Any = None) -> None:
    """Send every log line of this process, the libraries' too, one way; call once at the start."""
    stamina.instrumentation.set_on_retry_hooks([])  # a retry that helps is no news; one that does not is the error itself
    stream = stream or sys.stderr
    _state["redact"] = Redactor(secrets)
    on_terminal = stream.isatty()
    as_text = log.format == "text" or (log.format == "auto" and on_terminal)
    colours = on_terminal and "NO_COLOR" not in os.environ
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _hide_private,
    ]
    last: Any = _redact  # after the renderer: it sees the line as it will be written
    renderer: Any = structlog.dev.ConsoleRenderer(colors=colours) if as_text else structlog.processors.JSONRenderer()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(log.level.upper())
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)  # a tick that finds the last one at work is no news
    for noisy in ("httpx", "httpcore", "alembic", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)  # httpx logs whole URLs at INFO
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _unexpected
    threading.excepthook = lambda args: _unexpected(args.exc_type, args.exc_value, args.exc_traceback)


def _hide_private(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event:
        if PRIVATE.search(key):
            event[key] = MASK
    return event


def _redact(_logger: Any, _method: str, line: str) -> str:
    return clean(line)


def _unexpected(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    """The last words of a process or a thread; frames without their local values."""
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger("assay").critical("unexpected error", exc_info=(kind, error, trace))
