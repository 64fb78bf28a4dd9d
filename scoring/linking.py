"""Which accounts two CRMs both know. Pure (docs/adr/0010)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: a domain that everybody has says nothing about a company
FREE_MAIL = frozenset(
    """
    gmail.com googlemail.com outlook.com hotmail.com hotmail.co.uk hotmail.fr live.com msn.com yahoo.com yahoo.co.uk yahoo.de
    yahoo.fr ymail.com icloud.com me.com mac.com aol.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de mail.com
    mail.ru yandex.ru qq.com 163.com 126.com proton.me protonmail.com zoho.com orange.fr free.fr laposte.net wanadoo.fr
    libero.it btinternet.com comcast.net verizon.net
    """.split()  # noqa: SIM905 a list of sixty strings is no easier to read
)
#: a Salesforce id is written with 15 or 18 characters, the first 15 of which are the same
STEM = 15


@dataclass(frozen=True, slots=True)
class Known:
    """What a CRM says of an account."""

    id: str
    name: str
    domain: str | None
    foreign_id: str | None


@dataclass(frozen=True, slots=True)
class Links:
    """Accounts of the second CRM with their like in the first, and those that might have one."""

    to: Mapping[str, tuple[str, str]]  #: second's id -> (first's id, why: "id" or "domain")
    doubtful: tuple[str, ...]  #: one sentence each


def links(first: Sequence[Known], second: Sequence[Known]) -> Links:
    """Link by the id that the second CRM holds, else by a domain that is unique on both sides and nobody's free mail.

    One account of the first CRM gets at most one of the second: of several, none is taken, and all are told.
    """
    by_stem = {a.id[:STEM]: a.id for a in first}
    by_id = {b.id: (by_stem[b.foreign_id[:STEM]], "id") for b in second if b.foreign_id and b.foreign_id[:STEM] in by_stem}
    linked = {to for to, _ in by_id.values()}
    unlinked = [a for a in first if a.id not in linked], [b for b in second if b.id not in by_id]
    by_domain, doubtful = _by_domain(*unlinked)
    many = {to for to, count in Counter(to for to, _ in by_id.values()).items() if count > 1}
    names = {a.id: a.name for a in first}
    doubtful += [f"several accounts name {names[to]} ({to}) as theirs" for to in sorted(many)]
    return Links({i: x for i, x in by_id.items() if x[0] not in many} | by_domain, tuple(doubtful))


def _by_domain(first: Sequence[Known], second: Sequence[Known]) -> tuple[dict[str, tuple[str, str]], list[str]]:
    mine, theirs = _domains(first), _domains(second)
    linked, doubtful = {}, []
    for domain in sorted(mine.keys() & theirs.keys()):
        a, b = mine[domain], theirs[domain]
        if domain in FREE_MAIL:
            doubtful.append(f"{domain} is a mail provider: {a[0].name} and {b[0].name} are not linked")
        elif len(a) > 1 or len(b) > 1:
            doubtful.append(f"{domain} belongs to {len(a)} and {len(b)} accounts, for instance {a[0].name} and {b[0].name}")
        else:
            linked[b[0].id] = (a[0].id, "domain")
    return linked, doubtful


def _domains(accounts: Sequence[Known]) -> dict[str, list[Known]]:
    by_domain: dict[str, list[Known]] = {}
    for account in sorted(accounts, key=lambda a: a.id):
        if account.domain:
            by_domain.setdefault(account.domain, []).append(account)
    return by_domain
