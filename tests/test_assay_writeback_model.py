"""People edit, delete and merge, admins make rules and hide fields, nights run, break off and are taken back: the promises hold.

A Hypothesis state machine over a live sandbox; the invariants are those of docs/facts/running.md, "Tests". The truth is read from the
CRM by plain HTTP, never through our connectors.

    I1 only our fields change, no record comes or goes    I5 the same accounts here and there
    I2 in the end the CRM holds what the verdicts say      I6 the share of calls is never passed by one
    I3 nothing is written that is there already            I7 no secret in the database or in a message
    I4 what is acked is in the CRM                         I8 what is not as it should be is listed as refused
                                                           I9 an undo restores or lists
A Salesforce org is written to by collections in some examples and by bulk jobs in others.
The suite takes a few dozen steps; `make soak` some thousand (ASSAY_SOAK is the number of examples) and prints what was done.
"""

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
import stamina
from builders import portal
from dying import WRITES, Case, small_calls
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from shared import SOAK, migrated
from sqlalchemy import select

from assay import nightly
from assay.night import plan, undo, write
from assay.night.options import Bands, RunOptions
from assay.night.outcome import Outcome
from assay.night.progress import Quiet
from connectors import hubspot, salesforce
from connectors.hubspot import schema as portal_schema
from connectors.hubspot import write as portal_writing
from connectors.lost_answers import has_values
from connectors.salesforce import schema as org_schema
from connectors.salesforce import write as org_writing
from connectors.transport import Transport
from db import lease, tables
from db.api_calls import Calls
from db.ledger import Ledger
from db.store import Store
from sandbox import process, world
from scoring.records import WRITTEN
from scoring.rules import Rules

ACCOUNTS = 12
QUOTA = 100_000
#: moved by any save, ours included
STAMPS = {"SystemModstamp", "LastModifiedDate", "LastModifiedById", "hs_lastmodifieddate", "lastmodifieddate"}
which = st.integers(0, 10_000)


class Broken(BaseException):
    """The power is cut: nothing but `finally` runs."""


class Door:
    """The CRM as people, admins and an auditor see it."""

    crm = ""
    names: ClassVar[dict[str, str]] = {}

    def __init__(self, line: dict[str, Any]) -> None:
        self.line = line
        self.http = httpx.Client(base_url=line["url"], timeout=60, headers={"Authorization": f"Bearer {self.token()}"})

    def token(self) -> str:
        raise NotImplementedError

    def edit(self, **change: Any) -> Any:
        reply = self.http.post("/_sandbox/edit", json=change)
        assert reply.status_code == 200, reply.text
        return reply.json()[0]

    def control(self, name: str, body: Any) -> Any:
        reply = self.http.post(f"/_sandbox/{name}", json=body)
        return reply.raise_for_status().json()

    def writes(self) -> int:
        """Rows of write requests in the log; the log is emptied."""
        heard = [json.loads(x) for x in self.http.get("/_sandbox/log").text.splitlines()]
        self.http.request("DELETE", "/_sandbox/log")
        return sum(max(h["rows"], 1) for h in heard if h["method"] in ("PATCH", "POST", "PUT") and WRITES.search(h["path"]))

    def ours(self, record: dict[str, str | None]) -> dict[str, Any]:
        """Our fields of an account, as the comparison sees them."""
        columns = {name: [record.get(name) or ""] for name in self.names.values()}
        module = portal_schema if self.crm == "hubspot" else org_schema
        found: dict[str, Any] = json.loads(module.read(columns, 1)[0])
        return found

    def foreign(self, record: dict[str, str | None]) -> dict[str, Any]:
        """What a night may not touch, people's answers included."""
        mine = {self.names[m] for m in WRITTEN} | STAMPS
        return {k: v for k, v in record.items() if k not in mine}


class OrgDoor(Door):
    crm, names = "salesforce", org_schema.NAMES

    def token(self) -> str:
        return str(self.line["access_token"])

    def truth(self) -> dict[str, dict[str, Any]]:
        """All accounts that are not deleted."""
        described = self.http.get("/services/data/v68.0/sobjects/Account/describe").json()["fields"]
        query = f"SELECT {', '.join(f['name'] for f in described)} FROM Account"  # noqa: S608 our own names
        rows = self.http.get("/services/data/v68.0/query", params={"q": query}).json()["records"]
        return {r["Id"]: {k: None if v is None else _text(v) for k, v in r.items() if k != "attributes"} for r in rows}

    def set(self, account: str, values: dict[str, Any]) -> None:
        self.edit(op="update", object="Account", id=account, values=values)

    def meet(self, account: str, hours: int, at: str) -> None:
        self.edit(op="create", object="Event", values={"WhatId": account, "AccountId": account, "OwnerId": self.owner(account),
                  "StartDateTime": at, "EndDateTime": at, "DurationInMinutes": str(60 * hours), "ActivityDateTime": at,
                  "Subject": "Visit", "IsDeleted": "false", "CreatedDate": at})  # fmt: skip

    def owner(self, account: str) -> str:
        return str(self.truth()[account]["OwnerId"])

    def delete(self, account: str) -> None:
        self.edit(op="delete", object="Account", id=account)

    def merge(self, winner: str, loser: str) -> None:
        self.edit(op="merge", object="Account", winner=winner, loser=loser)

    def refuse(self, account: str, kind: int) -> None:
        code, times = [("FIELD_CUSTOM_VALIDATION_EXCEPTION", 1), ("UNABLE_TO_LOCK_ROW", 2), ("UNABLE_TO_LOCK_ROW", 4),
                       ("CANNOT_EXECUTE_FLOW_TRIGGER", 2)][kind % 4]  # fmt: skip
        self.edit(op="rule", object="Account", id=account, code=code, message="an admin's words", times=times)

    def forgive(self) -> None:
        """The rules clear by themselves after some tries."""

    @contextmanager
    def hidden(self, meaning: str) -> Iterator[None]:
        self.edit(op="hide", field=f"Account.{self.names[meaning]}")
        yield
        self.edit(op="show", field=f"Account.{self.names[meaning]}")


class PortalDoor(Door):
    crm, names = "hubspot", portal_schema.NAMES

    def token(self) -> str:
        return str(self.line["token"])

    def truth(self) -> dict[str, dict[str, Any]]:
        base = "/crm/objects/2026-09/companies"
        known = [p["name"] for p in self.http.get("/crm/properties/2026-09/companies").json()["results"]]
        mine = {*self.names.values(), "name", "industry", "phone", "numberofemployees", "hubspot_owner_id", "domain"}
        asked = ",".join(n for n in known if n in mine)
        rows = self.http.get(base, params={"limit": "100", "properties": asked}).json()["results"]
        return {r["id"]: dict(r["properties"]) for r in rows}

    def set(self, account: str, values: dict[str, Any]) -> None:
        self.edit(op="update", object="companies", id=account, values={k: "" if v is None else v for k, v in values.items()})

    def meet(self, account: str, hours: int, at: str) -> None:
        end = at.replace("T08", f"T{8 + hours:02}")
        made = self.edit(op="create", object="meetings", values={"hs_timestamp": at, "hs_meeting_start_time": at,
                         "hs_meeting_end_time": end, "hubspot_owner_id": "71"})["id"]  # fmt: skip
        self.edit(op="associate", from_type="meetings", from_id=made, to_type="companies", to_id=account)

    def delete(self, account: str) -> None:
        self.edit(op="archive", object="companies", id=account)

    def merge(self, winner: str, loser: str) -> None:
        self.edit(op="merge", object="companies", winner=winner, loser=loser)

    def refuse(self, account: str, kind: int) -> None:
        """An admin's rule that this company does not fulfil."""
        del kind
        self.set(account, {"industry": "Blocked"})
        self.edit(
            op="rule", object="companies", require=["phone"], message="an admin's words", **{"if": {"industry": "Blocked"}}
        )

    def forgive(self) -> None:
        for account, held in self.truth().items():
            if held.get("industry") == "Blocked":
                self.set(account, {"industry": "Steel"})

    @contextmanager
    def hidden(self, meaning: str) -> Iterator[None]:
        self.edit(op="property", object="companies", name=self.names[meaning], archived=True)
        yield
        self.edit(op="property", object="companies", name=self.names[meaning], archived=False)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def step(**drawn: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A rule whose steps are counted."""

    def made(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def counted(machine: "Writeback", **values: Any) -> None:
            machine.steps[function.__name__] += 1
            function(machine, **values)

        return rule(**drawn)(counted)

    return made


class Writeback(RuleBasedStateMachine):
    """One org, one database, and everything that may happen to them."""

    door: ClassVar[Any]
    home: ClassVar[Path]
    steps: ClassVar[Counter[str]]  #: rule -> how often it was taken
    proven: ClassVar[Counter[str]]  #: promise -> how often it was looked at
    did: ClassVar[Counter[str]]  #: examples, nights by their outcome

    @initialize(bulk=st.booleans())
    def begin(self, bulk: bool) -> None:
        self.did["examples"] += 1
        self.door.control("reset", None)
        self.door.control("faults", [])
        file = self.home / f"{self.did['examples']}.db"
        self.case = Case(self.door.crm, self.door.line, f"sqlite:///{file}", bulk)
        small_calls(self.case)
        admin = (hubspot.HubSpotAdmin if self.door.crm == "hubspot" else salesforce.SalesforceAdmin)(self.case.open())
        admin.apply()
        admin.close()
        self.engine = migrated(self.case.database)
        self.store = Store(self.engine)
        self.said: list[str] = []
        self.hour = 0
        self._run()

    # ---- people and admins ------------------------------------------------------------------------------------------

    def pick(self, n: int) -> str:
        ids = sorted(self.door.truth())
        return str(ids[n % len(ids)])

    @step(n=which, meaning=st.sampled_from(["grade", "hours", "state", "next_step"]), empty=st.booleans())
    def person_changes_our_field(self, n: int, meaning: str, empty: bool) -> None:
        value = {"grade": "?", "hours": "77", "state": "Balanced", "next_step": "Call them."}[meaning]
        self.door.set(self.pick(n), {self.door.names[meaning]: None if empty else value})

    @step(n=which)
    def person_answers(self, n: int) -> None:
        self.door.set(self.pick(n), {self.door.names["answer"]: "Disagree"})

    @step(n=which, hours=st.integers(1, 9), ago=st.integers(1, 20))
    def person_meets(self, n: int, hours: int, ago: int) -> None:
        self.door.meet(self.pick(n), hours, f"2026-05-{ago + 5:02}T08:00:00Z")

    @step(n=which)
    def person_deletes(self, n: int) -> None:
        if len(self.door.truth()) > 6:
            self.door.delete(self.pick(n))

    @step(n=which)
    def person_merges(self, n: int) -> None:
        if len(self.door.truth()) > 6:
            self.door.merge(self.pick(n), self.pick(n + 1))

    @step(n=which, kind=st.integers(0, 3))
    def admin_makes_a_rule(self, n: int, kind: int) -> None:
        self.door.refuse(self.pick(n), kind)

    @step()
    def admin_mends_the_rules(self) -> None:
        self.door.forgive()

    @step(hours=st.integers(1, 100))
    def time_passes(self, hours: int) -> None:
        self.door.control("clock", {"advance": 3600 * hours})

    # ---- nights -----------------------------------------------------------------------------------------------------

    @step(allow=st.booleans())
    def night(self, allow: bool) -> None:
        held = self.org().hold
        out = self._run(allow=("undo-hold",) if allow else ())
        if held and not allow:
            assert (out.outcome, out.acked) == ("stopped", 0)
        else:
            assert out.outcome in ("done", "rejected"), out.message
            self.whole(out)

    @step(meaning=st.sampled_from(["hours", "state", "reason"]))
    def night_without_a_field(self, meaning: str) -> None:
        with self.door.hidden(meaning):
            out = self._run(allow=("undo-hold",), look=False)
        assert out.acked == 0

    @step(step=st.integers(1, 9))
    def night_breaks_off(self, step: int) -> None:
        with breaking(step), pytest.raises(Broken):
            self._run(allow=("undo-hold",))
            raise Broken  # there was nothing to write, and so no step at which it could break

    @step(nth=st.integers(1, 3), action=st.sampled_from(["lose", "cut", "truncate", "status"]))
    def night_on_a_bad_line(self, nth: int, action: str) -> None:
        self.door.control("faults", [{"path": WRITES.pattern, "nth": nth, "action": action}])
        out = self._run(allow=("undo-hold",))
        self.door.control("faults", [])
        assert out.outcome in ("done", "rejected"), out.message
        self.whole(out)

    @step(calls=st.integers(0, 60))
    def night_of_few_calls(self, calls: int) -> None:
        """I6."""
        self.proven["I6"] += 1
        spent, _ = Calls(self.engine, self.door.crm).spent(int(self.now()))
        most = spent + calls
        out = self._run(allow=("undo-hold",), share=most / self.limit())
        assert out.outcome in ("done", "rejected", "quota"), out.message
        assert out.calls <= calls

    @precondition(lambda self: self.written())
    @step(n=which)
    def admin_takes_a_run_back(self, n: int) -> None:
        """I9."""
        self.proven["I9"] += 1
        run = self.written()[n % len(self.written())]
        before = self.door.truth()
        entries = Ledger(self.engine, self.org().id).of_run(run)
        crm = self.case.open()
        with lease.held(self.engine, lease.NIGHT) as held:
            found = undo.run(crm, self.store, self.org(), held, run, yes=True)
        crm.close()
        after = self.door.truth()
        self.foreign_is_untouched(before, after)
        left = {(x.account_id, x.field) for x in found.left}
        refused = {e.account_id for e in Ledger(self.engine, self.org().id).rejected(found.by)}
        for e in entries:
            now = self.door.ours(after[e.account_id]) if e.account_id in after else None
            for meaning in e.new:
                restored = now is not None and now.get(meaning) == e.old.get(meaning)
                assert restored or (e.account_id, meaning) in left or e.account_id in refused
        for account, meaning in left:
            if account in after:  # what is listed is not touched
                assert self.door.ours(after[account]).get(meaning) == self.door.ours(before[account]).get(meaning)
        assert self.org().hold

    # ---- what always holds ------------------------------------------------------------------------------------------

    def _run(self, allow: tuple[str, ...] = (), share: float = 1.0, *, look: bool = True) -> Outcome:
        before = self.door.truth() if look else {}
        self.door.writes()
        crm = self.case.open()
        crm.budget.share = share
        crm.budget.meter = Calls(self.engine, crm.name)
        crm.budget.stop = 1.0
        crm.budget.clock = self.now
        orders = RunOptions(Rules(), write=True, force=True, replay_nights=0, allow=allow)
        self.did["nights broken off"] += 1
        try:
            with lease.held(self.engine, lease.NIGHT) as held:
                [out] = nightly.run([crm], self.store, held, orders, Quiet())
        finally:
            crm.budget.close()
            crm.close()
            if look:
                self.foreign_is_untouched(before, self.door.truth())
        self.did.update(
            {"nights broken off": -1, f"nights {out.outcome}": 1, "rows acked": out.acked, "rows rejected": out.rejected}
        )
        self.said += [out.message, *out.notes]
        if look:
            self.acked_is_visible(out)
        return out

    def foreign_is_untouched(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        """I1."""
        self.proven["I1"] += 1
        assert before.keys() == after.keys()
        assert [self.door.foreign(r) for r in before.values()] == [self.door.foreign(after[i]) for i in before]

    def acked_is_visible(self, out: Outcome) -> None:
        """I4; and what this run was refused is listed (I8)."""
        self.proven["I4"] += 1
        truth, ledger = self.door.truth(), Ledger(self.engine, self.org().id)
        for e in ledger.of_run(out.run):
            assert has_values(self.door.ours(truth[e.account_id]), e.new)
        assert {e.account_id for e in ledger.rejected(out.run)} <= {e.account_id for e in ledger.rejected()}
        assert len(ledger.rejected(out.run)) == out.rejected

    def whole(self, out: Outcome) -> None:
        """After a night that came to its end: nothing is open, the accounts are the same (I5), the rest is listed (I8)."""
        self.proven.update(["I5", "I8"])
        truth, ledger = self.door.truth(), Ledger(self.engine, self.org().id)
        assert ledger.open() == []
        with self.engine.connect() as c:
            alive = select(tables.account.c.id).where(tables.account.c.deleted.is_(False))
            assert set(c.execute(alive).scalars()) == truth.keys()
        assert self.store.ours(self.org().id) == {i: self.door.ours(r) for i, r in truth.items()}
        assert {u.account_id for u in self.wanted(truth)} <= {e.account_id for e in ledger.rejected()}

    def wanted(self, truth: dict[str, Any]) -> tuple[Any, ...]:
        """What would have to be written, judged by what the CRM really holds."""
        org = self.org()
        money = plan.Money(org.currency, self.store.rates(org.id), self.store.currencies(org.id), org.currency)
        held = {i: self.door.ours(r) for i, r in truth.items()}
        return plan.plan(self.store.verdicts(org.id), held, money, Bands()).updates

    def org(self) -> Any:
        return self.store.orgs()[0]

    def now(self) -> float:
        """The CRM's clock."""
        return datetime.fromisoformat(self.door.control("clock", {})["now"]).timestamp()

    def limit(self) -> int:
        return Calls(self.engine, self.door.crm).spent()[1] or QUOTA

    def written(self) -> list[int]:
        with self.engine.connect() as c:
            query = select(tables.ledger.c.run).where(tables.ledger.c.status == "acked").distinct()
            return sorted(c.execute(query).scalars())

    def teardown(self) -> None:
        """The quiet after the storm: I2, I3 and I7."""
        if not hasattr(self, "engine"):
            return
        self.proven.update(["I2", "I3", "I7"])
        self.door.control("faults", [])
        self.door.forgive()
        for _ in range(8):
            Ledger(self.engine, self.org().id).retry()
            if self._run(allow=("undo-hold",)).outcome == "done":
                break
        assert self.wanted(self.door.truth()) == ()
        self.door.writes()
        assert self._run().acked == 0
        assert self.door.writes() == 0
        secrets = [
            v for k, v in self.door.line.items() if k in ("access_token", "client_secret", "token", "refresh_token") and v
        ]
        self.engine.dispose()
        kept = Path(self.case.database.removeprefix("sqlite:///")).read_bytes() + "\n".join(self.said).encode()
        assert not any(secret.encode() in kept for secret in secrets)
        assert b"PRIVATE KEY" not in kept


@contextmanager
def breaking(at: int) -> Iterator[None]:
    """Cut the power at a step of the write protocol: before or after a commit, or around a call that writes."""
    count = 0

    def watched(method: Callable[..., Any], wanted: Callable[..., bool]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            if not wanted(*args):
                return method(*args, **kwargs)
            for part in (lambda: None, lambda: method(*args, **kwargs)):
                result = part()
                count += 1
                if count == at:
                    raise Broken
            return result

        return step

    with pytest.MonkeyPatch.context() as patch:
        for name in ("plan", "sending", "settle"):
            patch.setattr(Ledger, name, watched(getattr(Ledger, name), lambda *_: True))
        patch.setattr(Transport, "_once", watched(Transport._once, lambda _s, _m, url, *_: bool(WRITES.search(url))))
        yield


@pytest.fixture(scope="module", params=["salesforce", "hubspot"])
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("world")
    if request.param == "salesforce":
        world.generate(folder, seed=7, accounts=ACCOUNTS, reps=2)
    else:
        portal(folder, ACCOUNTS)
    with process.running(folder) as ready:
        made = (OrgDoor if request.param == "salesforce" else PortalDoor)(ready[request.param])
        yield made
        made.http.close()


@pytest.mark.sampled
def test_the_promises_hold_whatever_happens(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "USUAL", 0)  # a dozen accounts of which half are deleted are no usual firm
    for module, name in ((org_writing, "CALL"), (org_writing, "SMALL"), (portal_writing, "PAGE")):
        monkeypatch.setattr(module, name, getattr(module, name))  # each example sets its own
    counts: dict[str, Counter[str]] = {"did": Counter(), "steps": Counter(), "proven": Counter()}
    machine = type("Machine", (Writeback,), {"door": door, "home": tmp_path, **counts})
    examples, steps = (SOAK, 100) if SOAK else (3, 12)
    wanted = settings(max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=not SOAK, database=None,
                      phases=(Phase.generate,),
                      suppress_health_check=list(HealthCheck))  # fmt: skip
    with stamina.set_testing(True, attempts=3):
        run_state_machine_as_test(machine, settings=wanted)
    print(f"{door.crm}: {counts['steps'].total()} steps")  # noqa: T201 `pytest -s` shows it
    for name, found in counts.items():
        print(f"  {name}: " + ", ".join(f"{k} {n}" for k, n in sorted(found.items())))  # noqa: T201
