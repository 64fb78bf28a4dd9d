"""The same firm in HubSpot, and in two CRMs: what the records say is what was planted."""

import csv
import filecmp
from collections import Counter
from pathlib import Path

import pytest

from sandbox import world
from sandbox.hubspot.loading import load
from sandbox.salesforce.loading import load as load_org


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for name, crms in (("salesforce", ("salesforce",)), ("hubspot", ("hubspot",)), ("both", ("salesforce", "hubspot"))):
        made[name] = tmp_path_factory.mktemp(name)
        world.generate(made[name], seed=5, accounts=150, crms=crms)
    return made


def test_the_same_arguments_give_the_same_bytes(folders: dict[str, Path], tmp_path: Path) -> None:
    world.generate(tmp_path, seed=5, accounts=150, crms=("salesforce", "hubspot"))
    names = [str(p.relative_to(folders["both"])) for p in folders["both"].rglob("*") if p.is_file()]
    assert filecmp.cmpfiles(folders["both"], tmp_path, names, shallow=False)[0] == names


def test_one_firm_is_the_same_in_either_crm(folders: dict[str, Path]) -> None:
    """Meetings, calls, mails, deals and people number for number."""
    s, h = folders["salesforce"] / "salesforce", folders["hubspot"] / "hubspot"
    tasks = Counter(r["TaskSubtype"] for r in rows(s, "Task"))
    assert (tasks["Call"], tasks["Email"]) == (len(rows(h, "calls")), len(rows(h, "emails")))
    events = [r for r in rows(s, "Event") if r["IsChild"] == "false"]
    assert len(events) == len(rows(h, "meetings"))
    assert len(rows(s, "Opportunity")) == len(rows(h, "deals"))
    assert len(rows(s, "Contact")) == len(rows(h, "contacts"))
    invited = sum(";" in r["hs_attendee_owner_ids"] for r in rows(h, "meetings"))
    assert 0 < sum(r["IsChild"] == "true" for r in rows(s, "Event")) <= invited
    won = sum(r["StageName"] == "Closed Won" for r in rows(s, "Opportunity"))
    assert won == sum(r["dealstage"] == "closedwon" for r in rows(h, "deals"))
    truths = [[(r["kind"], r["minutes_180d"]) for r in rows(folders[n], "truth")] for n in ("salesforce", "hubspot", "both")]
    assert truths[0] == truths[1] == truths[2]


def test_both_sandboxes_load_it_and_no_id_points_nowhere(folders: dict[str, Path]) -> None:
    assert load(folders["hubspot"]).warnings == {}
    assert load(folders["both"]).warnings == {}
    assert load_org(folders["both"]).warnings == {}


def test_of_two_crms_most_accounts_are_known_in_both_some_in_one(folders: dict[str, Path]) -> None:
    truth = rows(folders["both"], "truth")
    places = Counter((r["account_id"].startswith("001"), bool(r["hubspot_id"])) for r in truth)
    assert set(places) == {(True, True), (True, False), (False, True)}
    assert 0.5 < places[True, True] / len(truth) < 0.7


def test_linked_companies_carry_the_id_or_share_a_domain(folders: dict[str, Path]) -> None:
    truth = {r["hubspot_id"]: r["account_id"] for r in rows(folders["both"], "truth") if r["hubspot_id"]}
    companies = {r["id"]: r for r in rows(folders["both"] / "hubspot", "companies")}
    sites = {r["Id"]: r["Website"] for r in rows(folders["both"] / "salesforce", "Account")}
    by_id = 0
    for company, account in truth.items():
        if account.startswith("001"):
            assert sites[account] == f"https://www.{companies[company]['domain']}/"
            by_id += companies[company]["salesforceaccountid"] == account
            assert companies[company]["salesforceaccountid"] in ("", account)
        else:
            assert companies[company]["salesforceaccountid"] == ""
    assert 0.5 < by_id / sum(a.startswith("001") for a in truth.values()) < 0.85


def test_of_a_linked_account_s_entries_each_is_somewhere_and_some_in_both(folders: dict[str, Path]) -> None:
    alone = len(rows(folders["hubspot"] / "hubspot", "calls"))
    mine = sum(r["TaskSubtype"] == "Call" for r in rows(folders["both"] / "salesforce", "Task"))
    theirs = len(rows(folders["both"] / "hubspot", "calls"))
    assert alone < mine + theirs < 1.2 * alone


def test_users_of_both_are_the_same_people(folders: dict[str, Path]) -> None:
    mine = {r["Email"] for r in rows(folders["both"] / "salesforce", "User")}
    assert mine == {r["email"] for r in rows(folders["both"] / "hubspot", "owners")}


def test_synchronised_deals_name_their_opportunity_and_agree_with_it(folders: dict[str, Path]) -> None:
    opportunities = {r["Id"]: r for r in rows(folders["both"] / "salesforce", "Opportunity")}
    named = [r for r in rows(folders["both"] / "hubspot", "deals") if r["hs_salesforceopportunityid"]]
    assert named
    for deal in named:
        other = opportunities[deal["hs_salesforceopportunityid"]]
        assert (float(deal["amount"]), deal["closedate"][:10]) == (float(other["Amount"]), other["CloseDate"])


def test_a_bulk_portal_has_the_shares_it_promises(tmp_path: Path) -> None:
    world.bulk_portal(tmp_path, seed=1, records=5_000)
    portal = load(tmp_path)
    assert portal.warnings == {}
    counts = {name: len(table.ids) for name, table in portal.tables.items() if table.ids}
    assert counts["companies"] == 100
    assert counts["contacts"] == 300
    assert counts["deals"] == 200
    assert counts["calls"] + counts["meetings"] + counts["emails"] == 4_400
