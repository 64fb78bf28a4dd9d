"""Result pages of a query job: rendered once into a file, cut at any row, the same bytes however often they are read."""

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

#: rows rendered at a time; a page that begins and ends at such a border is a plain read
SLICE = 1000


@dataclass(frozen=True, slots=True)
class Dialect:
    """columnDelimiter and lineEnding of a job."""

    delimiter: str = ","
    line_end: str = "\n"

    def text(self, rows: Iterable[Sequence[Any]]) -> bytes:
        """CSV as the vendor writes it: every value in quotes, null as the empty value."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=self.delimiter, lineterminator=self.line_end, quoting=csv.QUOTE_ALL)
        writer.writerows(rows)
        return out.getvalue().encode()

    def rows(self, text: bytes) -> list[list[str]]:
        return list(csv.reader(io.StringIO(text.decode(), newline=""), delimiter=self.delimiter))


class Spool:
    """The rows of one job on disk: a million of them in memory would cost more than the records."""

    def __init__(self, head: Sequence[str], dialect: Dialect) -> None:
        self.dialect, self.head = dialect, dialect.text([head])
        self.total = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the job)
        self._starts = [0]

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """One slice; all but the last must be full."""
        self._starts.append(self._starts[-1] + self._file.write(self.dialect.text(rows)))
        self.total += len(rows)

    def close(self) -> None:
        self._file.flush()

    def page(self, start: int, count: int) -> bytes:
        """Rows from `start` on, at most `count`, under a header of their own."""
        end = min(start + count, self.total)
        first, last = start // SLICE, -(-end // SLICE)
        text = self._read(first, last)
        if start % SLICE or (end % SLICE and end != self.total):
            rows = self.dialect.rows(text)
            text = self.dialect.text(rows[start - first * SLICE : end - first * SLICE])
        return self.head + text

    def _read(self, first: int, last: int) -> bytes:
        begin = self._starts[min(first, len(self._starts) - 1)]
        return os.pread(self._file.fileno(), self._starts[min(last, len(self._starts) - 1)] - begin, begin)
