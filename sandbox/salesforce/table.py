"""The records of one object, in memory: one list of values a record, texts in canonical form (dates sort as text)."""

from collections.abc import Iterable
from typing import Any

from sandbox.salesforce import schema
from sandbox.salesforce.schema import Field

Row = list[Any]

#: objects of the Tooling API: not part of the data, nor of describe
TOOLING = {
    "CustomField": ("Id", "DeveloperName", "TableEnumOrId"),
    "EntityDefinition": ("Id", "DurableId", "QualifiedApiName", "Label", "KeyPrefix"),
    "MetadataComponentDependency": ("Id", "RefMetadataComponentId", "MetadataComponentName", "MetadataComponentType"),
}


class Table:
    """Records of one object.

    A row holds the columns that have data; two first cells stand for all others: null, and false for booleans. `place`
    gives a column cells of its own before it is written.
    """

    def __init__(self, name: str, fields: dict[str, Field], stored: Iterable[str] = ()) -> None:
        self.name, self.fields = name, fields
        self.at = {n: int(f.type == "boolean") for n, f in fields.items()}
        self.at |= {n: i for i, n in enumerate(dict.fromkeys(("Id", *stored)), start=2)}
        self.width = 2 + len({"Id", *stored})
        self.lower = {f.lower(): f for f in fields}
        self.rows: list[Row] = []
        self.by_id: dict[str, Row] = {}

    def add(self, values: dict[str, Any]) -> Row:
        """Append a record; booleans without a value are false."""
        places = {self.place(n): v for n, v in values.items() if v is not None and n in self.fields}
        row: Row = [None, "false", *([None] * (self.width - 2))]
        for name, at in self.at.items():
            if at > 1 and self.fields[name].type == "boolean":
                row[at] = "false"
        for at, value in places.items():
            row[at] = value
        self.rows.append(row)
        self.by_id[row[self.at["Id"]]] = row
        return row

    def place(self, field: str) -> int:
        """Return the cell where a column may be written."""
        if self.at[field] < 2:
            blank = "false" if self.fields[field].type == "boolean" else None
            self.at[field], self.width = self.width, self.width + 1
            for row in self.rows:
                row.append(blank)
        return self.at[field]

    def holds(self, field: str) -> bool:
        """Tell whether the column has data."""
        return self.at.get(field, 0) > 1

    def add_field(self, field: Field) -> None:
        """Add a column, empty in every record."""
        self.at[field.name] = int(field.type == "boolean")
        self.fields[field.name] = field
        self.lower[field.name.lower()] = field.name

    def drop_field(self, name: str) -> None:
        """Remove a column; its cells stay, unreachable."""
        del self.fields[name], self.at[name], self.lower[name.lower()]

    def get(self, row: Row, field: str) -> Any:
        return row[self.at[field]] if field in self.at else None

    def set(self, row: Row, values: dict[str, Any]) -> None:
        for name, value in values.items():
            row[self.place(name)] = value

    def find(self, record_id: str) -> Row | None:
        """Find a record by the 18-character id, or its first 15 characters."""
        return self.by_id.get(record_id) or (self.by_id.get(schema.id18(record_id)) if len(record_id) == 15 else None)

    def remove(self, record_id: str) -> None:
        removed = self.by_id.pop(record_id)
        self.rows = [row for row in self.rows if row is not removed]
