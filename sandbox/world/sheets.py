"""One open CSV an object or type, and the times that go into them."""

import csv
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO


class Sheets:
    """Open CSV files, named like their objects."""

    def __init__(self, folder: Path, now: datetime, headers: Mapping[str, str]) -> None:
        self.now = now
        folder.mkdir(parents=True, exist_ok=True)
        self.files: dict[str, TextIO] = {}
        self.rows: dict[str, Any] = {}
        self.columns = {name: header.split(",") for name, header in headers.items()}
        for name, columns in self.columns.items():
            self.files[name] = (folder / f"{name}.csv").open("w", newline="", encoding="utf-8")
            self.rows[name] = csv.writer(self.files[name], lineterminator="\n")
            self.rows[name].writerow(columns)

    def put(self, name: str, values: Mapping[str, object]) -> None:
        """Write a row; columns without a value are empty."""
        self.rows[name].writerow([values.get(c, "") for c in self.columns[name]])

    def stamp(self, ago: float) -> str:
        """Return the moment so many days before the org's now."""
        return (self.now - timedelta(days=ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def close(self) -> None:
        for file in self.files.values():
            file.close()
