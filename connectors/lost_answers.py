"""A write whose answer did not come: the records say whether it arrived, and only what did not is sent again.

Sending absolute values twice is harmless to data, but not to a CRM: it fires flows and moves dates a second time.
"""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from connectors.errors import Unavailable
from scoring.records import FieldUpdate

#: seconds before the records are looked at, try by try; about half of it is drawn
WAITS = (1.0, 4.0, 15.0, 40.0)

Answer = TypeVar("Answer")


def send_confirmed(
    part: Sequence[FieldUpdate],
    send: Callable[[Sequence[FieldUpdate]], Answer],
    reread: Callable[[Sequence[str]], Iterable[tuple[str, str]]],
    sleep: Callable[[float], None],
) -> tuple[list[FieldUpdate], list[FieldUpdate], Answer | None]:
    """(rows that arrived without an answer, rows that `send` answered, its answer); raises `Unavailable` when it never does."""
    arrived: list[FieldUpdate] = []
    rest = list(part)
    for wait in (*WAITS, None):
        try:
            return arrived, rest, send(rest)
        except Unavailable as error:
            if wait is None or error.retry_after is not None:  # what the CRM asked to send again was not done
                raise
            sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 jitter, not a secret
            now = {i: json.loads(ours) for i, ours in reread([u.account_id for u in rest])}
            there = {u.account_id for u in rest if has_values(now.get(u.account_id), u.values)}
            arrived += [u for u in rest if u.account_id in there]
            rest = [u for u in rest if u.account_id not in there]
            if not rest:
                return arrived, [], None
    raise AssertionError  # the last round returns or raises


def has_values(now: Mapping[str, object] | None, new: Mapping[str, object]) -> bool:
    """Whether an account has all of `new`; one that is gone (None) has nothing."""
    return now is not None and all(now.get(m) == v for m, v in new.items())
