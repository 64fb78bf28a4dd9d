"""What can be wrong with a CRM: clock, login, org, permissions, records, fields, quota, coverage."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from assay.commands.doctor.finding import Check, Finding
from assay.night.stops import Limits
from connectors.diagnosis import KINDS, Diagnosis, Identity, Trouble
from connectors.vendor import QUOTA_STOP, Vendor
from db.store import Org

#: seconds a clock may be off, as rule clock-skew has it, and where it is grave: a JWT is good for three minutes
SKEW_SECONDS, SKEW_GRAVE = Limits().skew_seconds, 120
#: share of the day's calls that others may have used before it is told, and at which Assay stops itself
BUSY, STOP = 0.60, QUOTA_STOP


class CrmChecks:
    """One configured CRM; it is opened by the first check that needs it."""

    def __init__(
        self,
        vendor: Vendor,
        open_: Callable[[], Diagnosis],
        pinned: Callable[[], Org | None],
        share: float,
        window_days: int,
        *,
        scoped: bool = False,
        alone: bool = True,
    ) -> None:
        self.vendor, self.name, self.open, self.pinned, self.share = vendor, vendor.name, open_, pinned, share
        self.window_days, self.scoped, self.alone = window_days, scoped, alone
        self._diagnosis: Diagnosis | None = None

    @property
    def diagnosis(self) -> Diagnosis:
        if self._diagnosis is None:
            self._diagnosis = self.open()
        return self._diagnosis

    def close(self) -> None:
        if self._diagnosis is not None:
            self._diagnosis.close()

    def checks(self) -> list[Check]:
        """In the order in which one rests on the other."""
        return [
            self._check("clock", self.clock, "config", "secrets"),
            self._check("login", self.login, "clock"),
            self._check("org", self.org, "login"),
            self._check("permissions", self.permissions, "org"),
            self._check("records", self.records, "permissions"),
            *([self._check("scope", self.scope, "permissions")] if self.scoped else []),
            self._check("fields", self.fields, "permissions"),
            self._check("quota", self.quota, "permissions"),
            self._check("coverage", self.coverage, "permissions"),
        ]

    def _check(self, word: str, run: Callable[[], Iterable[Finding]], *needs: str) -> Check:
        own = tuple(n if n == "config" else self._named(n) for n in needs)
        link = "docs/scope.md" if word == "scope" else f"{self.vendor.guide}#{self.vendor.anchors[word]}"
        return Check(self._named(word), link, run, own)

    def _named(self, word: str) -> str:
        return f"{self.name} {word}"

    def _findings(self, word: str, troubles: Sequence[Trouble], good: str) -> list[Finding]:
        findings = [Finding(self._named(word), "failure" if t.grave else "warning", t.what, t.fix) for t in troubles]
        return findings or [Finding(self._named(word), "ok", good)]

    def permissions(self) -> list[Finding]:
        return self._findings("permissions", self.diagnosis.permissions(), "all that is needed")

    def records(self) -> list[Finding]:
        return self._findings("records", self.diagnosis.records(), "all are in reach")

    def fields(self) -> list[Finding]:
        return self._findings("fields", self.diagnosis.fields(), "as they should be")

    def clock(self) -> list[Finding]:
        skew = self.diagnosis.clock()
        if skew is None or abs(skew) <= SKEW_SECONDS:
            return [Finding(self._named("clock"), "ok", "nothing depends on it" if skew is None else f"{abs(skew)} s apart")]
        side = "ahead of" if skew > 0 else "behind"
        return [
            Finding(
                self._named("clock"),
                "failure" if abs(skew) > SKEW_GRAVE else "warning",
                f"this machine's clock is {abs(skew)} s {side} the login server's",
                "set the clock (NTP)",
            )
        ]

    def login(self) -> list[Finding]:
        self.diagnosis.login()
        return [Finding(self._named("login"), "ok", "accepted")]

    def org(self) -> list[Finding]:
        """Another org, or a sandbox copy with the same record ids, must not be written to unseen."""
        me, pinned = self.diagnosis.identity(), self.pinned()
        kind = "a test org" if me.sandbox else "production"
        seen = f"{me.name} ({me.org_id}, {kind}) as {me.user}"
        for fault in _differs(me, pinned):
            return [
                Finding(
                    self._named("org"), "failure", fault, "correct the login, or use another [database] url for another org"
                )
            ]
        return [Finding(self._named("org"), "ok", seen, facts={"org_id": me.org_id, "sandbox": me.sandbox, "user": me.user})]

    def scope(self) -> list[Finding]:
        """A name that the only CRM lacks ends a night; with two CRMs the other may know it."""
        fix = "correct the name in [scope], or give the user read access to the field"
        there = "" if self.alone else "; there it includes and excludes nothing"
        troubles = [
            Trouble(f"[scope] {n}: {why}{there}", fix, grave=self.alone) for n, why in self.diagnosis.scope().items()
        ]
        return self._findings("scope", troubles, "every field that [scope] names is there")

    def quota(self) -> Iterator[Finding]:
        q = self.diagnosis.quota()
        night = f"a first night takes about {q.first_night} calls, a later one about {q.later_night}"
        facts = {"used": q.used, "allowed": q.allowed, "first_night": q.first_night, "later_night": q.later_night}
        name = self._named("quota")
        if not q.allowed or q.used is None:
            yield Finding(name, "ok", f"the CRM does not say how much is used; {night}", facts=facts)
            return
        seen = f"{q.used} of {q.allowed} daily calls are used by everybody; {night}"
        own = int(self.share * q.allowed)
        if q.used >= STOP * q.allowed:
            yield Finding(
                name,
                "failure",
                f"{seen}; Assay stops at {STOP:.0%}",
                "see who else uses the API, or run at another hour",
                facts=facts,
            )
        elif q.later_night > own:
            yield Finding(name, "failure", f"{seen}; Assay's share of {own} is less", "raise quota_share", facts=facts)
        elif q.used >= BUSY * q.allowed or q.first_night > own:
            why = (
                f"the first night will take several runs with a share of {own}"
                if q.first_night > own
                else "others use much of the day"
            )
            yield Finding(
                name, "warning", f"{seen}; {why}", "raise quota_share, or let it go on the next night", facts=facts
            )
        else:
            yield Finding(name, "ok", seen, facts=facts)

    def coverage(self) -> list[Finding]:
        """Silence in the CRM is not silence towards customers."""
        logged, days = dict(self.diagnosis.coverage(self.window_days)), self.window_days
        name, counts = self._named("coverage"), ", ".join(f"{n:,} {kind}" for kind, n in logged.items())
        if not any(logged.values()):
            cause = f"no activity in {days} days: there is no selling time to weigh"
            fix = "let calls, meetings and e-mails be logged in the CRM first; or check private activities"
            return [Finding(name, "failure", cause, fix, facts=logged)]
        silent = [kind for kind in KINDS[:3] if not logged.get(kind)]
        if silent:
            cause = f"{counts}; no {' and no '.join(silent)}: unknown, not zero, if a tool captures them outside the CRM"
            return [
                Finding(name, "warning", cause, "let that tool log its activities in the CRM, see the guide", facts=logged)
            ]
        return [Finding(name, "ok", f"{counts} in {days} days", facts=logged)]


def _differs(me: Identity, pinned: Org | None) -> Iterator[str]:
    if pinned is not None and pinned.external_id != me.org_id:
        yield f"this is org {me.org_id}, but the database holds data of {pinned.external_id}"
    elif pinned is not None and pinned.sandbox != me.sandbox:
        now, then = ("a test org", "production") if me.sandbox else ("production", "a test org")
        yield f"org {me.org_id} says that it is {now}, it was {then}"
