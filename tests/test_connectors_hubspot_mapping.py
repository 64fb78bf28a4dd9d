"""HubSpot's records as ours: pure, no portal."""

from typing import Any

import pytest

from connectors.fields import FIELDS
from connectors.hubspot import activities, links, mapping, ownership, quotes, schema
from connectors.hubspot.links import Link
from connectors.hubspot.sheet import Context, Sheet, StageFacts
from connectors.hubspot.streams import STREAMS
from connectors.keyed import Keyed, address
from scoring.records import columns

KEY = b"k" * 32


def context(**values: Any) -> Context:
    stages = {"s1": StageFacts(20, closed=False, won=False), "won": StageFacts(100, closed=True, won=True)}
    return Context(Keyed(KEY), Keyed(KEY, address), stages=stages, **values)


def sheet(type_: str, *records: dict[str, Any], **linked: dict[str, list[Link]]) -> Sheet:
    made = [{"id": str(n), "properties": p} for n, p in enumerate(records, 1)]
    return Sheet(type_, made, linked)


def named(kind: str, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(columns(kind), row, strict=True)) for row in rows]


@pytest.mark.parametrize("stream", STREAMS, ids=lambda s: s.type)
def test_a_record_without_any_property_is_a_whole_record(stream: Any) -> None:
    to_deal = {"deals": {"1": [Link("7", False, None)]}}
    rows = stream.map(Sheet(stream.type, [{"id": "1", "properties": dict.fromkeys(stream.properties)}], to_deal), context())
    assert [len(row) for row in rows] == [len(columns(stream.kind))]


def test_a_company_keeps_its_domain_and_the_id_that_another_crm_gave_it() -> None:
    s = sheet("companies", {"name": "Acme", "domain": "www.Acme.Example", "salesforceaccountid": "001A", "numberofemployees": "12",
                            "annualrevenue": "1.5e6", "assay_state": "Balanced", "assay_hours": "3.25"})  # fmt: skip
    [got] = named("account", mapping.account(s, context()))
    assert (got["domain"], got["foreign_id"], got["employees"]) == ("acme.example", "001A", 12)
    assert got["annual_revenue_cents"] == 150_000_000
    assert got["ours"] == '{"hours":3.2,"state":"Balanced"}'


def test_a_number_that_is_none_is_left_out_and_counted() -> None:
    c = context()
    s = sheet("companies", {"name": "A", "annualrevenue": "1;2;3", "numberofemployees": "many"})
    [got] = named("account", mapping.account(s, c))
    assert (got["annual_revenue_cents"], got["employees"]) == (None, None)
    assert c.odd == {
        "companies.annualrevenue: no number, left out": 1,
        "companies.numberofemployees: no number, left out": 1,
    }


def test_a_company_without_a_name_is_called_by_its_domain_or_id() -> None:
    got = named("account", mapping.account(sheet("companies", {"domain": "a.example"}, {}), context()))
    assert [g["name"] for g in got] == ["a.example", "Company 2"]


def test_what_a_company_swallowed_points_at_it() -> None:
    s = sheet("companies", {"hs_merged_object_ids": "8;9"}, {}, {"hs_merged_object_ids": "3"})
    assert mapping.merged(s) == [("8", "1", True), ("9", "1", True)]


def test_a_contact_belongs_to_its_primary_company() -> None:
    to = {"1": [Link("5", False, None), Link("6", True, None)]}
    [got] = named("contact", mapping.contact(sheet("contacts", {"jobtitle": "Head of Sales"}, companies=to), context()))
    assert (got["account_id"], got["level"]) == ("6", "director")


def test_a_deal_s_flags_come_from_its_stage_where_hubspot_says_nothing() -> None:
    s = sheet("deals", {"dealstage": "won", "amount": "10.5", "closedate": "2026-01-31T23:30:00Z"},
              {"dealstage": "won", "hs_is_closed": "false", "hs_is_closed_won": "false"}, {"dealstage": "unheard"})  # fmt: skip
    c = context(zone="Europe/Berlin")
    got = named("opportunity", mapping.opportunity(s, c))
    assert [(g["closed"], g["won"]) for g in got] == [(True, True), (False, False), (False, False)]
    assert (got[0]["amount_cents"], got[0]["close_day"]) == (1050, 20485)  # 2026-02-01 in Berlin
    assert c.odd == {"deals.dealstage: a stage of no pipeline that this key sees": 1}


def test_a_deal_s_history_is_what_it_looked_like_after_each_change() -> None:
    record = {
        "id": "9",
        "properties": {"amount": "500"},
        "propertiesWithHistory": {
            "dealstage": [
                {"value": "won", "timestamp": "2026-02-01T00:00:00.000Z"},
                {"value": "s1", "timestamp": "2026-01-01T00:00:00.000Z"},
            ],
            "closedate": [{"value": "2026-03-01T00:00:00Z", "timestamp": "2026-01-15T00:00:00.000Z"}],
        },
    }
    rows = named("opportunity_change", mapping.history(Sheet("deals", [record], {}), context()))
    assert [(r["stage"], r["close_day"], r["amount_cents"], r["probability"]) for r in rows] == [
        ("s1", None, 50_000, 20), ("s1", 20513, 50_000, 20), ("won", 20513, 50_000, 100)]  # fmt: skip
    assert [r["id"] for r in rows] == ["9:20260101000000000", "9:20260115000000000", "9:20260201000000000"]


def test_a_line_item_of_no_deal_is_counted_and_left_out() -> None:
    c = context(families={"p": "Pumps"})
    s = sheet("line_items", {"hs_product_id": "p"}, {"name": "Oil"}, {"name": "Loose"},
              deals={"1": [Link("7", False, None)], "2": [Link("7", False, None)]})  # fmt: skip
    assert [r["family"] for r in named("line_item", quotes.line_item(s, c))] == ["Pumps", "Oil"]
    assert c.odd == {"line_items: of no deal and no quote, left out": 1}


def test_activities_carry_their_type_in_their_id() -> None:
    """HubSpot numbers calls and meetings each by itself."""
    [call] = activities.call(sheet("calls", {}), context())
    [meeting] = activities.meeting(sheet("meetings", {}), context())
    assert (call[0], meeting[0]) == ("call:1", "meeting:1")


@pytest.mark.parametrize(
    ("properties", "status", "seconds"),
    [
        ({"hs_call_status": "COMPLETED", "hs_call_duration": "90500"}, "held", 90),
        ({"hs_call_status": "COMPLETED", "hs_call_duration": "0"}, "held", None),
        ({"hs_call_status": "COMPLETED"}, "held", None),
        ({"hs_call_status": "NO_ANSWER"}, "held", 90),
        ({"hs_call_status": "BUSY", "hs_call_duration": "4000"}, "held", 4),
        ({"hs_call_status": "CANCELED"}, "cancelled", None),
        ({"hs_call_status": "RINGING"}, "planned", None),
    ],
)
def test_a_call_by_its_status_and_milliseconds(properties: dict[str, str], status: str, seconds: int | None) -> None:
    [got] = named("activity", activities.call(sheet("calls", properties), context()))
    assert (got["status"], got["seconds"]) == (status, seconds)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("", "held"), ("COMPLETED", "held"), ("SCHEDULED", "planned"), ("NO_SHOW", "no_show"), ("CANCELED", "cancelled"),
     ("RESCHEDULED", "cancelled")],
)  # fmt: skip
def test_a_meeting_by_its_outcome(outcome: str, status: str) -> None:
    properties = {"hs_meeting_outcome": outcome, "hs_meeting_start_time": "2026-01-05T09:00:00Z",
                  "hs_meeting_end_time": "2026-01-05T09:45:30.250Z"}  # fmt: skip
    [got] = named("activity", activities.meeting(sheet("meetings", properties), context()))
    assert (got["status"], got["seconds"], got["starts_at"]) == (status, 2730, 1_767_603_600)


def test_a_meeting_that_ends_before_it_starts_has_no_length() -> None:
    c = context()
    s = sheet("meetings", {"hs_meeting_start_time": "2026-01-05T09:00:00Z", "hs_meeting_end_time": "2026-01-05T08:00:00Z"})
    assert named("activity", activities.meeting(s, c))[0]["seconds"] is None
    assert c.odd == {"meetings: end before start, length unknown": 1}


def test_a_mail_s_direction_and_an_open_task() -> None:
    mails = sheet(
        "emails", {"hs_email_direction": "INCOMING_EMAIL"}, {"hs_email_direction": "EMAIL", "hs_email_status": "BOUNCED"}
    )
    assert [(g["direction"], g["status"]) for g in named("activity", activities.email(mails, context()))] == [
        ("in", "held"), ("out", "cancelled")]  # fmt: skip
    tasks = sheet(
        "tasks", {"hs_task_status": "NOT_STARTED"}, {"hs_task_status": "COMPLETED"}, {"hs_task_status": "DEFERRED"}
    )
    assert [g["status"] for g in named("activity", activities.task(tasks, context()))] == ["draft", "held", "cancelled"]


def test_people_of_a_meeting_besides_its_owner_and_its_first_contact() -> None:
    s = sheet("meetings", {"hubspot_owner_id": "70", "hs_attendee_owner_ids": "70;71; 71;72"},
              contacts={"1": [Link("5", False, None), Link("6", False, None)]})  # fmt: skip
    assert [(r[0], r[2], r[3]) for r in activities.theirs(s)] == [("meeting:1:c6", "theirs", "6")]
    assert [(r[0], r[2], r[3]) for r in activities.colleagues(s)] == [
        ("meeting:1:o71", "ours", "71"),
        ("meeting:1:o72", "ours", "72"),
    ]


def test_the_day_of_an_activity_is_the_portal_s() -> None:
    s = sheet("notes", {"hs_timestamp": "2026-01-05T23:30:00Z"})
    assert named("activity", activities.note(s, context(zone="Asia/Tokyo")))[0]["owner_day"] == 20459


def test_inline_links_tell_the_primary() -> None:
    page = {"results": [{"id": "20", "type": "deal_to_company_unlabeled"}, {"id": "3", "type": "deal_to_company_unlabeled"},
                        {"id": "20", "type": "deal_to_company"}]}  # fmt: skip
    assert links.inline(page) == [Link("3", False, None), Link("20", True, None)]
    assert links.chosen(links.inline(page)) == "20"
    assert links.inline({"results": [{"id": "7", "type": "call_to_company"}]}) == [Link("7", False, None)]


def test_batch_links_take_numbers_and_texts_and_labels() -> None:
    entry = {"from": {"id": "1"}, "to": [
        {"toObjectId": 8, "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 279, "label": None},
                                               {"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"}]},
        {"toObjectId": "7", "associationTypes": [{"category": "USER_DEFINED", "typeId": 5, "label": "Partner"}]}]}  # fmt: skip
    assert links.batch(entry) == [Link("7", False, "Partner"), Link("8", True, None)]


def test_what_is_written_is_text_and_empty_clears() -> None:
    assert schema.outgoing({"hours": 12.5, "state": None, "potential": 7, "answer": "Agree"}) == {
        "assay_hours": "12.5", "assay_state": "", "assay_potential": "7"}  # fmt: skip


def test_every_field_has_a_name_and_a_definition() -> None:
    assert set(schema.NAMES) == {f.meaning for f in FIELDS}
    assert all(schema.definition(f)["name"].startswith("assay_") for f in FIELDS)


# ---- owners, quotes, and what else an activity is about -------------------------------------------------------------


def owned(made: str, *told: tuple[str, str | None]) -> list[tuple[str | None, str | None]]:
    """(former, owner) of each change, of a company whose owner's history is `told`, the newest first as HubSpot says it."""
    entries = [{"timestamp": at, "value": value} for at, value in told]
    record = {"id": "1", "properties": {"createdate": made}, "propertiesWithHistory": {"hubspot_owner_id": entries}}
    c = context()
    found = named("owner_change", ownership.owner_change(Sheet("companies", [record], {}), c))
    assert not c.odd
    return [(r["former_id"], r["owner_id"]) for r in found]


def test_who_had_a_company_from_the_start_took_it_from_nobody() -> None:
    """Also where an import set the owner some hours later; but whom it got in the next year, it got then."""
    made = "2024-01-01T08:00:00Z"
    assert owned(made) == []
    assert owned(made, ("2024-01-01T08:00:00.123Z", "71")) == []
    assert owned(made, ("2024-01-01T20:00:00Z", "71")) == []
    assert owned(made, ("2025-01-01T08:00:00Z", "71")) == [(None, "71")]


def test_owners_are_told_in_their_order_and_the_same_one_twice_is_no_change() -> None:
    made = "2024-01-01T08:00:00Z"
    told = (("2024-06-01T08:00:00Z", ""), ("2024-05-01T08:00:00Z", "72"), ("2024-04-01T08:00:00Z", "72"), (made, "71"))
    assert owned(made, *told) == [("71", "72"), ("72", None)]
    assert owned(made, *reversed(told)) == [("71", "72"), ("72", None)], "whatever the order"


def test_a_history_so_long_that_it_may_be_cut_begins_with_somebody() -> None:
    told = [(f"2025-01-{n + 1:02}T08:00:00Z", str(71 + n % 2)) for n in range(ownership.MANY)]
    assert owned("2024-01-01T08:00:00Z", *reversed(told))[0] == ("71", "72")
    assert owned("2024-01-01T08:00:00Z", *reversed(told[1:]))[0] == (None, "72")


@pytest.mark.parametrize(("status", "presented"), [
    ("DRAFT", False), ("PENDING_APPROVAL", False), ("REJECTED", False), ("", False), ("APPROVAL_NOT_NEEDED", True),
    ("APPROVED", True), ("ACCEPTED", True), ("VOID", True)])  # fmt: skip
def test_a_quote_is_presented_once_it_was_published(status: str, presented: bool) -> None:
    s = sheet(
        "quotes", {"hs_status": status, "hs_createdate": "2026-05-01T08:00:00Z"}, deals={"1": [Link("7", False, None)]}
    )
    [got] = named("quote", quotes.quote(s, context()))
    assert (got["opportunity_id"], got["presented"], got["created_at"]) == ("7", presented, 1_777_622_400)


def test_the_further_companies_of_an_activity_are_what_it_is_about_too() -> None:
    to = {"1": [Link("5", False, None), Link("6", True, None), Link("7", False, None)], "2": [Link("5", False, None)]}
    found = named("participant", activities.about(sheet("meetings", {}, {}, companies=to)))
    assert [(r["id"], r["activity_id"], r["side"], r["person_id"]) for r in found] == [
        ("meeting:1:a5", "meeting:1", "about", "5"), ("meeting:1:a7", "meeting:1", "about", "7")]  # fmt: skip
