"""SOQL, parsed into a syntax tree. Grammar: SOQL and SOSL Reference, "SOQL SELECT Syntax"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.salesforce.errors import malformed

TOKEN = re.compile(
    r"""\s+|(?P<string>'(?:\\.|[^'\\])*')
    |(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))|(?P<date>\d{4}-\d\d-\d\d(?![T\d]))
    |(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_.]*(?::\d+)?)|(?P<op><=|>=|!=|<>|[=<>(),])""",
    re.VERBOSE,
)
OPERATORS = {"=", "!=", "<>", "<", ">", "<=", ">="}


@dataclass(frozen=True, slots=True)
class Literal:
    """Literal; `kind`: string, number, date, datetime, boolean, null, or dateliteral (TODAY, LAST_N_DAYS:30)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    op: str  #: =, !=, <, >, <=, >=, like, in, not in
    values: tuple[Literal, ...]
    inner: "Query | None" = None  #: the subquery of a semi-join


@dataclass(frozen=True, slots=True)
class Logic:
    op: str  #: and, or, not
    parts: tuple["Node", ...]


Node = Compare | Logic


@dataclass(frozen=True, slots=True)
class Order:
    field: str
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    fields: tuple[str, ...]  #: COUNT() stands as "count()", COUNT(x) as "count(x)"
    aliases: tuple[str, ...]  #: one a field, empty for none
    entity: str
    where: Node | None = None
    group: tuple[str, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def parse(text: str) -> Query:
    """Parse a query into its tree; raises MALFORMED_QUERY."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise malformed(f"unexpected token: '{text[at]}'")
        if match.lastgroup:
            tokens.append((match.lastgroup, match.group()))
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self.tokens, self.at = tokens, 0

    # ---- reading tokens ----

    def peek(self, ahead: int = 0) -> tuple[str, str]:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else ("end", "<EOF>")

    def next(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def word(self, *words: str) -> bool:
        """Take these keywords if they come next."""
        if all(self.peek(i)[0] == "name" and self.peek(i)[1].upper() == w for i, w in enumerate(words)):
            self.at += len(words)
            return True
        return False

    def symbol(self, text: str) -> bool:
        if self.peek() == ("op", text):
            self.at += 1
            return True
        return False

    def need(self, present: bool, what: str) -> None:
        if not present:
            raise malformed(f"unexpected token: '{self.peek()[1]}', expected {what}")

    def name(self) -> str:
        kind, text = self.next()
        if kind != "name":
            raise malformed(f"unexpected token: '{text}'")
        return text

    # ---- the grammar ----

    def query(self) -> Query:
        statement = self.statement()
        if self.peek()[0] != "end":
            raise malformed(f"unexpected token: '{self.peek()[1]}'")
        return statement

    def statement(self) -> Query:
        self.need(self.word("SELECT"), "SELECT")
        fields, aliases = self.fields()
        self.need(self.word("FROM"), "FROM")
        entity = self.name()
        where = self.alternatives() if self.word("WHERE") else None
        group = self.names() if self.word("GROUP", "BY") else ()
        order = self.orders() if self.word("ORDER", "BY") else ()
        limit = self.whole() if self.word("LIMIT") else None
        offset = self.whole() if self.word("OFFSET") else 0
        if any(aliases) and not group and not any("(" in f for f in fields):
            raise malformed("only aggregate expressions use field aliasing")
        return Query(fields, aliases, entity, where, group, order, limit, offset or 0)

    def fields(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        pairs = [self.field()]
        while self.symbol(","):
            pairs.append(self.field())
        return tuple(f for f, _ in pairs), tuple(a for _, a in pairs)

    def field(self) -> tuple[str, str]:
        """Read a field, or a function of one, and its alias."""
        name = self.name()
        if self.symbol("("):
            inner = "" if self.peek() == ("op", ")") else self.name()
            self.need(self.symbol(")"), "')'")
            name = f"{name.lower()}({inner})"
        has_alias = self.peek()[0] == "name" and self.peek()[1].upper() != "FROM"
        return name, self.name() if has_alias else ""

    def names(self) -> tuple[str, ...]:
        names = [self.name()]
        while self.symbol(","):
            names.append(self.name())
        return tuple(names)

    def whole(self) -> int:
        kind, text = self.next()
        if kind != "number" or not text.isdigit():
            raise malformed(f"unexpected token: '{text}'")
        return int(text)

    def orders(self) -> tuple[Order, ...]:
        orders = [self.one_order()]
        while self.symbol(","):
            orders.append(self.one_order())
        return tuple(orders)

    def one_order(self) -> Order:
        field = self.name()
        descending = self.word("DESC") or (self.word("ASC") and False)
        if self.word("NULLS", "LAST"):
            return Order(field, descending, True)
        return Order(field, descending, self.word("NULLS", "FIRST") and False)

    def alternatives(self) -> Node:
        """Read AND or OR, which do not mix without parentheses in the real one either."""
        first = self.term()
        for op in ("AND", "OR"):
            parts = [first]
            while self.word(op):
                parts.append(self.term())
            if len(parts) > 1:
                if self.peek()[1].upper() in ("AND", "OR"):
                    raise malformed(f"unexpected token: {self.peek()[1]} (mixing AND and OR needs parentheses)")
                return Logic(op.lower(), tuple(parts))
        return first

    def term(self) -> Node:
        if self.word("NOT"):
            return Logic("not", (self.term(),))
        if self.symbol("("):
            inner = self.alternatives()
            self.need(self.symbol(")"), "')'")
            return inner
        return self.comparison()

    def comparison(self) -> Compare:
        field = self.name()
        if self.word("NOT", "IN"):
            return self.membership(field, "not in")
        if self.word("IN"):
            return self.membership(field, "in")
        if self.word("LIKE"):
            return Compare(field, "like", (self.literal(),))
        kind, op = self.next()
        if kind != "op" or op not in OPERATORS:
            raise malformed(f"unexpected token: '{op}'")
        return Compare(field, "!=" if op == "<>" else op, (self.literal(),))

    def membership(self, field: str, op: str) -> Compare:
        """Read a list of literals, or a semi-join: `AccountId IN (SELECT Id FROM Account ...)`."""
        self.need(self.symbol("("), "'('")
        if self.peek()[1].upper() != "SELECT":
            return Compare(field, op, self.listed())
        inner = self.statement()
        self.need(self.symbol(")"), "')'")
        if len(inner.fields) != 1 or inner.order or inner.limit is not None:
            raise malformed("a semi join sub-select selects one field, without ORDER BY and LIMIT")
        return Compare(field, op, (), inner)

    def listed(self) -> tuple[Literal, ...]:
        literals = [self.literal()]
        while self.symbol(","):
            literals.append(self.literal())
        self.need(self.symbol(")"), "')'")
        return tuple(literals)

    def literal(self) -> Literal:
        kind, text = self.next()
        if kind == "string":
            return Literal("string", ESCAPE.sub(_plain, text[1:-1]))
        if kind in ("number", "date", "datetime"):
            return Literal(kind, text)
        if kind == "name":
            upper = text.upper()
            if upper in ("TRUE", "FALSE"):
                return Literal("boolean", upper.lower())
            return Literal("null", "") if upper == "NULL" else Literal("dateliteral", upper)
        raise malformed(f"unexpected token: '{text}'")


ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")


def _plain(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else ESCAPES.get(escape[2], escape[2])
