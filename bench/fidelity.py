"""Whether the sentences are true: every number counted again, and what happens when what they tell of is taken away or added.

    python bench/fidelity.py                          the recorded worlds, at least 2,000 explanations
    python bench/fidelity.py --worlds clean:1 --deletions 10 --additions 10

Each world is judged by a whole night through the CRM's API (`score_world.judge`). Then, on a copy of its database:

- recomputation: what `fidelity_records.Recount` counts is what the sentence says, after the same rounding;
- deletion: the largest records of a comfort zone go, one by one, until the entry rule lets go of it;
- addition: the one event that a reason misses is added; the reason goes and p_shallow falls.

One file for the three, because they read the same sentences and the same copy; hence its length.
"""

import argparse
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

from fidelity_records import DAY, Recount, Row, summed
from sqlalchemy import Executable, delete, insert, update

from assay.night.judge import judged
from assay.night.learn import learned
from db import tables as t
from db.account_records import one_account
from db.engine import open_database
from db.firm import Firm
from db.store import Store
from scoring.explain import Sentences
from scoring.facts.features import treatment
from scoring.facts.minutes.chain import counted
from scoring.facts.steps import Steps
from scoring.judge import Judgement
from scoring.records import COMFORT, Score
from scoring.rules import Rules
from scoring.state import advance

RULES = Rules()
RECORDED = "clean:1,uneven:1,duplicated:1,messy:1,thin:1,hunter:1"
ACCOUNTS, NIGHTS = 400, 5
#: accounts a world of which the records that `assay explain` lists are summed
LISTED = 40

# ---- what a sentence says -------------------------------------------------------------------------------------------

SENTENCES = {
    "T1": r"(?P<hours>[\d.]+) h in (?P<window>\d+) days; its share of the book is (?P<fair>[\d.]+) h\.",
    "P1": r"Potential (?P<potential>\S+) (?P<currency>\w+) \((?:range (?P<low>[^-]+)-(?P<high>\S+)|as corrected by a person)\), "
          r"(?P<trailing>\S+) in the last 12 months\.",
    "P3": r"No open opportunity(?P<no_offers>)\.",
    "D1": r"No new person(?P<no_people>) met in (?P<window>\d+) days\.",
    "N1": r"No product it does not own(?P<no_families>) presented in (?P<window>\d+) days\.",
    "C1": r"No decision(?P<no_asks>) asked for in (?P<window>\d+) days, none(?P<no_resolutions>) reached in (?P<decided>\d+)\.",
    "C2": r'"(?P<offer>.*)" open (?P<age>\d+) days?, close date moved (?P<pushes>\d+) times\.',
    "D3": r"(?P<events>\d+) new .+ in (?P<hours>[\d.]+) h; accounts of its size with as much time have (?P<peers>[\d.]+)\.",
    "G1": r"It moves: (?:(?P<people>\d+) new (?:person|people)(?:, |\.))?(?:(?P<families>\d+) new product famil(?:y|ies)(?:, |\.))?"
          r"(?:(?P<decisions>\d+) decisions? asked for or reached\.)?(?P<steady>steady orders\.)?",
    "Q1": r"(?:Not judged: (?P<a_day>\d+) selling minutes? a working day logged in this book\."
          r"|Provisional: this book logs (?P<logging>\d+)% of what colleagues log\.)",
    "Q2": r"Not judged: (?P<activities>\d+) activit(?:y|ies) and (?P<hours>[\d.]+) h in (?P<window>\d+) days\.",
    "Q3": r"Not judged: the account is (?P<account_age>\d+) days? old\.",
    "Q4": r"Not judged: the owner changed (?P<held>\d+) days? ago\.",
    "Q5": r"Not judged: the owner's book(?P<small_book>) is too small for a share to mean anything\.",
    "Q6": r"Not judged: the account has no owner(?P<no_owner>)\.",
    "next": r"(?:Plan about (?P<gap>\d+) h more in (?P<window>\d+) days\. )?(?:"
            r'Ask for a decision on "(?P<offer>.*)", open (?P<age>\d+) days?\.'
            r'|Present "(?P<family>.*)": (?P<family_owners>\d+) of (?P<family_peers>\d+) similar accounts own it\.'
            r"|Meet (?P<level>somebody of the top management|a director|a manager): none of them was met yet\."
            r'|Meet "(?P<department>.*)": nobody there was met yet\.'
            r"|Arrange a first meeting\.|Agree on the next decision with the customer, or give the time to an account with room\.)",
}  # fmt: skip
LEVELS = {"somebody of the top management": "chief", "a director": "director", "a manager": "manager"}


@dataclass(frozen=True, slots=True)
class Claim:
    """One number or claim of a sentence, as the sentence has it and as counted."""

    account: str
    code: str
    what: str
    text: str
    counted: str


def recount(score: Score, r: Recount) -> Iterator[Claim]:
    """Every number of a verdict's sentences against the records; one that cannot be read counts as wrong."""
    sentences = [(reason.code, reason.text) for reason in score.reasons]
    for code, text in [*sentences, ("next", score.next_step)] if score.next_step else sentences:
        match = re.fullmatch(SENTENCES.get(code, "(?!)"), text)
        if match is None:
            yield Claim(score.account_id, code, "sentence", text, "cannot be read")
            continue
        for what, wording in match.groupdict().items():
            if wording is not None:
                yield Claim(score.account_id, code, what, wording or "none", str(value(r, score, what, wording)))


def value(r: Recount, score: Score, what: str, text: str) -> str | int:
    """What the records say about one part of a sentence, rounded as the sentence is; "none" where it claims that there is none."""
    account, n = score.account_id, r.at[score.account_id]
    hours, offers = r.seconds.get(account, 0) / 60 / 60, r.offers(account)
    asks, resolutions = r.decisions.get(account, (0, 0))
    match what:
        case "hours":
            return f"{round(hours, 2):.1f}"
        case "fair":
            return f"{round(r.fair_hours(account), 2):.1f}"
        case "gap":
            return f"{max(0.0, r.fair_hours(account) - hours):.0f}"
        case "potential" | "low" | "high" | "trailing":
            low, high = r.range(account)
            return amount(
                {"potential": r.potential[n], "low": low, "high": high, "trailing": r.won(365).get(account, 0.0)}[what]
            )
        case "offer" | "age" | "pushes":
            name = {"offer": "name"}.get(what, what)
            return offers[0][name] if offers else "no offer"
        case "no_people" | "no_families" | "no_asks" | "no_resolutions" | "no_offers":
            counts = {
                "people": r.people.get(account, 0),
                "families": r.families.get(account, 0),
                "asks": asks,
                "resolutions": resolutions,
                "offers": len(offers),
            }
            return counts[what[3:]] or "none"
        case "events" | "people" | "families" | "decisions" | "activities":
            counts = {
                "events": r.events(account),
                "people": r.people.get(account, 0),
                "families": r.families.get(account, 0),
                "decisions": max(asks, resolutions),
                "activities": r.activities.get(account, 0),
            }
            return counts[what]
        case "steady":
            return text if not r.events(account) and r.won(365).get(account) else "no orders, or something new"
        case "peers":
            return f"{float(r.peers_open[n]):.1f}".removesuffix(".0")
        case "family" | "family_owners" | "family_peers":
            best_family = r.whitespace[1].get(account, ("", 0, 0))
            return best_family[("family", "family_owners", "family_peers").index(what)]
        case "level" | "department":
            return text if unmet(r, account, what, LEVELS.get(text, text)) else "somebody was met, or there is nobody"
        case "small_book":
            book = sum(r.owners[i][0] == r.owners[account][0] for i in r.ids)
            return "none" if book < r.rules.least_book else book
        case _:
            return stored_value(r, account, what)


def stored_value(r: Recount, account: str, what: str) -> str | int:
    """Numbers that are one stored value, or one of the rules."""
    owner, since = r.owners[account]
    created_at = r.accounts[r.at[account]]["created_at"]
    values: dict[str, Any] = {
        "window": r.rules.window_days,
        "decided": r.rules.decision_days,
        "currency": r.currency,
        "no_owner": owner or "none",
        "a_day": round(r.a_day.get(owner or "", 0.0)),
        "held": r.day - since // DAY,
        "account_age": None if created_at is None else r.day - created_at // DAY,
    }
    return f"{100 * r.logging(account):.0f}" if what == "logging" else values[what]


def amount(money: float) -> str:
    """950, 12.4k, 1.2M, 3.1bn."""
    if money < 10_000:
        return f"{money:.0f}"
    unit, word = next((u, w) for u, w in ((1e9, "bn"), (1e6, "M"), (1e3, "k")) if money >= u)
    return f"{money / unit:.1f}".removesuffix(".0") + word


def unmet(r: Recount, account: str, part: str, who: str) -> bool:
    """Whether there are such people, and nobody of them was ever engaged."""
    contacts = [c["id"] for c in r.rows["contact"] if c["account_id"] == account and c[part] == who]
    return bool(contacts) and not any(c in r.engaged for c in contacts)


# ---- a copy to change -----------------------------------------------------------------------------------------------


class Copy:
    """A copy of a judged database; changes are judged and taken back."""

    def __init__(self, database: Path, folder: Path) -> None:
        self.engine = open_database(f"sqlite:///{shutil.copy(database, folder / 'copy.db')}")
        self.store = Store(self.engine)
        (self.org,) = self.store.orgs()
        last = self.store.last_night(self.org.id)
        assert last is not None
        self.day = last
        with self.store.firm() as firm:
            self.learned_numbers = learned(self.store, firm, self.day, RULES, keep=False)
            numbers = self.learned_numbers["calibration"]
            constants = dict(zip(numbers["name"], numbers["value"], strict=True))
            self.records = Recount(firm, self.day, RULES, constants, self.org.currency)
        self.now = self.judge(())

    @contextmanager
    def with_changes(self, changes: Sequence[Executable]) -> Iterator[Firm]:
        with self.engine.connect() as c:
            for change in changes:
                c.execute(change)
            yield Firm(c, t, self.org.id)
            c.rollback()

    def judge(self, changes: Sequence[Executable]) -> Judgement:
        with self.with_changes(changes) as firm:
            return judged(firm, self.org, self.day, RULES, self.learned_numbers)

    def target(self, j: Judgement, i: int) -> str:
        """The state by the entry rule, without memory."""
        return advance({}, j, RULES)[i].target

    def explained_seconds(self, account: str) -> int:
        """The seconds that `assay explain` lists for the account."""
        since = (self.day - RULES.window_days) * DAY
        with one_account(self.engine, [self.org.id], account, since) as firm:
            return sum(x["counted"] for x in firm.rows(treatment(firm.tables, self.org.id, self.day, RULES, account)))

    def largest(self, account: str, deleted_ids: Sequence[str]) -> str | None:
        """The record that now counts most for the account."""
        steps = Steps()
        query = counted(t, self.org.id, self.day, RULES, steps)
        with self.with_changes([delete(t.activity).where(t.activity.c.id.in_(deleted_ids))]) as firm:
            rows = firm.rows(steps.finish(query.select().where(query.c.account_id == account, query.c.counted > 0)))
        seconds = summed((row["id"], row["counted"]) for row in rows)
        return min(seconds, key=lambda i: (-seconds[i], i), default=None)

    def close(self) -> None:
        self.engine.dispose()


@dataclass(frozen=True, slots=True)
class Deletion:
    """How a comfort zone ended as its largest records went."""

    account: str
    records: int  #: taken away when the entry rule let go
    of: int  #: records that counted
    target: str
    above: bool  #: the hours at which it was last a comfort zone were above the fair share


def deletion(copy: Copy, i: int) -> Deletion:
    account, deleted_ids = copy.now.frame.ids[i], []
    last = copy.now
    while (top := copy.largest(account, deleted_ids)) is not None:
        deleted_ids.append(top)
        j = copy.judge([delete(t.activity).where(t.activity.c.id.in_(deleted_ids))])
        if (target := copy.target(j, i)) != COMFORT:
            break
        last = j
    else:
        target = COMFORT
    above = target != COMFORT and bool(last.effort.minutes[i] > last.fair[i])
    return Deletion(account, len(deleted_ids), int(copy.now.effort.activities[i]), target, above)


@dataclass(frozen=True, slots=True)
class Addition:
    """What one missing event did."""

    account: str
    code: str
    reason_gone: bool  #: the reason is no longer given
    falls: bool  #: p_shallow is lower

    @property
    def holds(self) -> bool:
        return self.reason_gone and self.falls


ABSENT = ("D1", "N1", "C1", "C2")


def missing(copy: Copy, i: int) -> list[str]:
    return [r.code for r in Sentences(copy.now, RULES).comfort(i) if r.code in ABSENT]


def addition(copy: Copy, i: int, code: str) -> Addition:
    j = copy.judge(event(copy, copy.now.frame.ids[i], code))
    codes = {r.code for r in Sentences(j, RULES).comfort(i)} & set(ABSENT)
    reason_gone = code not in codes and not (code[0] == "C" and codes & {"C1", "C2"})
    falls = bool(j.behaviour.p_shallow[i] < copy.now.behaviour.p_shallow[i])
    return Addition(copy.now.frame.ids[i], code, reason_gone, falls)


def event(copy: Copy, account: str, code: str) -> list[Executable]:
    """The one event whose absence the reason tells, as the rows that a pull would have brought."""
    r, at = copy.records, (copy.day - 5) * DAY + 10 * 3600
    common: Row = {"org": copy.org.id, "deleted": False}
    new: Row = common | {"id": "added", "created_at": at}
    if code == "D1":
        meeting = new | {
            "kind": "meeting",
            "status": "held",
            "account_id": account,
            "contact_id": "added",
            "seconds": 1800,
            "owner_id": r.owners[account][0],
            "starts_at": at,
            "owner_day": at // DAY,
            "all_day": False,
            "child": False,
        }
        return [insert(t.contact).values(new | {"account_id": account}), insert(t.activity).values(meeting)]
    if code == "N1":
        opened = [o["id"] for o in r.offers(account)]
        families = sorted({f for _, f in r.presented} - {f for a, f in r.presented if a == account}) or ["Added"]
        line = new | {"opportunity_id": opened[0] if opened else "added", "family": families[0], "amount_cents": 100_000}
        return [*([] if opened else [new_opportunity(copy, new, account)]), insert(t.line_item).values(line)]
    if code == "C1":
        stage = min(
            (s for s in r.rows["stage"] if not s["closed"] and (s["probability"] or 0) >= 50), key=lambda s: s["probability"]
        )
        early = [o["id"] for o in r.offers(account) if (o["probability"] or 0) < 50 and r.changes_so_far(o["id"])]
        return [
            *([] if early else [new_opportunity(copy, new, account)]),
            *stage_change(new, early[0] if early else "added", stage, at),
        ]
    lost_stage = next(s for s in r.rows["stage"] if s["closed"] and not s["won"])
    return stage_change(new, r.offers(account)[0]["id"], lost_stage, at=copy.day * DAY - 3600)


def new_opportunity(copy: Copy, new: Row, account: str) -> Executable:
    first = min((s for s in copy.records.rows["stage"] if not s["closed"]), key=lambda s: s["probability"] or 0)
    return insert(t.opportunity).values(
        new
        | {
            "account_id": account,
            "name": "Added",
            "stage": first["id"],
            "closed": False,
            "won": False,
            "probability": first["probability"],
        }
    )


def stage_change(new: Row, opportunity: str, stage: Row, at: int) -> list[Executable]:
    """An opportunity enters a stage."""
    values = {"stage": stage["id"], "probability": stage["probability"]}
    change = {k: v for k, v in new.items() if k != "created_at"} | values | {"opportunity_id": opportunity, "changed_at": at}
    now = values | {"closed": stage["closed"], "won": stage["won"]}
    return [
        insert(t.opportunity_change).values(change),
        update(t.opportunity).where(t.opportunity.c.org == new["org"], t.opportunity.c.id == opportunity).values(now),
    ]


# ---- a world, and all of them ---------------------------------------------------------------------------------------


def examine(database: Path, folder: Path, seed: int, deletions: int, additions: int) -> Row:
    """All three on one judged world; `deletions` and `additions` bound how many cases are judged again."""
    copy, rng = Copy(database, folder), Random(seed)
    verdicts = copy.store.verdicts(copy.org.id)
    claims = [s for score in verdicts for s in recount(score, copy.records)]
    sample = rng.sample(copy.records.ids, min(LISTED, len(copy.records.ids)))
    equal_seconds = [copy.explained_seconds(account) == copy.records.seconds.get(account, 0) for account in sample]
    zones = [i for i in range(copy.now.frame.n) if copy.target(copy.now, i) == COMFORT]
    reasons = [(i, code) for i in zones for code in missing(copy, i)]
    result = {
        "explanations": len(verdicts),
        "claims": claims,
        "equal_seconds": equal_seconds,
        "deletions": [deletion(copy, i) for i in rng.sample(zones, min(deletions, len(zones)))],
        "additions": [addition(copy, i, code) for i, code in rng.sample(reasons, min(additions, len(reasons)))],
    }
    copy.close()
    return result


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent.parent))  # beside this file another `sandbox` lies in the way
    from score_world import World, judge, world_folder

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", default=RECORDED, help="profile:seed, with commas between")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--deletions", type=int, default=20, help="a world")
    parser.add_argument("--additions", type=int, default=30, help="a world")
    parser.add_argument("--nights", type=int, default=NIGHTS, help="replayed before the last one")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="judged worlds are kept here and used again")
    arguments = parser.parse_args()
    results = []
    for name in arguments.worlds.split(","):
        profile, seed = name.split(":")
        begin = time.perf_counter()
        world = World(profile, int(seed), arguments.accounts)
        with world_folder(world, arguments.nights, arguments.keep) as folder:
            store, _ = judge(world, folder, arguments.nights)
            store.engine.dispose()
            results.append(examine(folder / "assay.db", folder, int(seed), arguments.deletions, arguments.additions))
        print(f"{name}, {time.perf_counter() - begin:.0f} s\n{report(results[-1:])}\n", file=sys.stderr, flush=True)
    print(report(results))


def report(results: Sequence[Row]) -> str:
    """The figures of all worlds, and every sentence that is not what the records say."""
    claims: list[Claim] = [s for world in results for s in world["claims"]]
    wrong = [s for s in claims if s.text != s.counted]
    explanations = sum(world["explanations"] for world in results)
    equal_seconds = [equal for world in results for equal in world["equal_seconds"]]
    deletions: list[Deletion] = [d for world in results for d in world["deletions"]]
    additions: list[Addition] = [a for world in results for a in world["additions"]]
    lines = [
        f"recomputation: {explanations} explanations, {len(claims)} numbers and claims, {len(claims) - len(wrong)} equal, "
        f"{len({s.account for s in wrong})} explanations with one that is not",
        "  by sentence: " + ", ".join(f"{code} {n}" for code, n in sorted(Counter(s.code for s in claims).items())),
        f"  hours as `assay explain` lists them: equal for {sum(equal_seconds)} of {len(equal_seconds)} accounts looked at",
    ]
    if deletions:
        ended = Counter(d.target for d in deletions)
        lines.append(
            f"deletion: {sum(d.above for d in deletions)} of {len(deletions)} comfort zones ended above their fair share, after "
            f"{mean(d.records for d in deletions):.1f} of {mean(d.of for d in deletions):.1f} records on average; they became {dict(ended)}"
        )
    for code in sorted({a.code for a in additions}):
        of_code = [a for a in additions if a.code == code]
        lines.append(
            f"addition {code}: {sum(a.holds for a in of_code)} of {len(of_code)} (the reason went: {sum(a.reason_gone for a in of_code)}, "
            f"p_shallow fell: {sum(a.falls for a in of_code)})"
        )
    lines.append(f"addition: {sum(a.holds for a in additions)} of {len(additions)}")
    return "\n".join(lines + [f"WRONG {s}" for s in wrong[:40]])


if __name__ == "__main__":
    main()
