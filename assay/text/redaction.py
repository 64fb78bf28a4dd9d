"""Replaces secrets in every text that goes out: log lines, error lines, tracebacks."""

import json
import re
import sys
import traceback
from collections.abc import Iterable
from typing import Any

from connectors.vendors import VENDORS

MASK = "********"
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
    """`text` without the secrets of the last `hide`."""
    return _state["redact"](text)


def hide(secrets: Iterable[str]) -> None:
    """From here on no text that goes out of this process repeats one of these, nor a traceback that nobody foresaw."""
    _state["redact"] = Redactor(secrets)
    sys.excepthook = _print_unexpected


def _print_unexpected(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.stderr.write(clean("".join(traceback.format_exception(kind, error, trace))))
