"""Every number of a verdict's sentences once more, from the stored records by plain Python.

Nothing here calls what made the sentences: rows are read whole, sums are made in loops, the quantile line is held against the primal
linear programme, what peers open is the minimum of a penalised likelihood. Only the constants are the model's own, and which seconds
of a record count is what `assay explain` shows of it (`scoring.minutes.counted`). One class, because each number rests on others of
the same night; hence its length.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import linprog, minimize
from sqlalchemy import select

from db.firm import Firm
from scoring import behaviour, lookalike, pipeline
from scoring import potential as model
from scoring.learned import WEIGHTS
from scoring.minutes import counted
from scoring.rules import Rules
from scoring.stages import Stages

DAY = 86_400
Row = dict[str, Any]
PULLED = ("account", "owner", "contact", "opportunity", "opportunity_change", "line_item", "quote", "quote_item", "contact_role",
          "activity", "participant", "stage", "currency_rate", "account_owner")  # fmt: skip


class Recount:
    """What the records of a firm say on one night; amounts in whole units of its currency.

    `learned` are the stored numbers of `scoring.calibration`.
    """

    def __init__(self, firm: Firm, day: int, rules: Rules, learned: Mapping[str, float], currency: str) -> None:
        self.day, self.rules, self.learned, self.currency = day, rules, learned, currency
        self.end, self.start = day * DAY, (day - rules.window_days) * DAY
        tables = {name: getattr(firm.tables, name) for name in PULLED}
        self.rows = {
            name: [r for r in firm.rows(select(x).where(x.c.org == firm.org)) if not r.get("deleted")]
            for name, x in tables.items()
        }
        stages = Stages()
        self.claims = firm.rows(stages.then(select(counted(firm.tables, firm.org, day, rules, stages))))
        self.accounts = sorted(
            (a for a in self.rows["account"] if self.existed(a["created_at"])), key=lambda a: str(a["id"])
        )
        self.ids = [a["id"] for a in self.accounts]
        self.at = {account: n for n, account in enumerate(self.ids)}
        self.stage = {s["id"]: s for s in self.rows["stage"]}

    def existed(self, at: int | None) -> bool:
        return at is None or at < self.end

    def units(self, cents: int | None, currency: str | None) -> float:
        rate = next((r["micro_per_corporate"] for r in self.rows["currency_rate"] if r["id"] == currency), 1_000_000)
        return (cents or 0) / 100 * 1_000_000 / rate

    def column(self, values: Mapping[str, float]) -> Any:
        return np.array([float(values.get(i, 0.0)) for i in self.ids])

    # ---- time ----

    @cached_property
    def seconds(self) -> dict[str, int]:
        return summed((c["account_id"], c["counted"]) for c in self.claims)

    @cached_property
    def activities(self) -> dict[str, int]:
        return summed((c["account_id"], 1) for c in self.claims if c["counted"] > 0)

    @cached_property
    def owners(self) -> dict[str, tuple[str | None, int]]:
        """Who owns each account this night, and since when."""
        owners: dict[str, tuple[str | None, int]] = {a["id"]: (a["owner_id"], 0) for a in self.accounts}
        for o in sorted(self.rows["account_owner"], key=lambda o: int(o["from_at"])):
            if o["from_at"] < self.end and o["account_id"] in owners:
                owners[o["account_id"]] = (o["owner_id"] or owners[o["account_id"]][0], o["from_at"])
        return owners

    @cached_property
    def a_day(self) -> dict[str, float]:
        """Minutes a working day, a person."""
        started = {o["id"]: o["started_at"] for o in self.rows["owner"]}
        minutes = {}
        for person, seconds in summed((c["person"], c["counted"]) for c in self.claims).items():
            window = self.rules.window_days
            days = window if started.get(person) is None else min(window, self.day - started[person] // DAY)
            minutes[person] = seconds / 60 / max(1.0, days * 5 / 7)
        return minutes

    def logging(self, account: str) -> float:
        minutes = self.a_day.get(self.owners[account][0] or "", 0.0)
        active = sorted(v for v in self.a_day.values() if v > 0)
        return min(1.0, minutes / (quantile(active, 0.75) if len(active) >= 4 else 144.0))

    def fair_hours(self, account: str) -> float:
        """What the account always needs, and its part of the rest of the book's time."""
        book = [i for i in self.ids if self.owners[i][0] == self.owners[account][0]]
        base_minutes = self.rules.maintenance_minutes * self.rules.window_days / 30
        minutes = {i: self.seconds.get(i, 0) / 60 for i in book}
        base_of = {
            i: min(base_minutes * (i in self.customers) + self.occasion(i) * self.rules.occasion_minutes, minutes[i])
            for i in book
        }
        weight = {i: float(self.potential[self.at[i]]) ** self.rules.gamma for i in book}
        rest, total_weight = sum(minutes.values()) - sum(base_of.values()), sum(weight.values())
        return (base_of[account] + (rest * weight[account] / total_weight if total_weight else 0.0)) / 60

    def occasion(self, account: str) -> bool:
        """A renewal that closes about now, a first order of the window, or a person's word."""
        opportunities, start = (
            [o for o in self.opportunities.values() if o["account_id"] == account],
            self.day - self.rules.window_days,
        )
        about_now = [o for o in opportunities if o["close_day"] is not None and start <= o["close_day"] < self.day + 90]
        renewed = any(w in (o["category"] or "").casefold() for o in about_now for w in self.rules.renewal_types)
        ordered = min((o["close_day"] for o in self.wins if o["account_id"] == account), default=0) >= start
        return (
            renewed or ordered or json.loads(self.accounts[self.at[account]]["ours"]).get("answer") == "Renewal or project"
        )

    # ---- opportunities as they were ----

    @cached_property
    def history(self) -> dict[str, list[Row]]:
        changes = defaultdict(list)
        for h in sorted(self.rows["opportunity_change"], key=lambda h: (h["changed_at"], h["id"])):
            changes[h["opportunity_id"]].append(h)
        return dict(changes)

    def changes_so_far(self, opportunity: str) -> list[Row]:
        return [h for h in self.history.get(opportunity, ()) if h["changed_at"] < self.end]

    @cached_property
    def opportunities(self) -> dict[str, Row]:
        return {
            o["id"]: self._then(o) for o in self.rows["opportunity"] if o["account_id"] and self.existed(o["created_at"])
        }

    def _then(self, o: Row) -> Row:
        before = self.changes_so_far(o["id"])
        later = len(before) < len(self.history.get(o["id"], ()))
        last = before[-1] if before else None
        if last is None and (later or (o["closed"] and o["close_day"] >= self.day)):
            unknown_values = {} if not later else {"amount_cents": None, "close_day": None}
            return o | unknown_values | {"stage": None, "probability": None, "closed": False, "won": False}
        if last is None:
            return o
        stage = last["stage"] or o["stage"]
        odds = o["probability"] if last["probability"] is None else last["probability"]
        of = o if stage == o["stage"] else self.stage.get(stage, {"closed": False, "won": False})
        return o | {
            "stage": stage,
            "amount_cents": last["amount_cents"],
            "close_day": last["close_day"],
            "probability": odds,
            "closed": bool(of["closed"]),
            "won": bool(of["won"]),
        }

    @cached_property
    def wins(self) -> list[Row]:
        return [
            o
            for o in self.opportunities.values()
            if o["won"] and o["close_day"] is not None and o["close_day"] < self.day and o["amount_cents"] is not None
        ]

    @cached_property
    def customers(self) -> set[str]:
        return {o["account_id"] for o in self.wins}

    @cache  # noqa: B019 - as long as the night is looked at
    def won(self, days: int) -> dict[str, float]:
        """Revenue of the last `days`, an account."""
        recent = (o for o in self.wins if o["close_day"] >= self.day - days)
        return summed((o["account_id"], self.units(o["amount_cents"], o["currency"])) for o in recent)

    def pushes(self, opportunity: str) -> int:
        days = [h["close_day"] for h in self.changes_so_far(opportunity)]
        return sum(b is not None and a is not None and a > b for b, a in pairwise(days))

    def offers(self, account: str) -> list[Row]:
        """Open opportunities with age and pushes, the one most worth a decision first."""
        open_offers = [o for o in self.opportunities.values() if o["account_id"] == account and not o["closed"]]
        with_age = [o | {"age": self._age(o["created_at"]), "pushes": self.pushes(o["id"])} for o in open_offers]
        return sorted(with_age, key=lambda o: (-o["pushes"], -o["age"], o["id"]))

    def _age(self, at: int | None) -> int:
        return 0 if at is None else max(0, self.day - at // DAY)

    # ---- what was opened ----

    @cached_property
    def engaged(self) -> dict[str, int]:
        """When each contact was first engaged."""
        engagements = {
            a["id"]: a
            for a in self.rows["activity"]
            if a["status"] in ("held", "planned")
            and a["starts_at"] is not None
            and a["starts_at"] < self.end
            and self.existed(a["created_at"])
        }
        every = [(a["contact_id"], a["starts_at"]) for a in engagements.values() if a["contact_id"]]
        every += [
            (p["person_id"], engagements[p["activity_id"]]["starts_at"])
            for p in self.rows["participant"]
            if p["side"] == "theirs" and not p["declined"] and p["activity_id"] in engagements
        ]
        every += [
            (r["contact_id"], r["created_at"]) for r in self.rows["contact_role"] if (r["created_at"] or self.end) < self.end
        ]
        first_engaged: dict[str, int] = {}
        for contact, at in every:
            first_engaged[contact] = min(first_engaged.get(contact, at), at)
        return first_engaged

    @cached_property
    def people(self) -> dict[str, int]:
        """New people of the window, an account."""
        return summed((c["account_id"], 1) for c in self.rows["contact"] if self.engaged.get(c["id"], 0) >= self.start)

    @cached_property
    def presented(self) -> dict[tuple[str, str], tuple[int, int | None]]:
        """(account, family) -> when first presented, and the day it was first bought."""
        quotes = {q["id"]: q for q in self.rows["quote"] if q["presented"]}
        every = [(i, i["opportunity_id"], True) for i in self.rows["line_item"]]
        every += [
            (i, quotes[i["quote_id"]]["opportunity_id"], False) for i in self.rows["quote_item"] if i["quote_id"] in quotes
        ]
        first_seen: dict[tuple[str, str], tuple[int, int | None]] = {}
        for item, opportunity, sold in every:
            o = self.opportunities.get(opportunity)
            if o is None or item["family"] is None:
                continue
            at = next((v for v in (item["created_at"], o["created_at"]) if v is not None), 0)
            if at < self.end:
                bought = o["close_day"] if sold and o["won"] and (o["close_day"] or self.day) < self.day else None
                first, day = first_seen.get((o["account_id"], item["family"]), (at, None))
                days = [d for d in (day, bought) if d is not None]
                first_seen[o["account_id"], item["family"]] = min(first, at), min(days, default=None)
        return first_seen

    @cached_property
    def families(self) -> dict[str, int]:
        """New families of the window, an account."""
        fresh = self.day - self.rules.window_days
        return summed(
            (a, 1) for (a, _), (at, day) in self.presented.items() if at >= self.start and (day is None or day >= fresh)
        )

    @cached_property
    def decisions(self) -> dict[str, tuple[int, int]]:
        """Asked for in the window, and reached in `decision_days`, an account."""
        quoted = {
            q["opportunity_id"]
            for q in self.rows["quote"]
            if q["presented"] and self.start <= (q["created_at"] or 0) < self.end
        }
        decisions: dict[str, tuple[int, int]] = {}
        for o in self.rows["opportunity"]:
            asks = reached = 0
            before: tuple[int, bool] | None = None
            for h in self.changes_so_far(o["id"]):
                odds, closed = h["probability"] or 0, bool(self.stage.get(h["stage"], {"closed": False})["closed"])
                was, was_closed = before or (0, True)
                asks += h["changed_at"] >= self.start and not closed and odds >= 50 > was
                reached += h["changed_at"] >= (self.day - self.rules.decision_days) * DAY and closed and not was_closed
                before = odds, closed
            a, r = decisions.get(o["account_id"], (0, 0))
            decisions[o["account_id"]] = a + max(asks, o["id"] in quoted), r + reached
        return decisions

    def events(self, account: str) -> int:
        return self.people.get(account, 0) + self.families.get(account, 0) + max(self.decisions.get(account, (0, 0)))

    @cached_property
    def peers_open(self) -> Any:
        """What accounts of the size open in as many hours: each half of the firm by the other half's Poisson line."""
        n, size = len(self.ids), np.log1p(self.own("employees"))
        size = np.where(np.isnan(size), np.nanmean(size) if (~np.isnan(size)).any() else 0.0, size)
        hours = self.column(self.seconds) / 3600
        before = {o["account_id"] for o in self.wins if o["close_day"] < self.day - 365}
        x = np.column_stack([np.log1p(hours), size, [float(i in before) for i in self.ids]])
        x = np.column_stack([np.ones(n), x - x.mean(axis=0)])
        events = np.array([float(self.events(i)) for i in self.ids])
        order = sorted(range(n), key=lambda i: (hours[i], size[i], i))
        expected_events = np.zeros(n)
        for half in (order[::2], order[1::2]):
            other_half = sorted(set(order) - set(half))
            expected_events[half] = np.exp(x[half] @ _poisson(x[other_half], events[other_half]))
        return expected_events

    # ---- potential ----

    @cached_property
    def run_rate(self) -> Any:
        days = sorted(o["close_day"] for o in self.wins if o["close_day"] >= self.day - 365)
        back = max(91, self.day - days[max(0, int(np.ceil(0.01 * len(days))) - 1)]) if days else 365
        half, year = max(1.0, 182 / back), max(1.0, 365 / back)
        return np.maximum(half * self.column(self.won(182)) + year * 0.5 * self.column(self.won(365)), 0.0)

    @cached_property
    def pipeline(self) -> Any:
        """Money of open opportunities at their stages' learned odds, half of it where they stand still."""
        closed, won, stays = defaultdict(set), defaultdict(set), defaultdict(list)
        since: dict[str, int] = {}
        for o in self.opportunities.values():
            steps = [h for h in self.changes_so_far(o["id"]) if h["stage"] is not None]
            entered = [h for n, h in enumerate(steps) if n == 0 or h["stage"] != steps[n - 1]["stage"]]
            for h in steps if o["closed"] else ():
                closed[h["stage"]].add(o["id"])
                if o["won"]:
                    won[h["stage"]].add(o["id"])
            if o["won"]:
                for h, after in pairwise(entered):
                    stays[h["stage"]].append((after["changed_at"] - h["changed_at"]) // DAY)
            if entered:
                since[o["id"]] = entered[-1]["changed_at"]
        k = self.rules.stage_prior
        odds = {s: (len(won[s]) + k * (x["probability"] or 0) / 100) / (len(closed[s]) + k) for s, x in self.stage.items()}
        usual = {
            s: sorted(d)[int(np.ceil(pipeline.USUAL * len(d) - 1e-9)) - 1]
            for s, d in stays.items()
            if len(d) >= pipeline.STAYS
        }
        open_odds = min((v for s, v in odds.items() if 0 < (self.stage[s]["probability"] or 0) < 100), default=0.0)
        self.blended = _by_stages(self, won)
        weighted: dict[str, float] = defaultdict(float)
        for o in self.opportunities.values():
            if not o["closed"] and (o["close_day"] is None or o["close_day"] < self.day + self.rules.horizon_days):
                stood = self.day - since[o["id"]] // DAY if o["id"] in since else 0
                overdue = o["close_day"] is not None and o["close_day"] < self.day - pipeline.OVERDUE
                share = open_odds if o["stage"] is None else odds.get(o["stage"], (o["probability"] or 0) / 100)
                slow = 0.5 if overdue or stood > usual.get(o["stage"], stood) else 1.0
                weighted[o["account_id"]] += max(0.0, self.units(o["amount_cents"], o["currency"])) * share * slow
        return self.column(weighted)

    @cached_property
    def expected(self) -> Any:
        w = [self.learned.get(f"weight.{n}", d) for n, d in enumerate(WEIGHTS)]
        share = self.rules.horizon_days / 365
        parts = (self.run_rate * share, self.run_rate * share + self.pipeline, self.wallet(0.5) * share)
        money = sum(k * np.sqrt(p) for k, p in zip(w, parts, strict=True)) ** 2
        if not self.blended or (self.run_rate > 0).sum() >= model.BLENDED:
            return money
        ranked, has_size, n = [_ranks(self.run_rate), _ranks(self.pipeline)], np.zeros(len(self.ids), bool), len(self.ids)
        sizes = []
        for raw in (self.own("employees"), self.own("annual_revenue_cents")):
            is_known = ~np.isnan(raw)
            has_size |= is_known
            if is_known.sum() >= lookalike.KNOWN:
                rank = np.full(n, 0.5)
                rank[is_known] = _ranks(raw[is_known])
                sizes.append(rank)
        ranked += [np.mean(sizes, axis=0) if sizes else np.full(n, 0.5)] if has_size.sum() >= lookalike.KNOWN else []
        return np.interp(_ranks(np.mean(ranked, axis=0).round(9)), (np.arange(n) + 0.5) / n, np.sort(money))

    @cached_property
    def potential(self) -> Any:
        """What is expected and what could be realised of the room beyond it; a person's own figure wins."""
        share = self.rules.horizon_days / 365
        room = np.maximum(self.wallet(self.rules.wallet_quantile) - self.expected / share, self.whitespace[0])
        potential = self.expected + self.rules.realisable * share * np.maximum(0.0, room)
        for n, a in enumerate(self.accounts):
            override = json.loads(a["ours"]).get("potential_override")
            potential[n] = potential[n] if override is None else self.units(round(float(override) * 100), a["currency"])
        return potential

    def range(self, account: str) -> tuple[float, float]:
        """The 80 % range by the count of orders of a year."""
        orders = sum(o["account_id"] == account and o["close_day"] >= self.day - 365 for o in self.wins)
        spread = model.Z80 * (0.35 + 0.65 / (1 + orders**0.5))
        money, c = float(self.potential[self.at[account]]), 0.01 * _typical(self.run_rate)
        return max(0.0, (money + c) * np.exp(-spread) - c), (money + c) * np.exp(spread) - c

    def own(self, column: str) -> Any:
        return np.array([np.nan if a[column] is None else float(a[column]) for a in self.accounts])

    def wallet(self, tau: float) -> Any:
        """What accounts of the size, age, industry and country buy when they buy more than `tau` of their like."""
        rate, buys = self.run_rate, np.flatnonzero(self.run_rate > 0)
        if len(buys) < lookalike.FIT:
            return self._by_industry(tau)
        sizes = [np.log1p(np.maximum(self.own(c), 0.0)) for c in ("employees", "annual_revenue_cents")]
        x = [np.ones(len(rate))]
        for raw in (*sizes, np.log1p(np.maximum(self.day - self.own("created_at") / DAY, 0.0))):
            gap = np.isnan(raw)
            if (~gap).sum() >= lookalike.KNOWN:
                x += [np.where(gap, 0.0, raw - raw[~gap].mean()), gap.astype(float)]
        design, c = np.column_stack(x), 0.01 * _typical(rate)
        y = np.log(rate[buys] + c)
        line = design @ _quantile_line(design[buys], y, tau)
        for column in ("industry", "country"):
            groups = [str(a[column] or "") for a in self.accounts]
            rest = defaultdict(list)
            for i, r in zip(buys, y - line[buys], strict=True):
                rest[groups[i]].append(r)
            shift = {g: len(v) / (len(v) + lookalike.GROUP_PRIOR) * quantile(sorted(v), tau) for g, v in rest.items()}
            line = line + np.array([shift.get(g, 0.0) for g in groups])
        return np.clip(np.exp(line) - c, 0.0, rate.max())

    def _by_industry(self, tau: float) -> Any:
        bought = sorted(r for r in self.run_rate if r > 0)
        everywhere, prior = quantile(bought, tau) if bought else 0.0, lookalike.GROUP_PRIOR
        groups, amounts = [str(a["industry"] or "") for a in self.accounts], {}
        for g in set(groups):
            rates = sorted(r for r, other in zip(self.run_rate, groups, strict=True) if r > 0 and other == g)
            n = len(rates)
            amounts[g] = (
                (n * quantile(rates, tau) + prior * everywhere) / (n + prior) if n >= lookalike.SEGMENT else everywhere
            )
        return np.array([amounts[g] for g in groups])

    @cached_property
    def whitespace(self) -> tuple[Any, dict[str, tuple[str, int, int]]]:
        """Money of families not owned, and for each account the one most owned by its like: (family, owners, neighbours)."""
        spent = self._bought()
        names = sorted(spent, key=lambda f: (-len(spent[f]), f))[: lookalike.MOST_FAMILIES]
        value: dict[str, float] = {}
        best_family: dict[str, tuple[str, int, int]] = {}
        customers = sorted({a for f in names for a in spent[f]})
        every, prior = [v for f in names for v in spent[f].values() if v > 0], lookalike.PENETRATION_PRIOR
        overall = quantile(sorted(every), 0.5) if every else 0.0
        usual = {}
        for f in names:
            paid = sorted(v for v in spent[f].values() if v > 0)
            usual[f] = (len(paid) * (quantile(paid, 0.5) if paid else 0.0) + prior * overall) / (len(paid) + prior)
        places = self._places()
        for account in self.ids:
            near = self._near(account, customers, places)
            candidates = []
            for n, f in enumerate(names):
                if account not in spent[f]:
                    have = sum(i in spent[f] for i in near)
                    share = (have + prior * len(spent[f]) / len(customers)) / (len(near) + prior)
                    value[account] = value.get(account, 0.0) + share * usual[f]
                    candidates.append((-share, n, f, have))
            if candidates and min(candidates)[3]:
                best_family[account] = (min(candidates)[2], min(candidates)[3], len(near))
        return self.column(value), best_family

    def _bought(self) -> dict[str, dict[str, float]]:
        """Family -> account that ever bought it -> what it paid in a year."""
        paid_by: dict[str, dict[str, float]] = defaultdict(dict)
        for i in self.rows["line_item"]:
            o = self.opportunities.get(i["opportunity_id"])
            if o is None or i["family"] is None or not o["won"] or (o["close_day"] or self.day) >= self.day:
                continue
            if self.existed(i["created_at"] or o["created_at"]) and o["account_id"] in self.at:
                paid = self.units(i["amount_cents"], o["currency"]) if o["close_day"] >= self.day - 365 else 0.0
                paid_by[i["family"]][o["account_id"]] = paid_by[i["family"]].get(o["account_id"], 0.0) + paid
        return paid_by

    def _places(self) -> dict[str, tuple[float, ...]]:
        columns = []
        for name in ("employees", "annual_revenue_cents"):
            raw = np.log1p(np.maximum(self.own(name), 0.0))
            is_known = ~np.isnan(raw)
            if is_known.sum() >= lookalike.KNOWN:
                columns.append(np.where(is_known, (raw - raw[is_known].mean()) / (raw[is_known].std() or 1.0), 0.0))
        groups = [str(a["industry"] or "") for a in self.accounts]
        for g in sorted(set(groups), key=lambda g: (-groups.count(g), g))[:8]:
            columns.append(np.array([lookalike.OTHER_INDUSTRY / 2**0.5 if other == g else 0.0 for other in groups]))
        return {i: tuple(row) for i, row in zip(self.ids, np.column_stack(columns).round(9), strict=True)}

    def _near(self, account: str, customers: list[str], places: Mapping[str, tuple[float, ...]]) -> list[str]:
        """The nearest customers, all of a place together, until there are enough; without the account itself."""
        place_of, crowd = np.array(places[account]), defaultdict(list)
        for i in customers:
            crowd[places[i]].append(i)
        order = sorted(crowd, key=lambda p: float(((np.array(p) - place_of) ** 2).sum()))
        neighbours: list[str] = []
        for place in order:
            if len(neighbours) >= lookalike.NEIGHBOURS:
                break
            neighbours += crowd[place]
        return [i for i in neighbours if i != account]


def summed(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    totals: dict[Any, Any] = {}
    for key, value in pairs:
        totals[key] = totals.get(key, 0) + value
    return totals


def quantile(ordered: list[float], share: float) -> float:
    """Between the two nearest values, in proportion."""
    place = share * (len(ordered) - 1)
    low = int(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def _typical(rate: Any) -> float:
    return quantile(sorted(r for r in rate if r > 0), 0.5) if (rate > 0).any() else 1.0


def _ranks(values: Any) -> Any:
    return np.array([((values < v).sum() + (values <= v).sum()) / 2 / len(values) for v in values])


def _by_stages(r: Recount, won: Mapping[str, set[str]]) -> bool:
    """Whether revenue comes by opportunities that pass open stages."""
    passed = max((len(won.get(s, ())) for s, x in r.stage.items() if 0 < (x["probability"] or 0) < 100), default=0)
    return passed >= 0.8 * len(r.wins) > 0


def _quantile_line(x: Any, y: Any, tau: float) -> Any:
    """The line that costs least, by the primal programme; the score asks the dual. `LOWER` leaves one line only (docs/adr/0016)."""
    if len(y) > lookalike.MOST_ROWS:
        raise ValueError(f"{len(y)} customers; beyond {lookalike.MOST_ROWS} the score thins them. Fix: a smaller world")
    n, non_zero, tau = len(y), np.abs(x).sum(axis=0) > 0, tau - lookalike.LOWER
    rows, k, beta = x[:, non_zero], int(non_zero.sum()), np.zeros(x.shape[1])
    cost = np.concatenate([np.zeros(k), np.full(n, tau), np.full(n, 1 - tau)])
    both = np.hstack([rows, np.eye(n), -np.eye(n)])
    primal = linprog(cost, A_eq=both, b_eq=y, bounds=[(None, None)] * k + [(0, None)] * 2 * n, method="highs")
    beta[non_zero] = primal.x[:k]
    return beta


def _poisson(x: Any, events: Any) -> Any:
    """The line whose penalised likelihood is greatest."""
    center = behaviour.SLOPES.copy()
    center[0] = np.log((events.sum() + 1.0) / (len(events) + 1.0))

    def cost(beta: Any) -> tuple[float, Any]:
        mean = np.exp(np.clip(x @ beta, -8.0, 8.0))
        off = behaviour.HOLD * (beta - center)
        return float(mean.sum() - events @ (x @ beta) + off @ (beta - center) / 2), x.T @ (mean - events) + off

    return minimize(cost, center, jac=True, method="BFGS", options={"gtol": 1e-9}).x
