"""The pages and the JSON API over real databases: who may look, what they say, and that they hurt nobody."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from builders import firm_scores, judged_firm, score
from fastapi import FastAPI
from shared import SOAK
from sqlalchemy import Engine, insert, update
from starlette.testclient import TestClient

from assay import __version__
from assay.settings import ConfigError, Settings, settings_model
from assay.text.scores import FIELDS
from assay.web import create_app, raise_if_exposed
from assay.web.records import Account
from db.engine import open_database
from db.store import Store
from db.tables import link, metadata
from scoring.records import BALANCED, COMFORT, STATES, UNDER, Reason, Score

TOKEN = "0123456789abcdef0123"
NASTY = "<script>alert(1)</script>\"'&\x1b\u202e\u05d0\u05d1 🚀"
PAGES = ("/", "/picture", "/books", "/accounts", "/coverage", "/backtest", "/plan", "/runs/1", "/runs/2")


class Well:
    """A service without problems whose next night is known."""

    def __init__(self, *problems: str) -> None:
        self.said = list(problems)

    def problems(self) -> list[str]:
        return self.said

    def next_run(self) -> int | None:
        return 1_795_172_400


def settings(**given: Any) -> Settings:
    return settings_model()(**given)


def application(engine: Engine, *problems: str, **given: Any) -> FastAPI:
    return create_app(engine, settings(**given), Well(*problems), lambda: (b"assay_up 1\n", "text/plain; version=0.0.4"))


def client(engine: Engine, *problems: str, **given: Any) -> TestClient:
    return TestClient(application(engine, *problems, **given), base_url="http://127.0.0.1", raise_server_exceptions=True)


@pytest.fixture
def web(engine: Engine) -> Iterator[TestClient]:
    judged_firm(engine, firm_scores(72))
    with client(engine) as asked:
        yield asked


def account_paths(web: TestClient, state: str | None = None) -> list[str]:
    items = web.get("/api/accounts", params={"limit": 200} | ({"state": state} if state else {})).json()["items"]
    return [f"/accounts/{i['crm']}/{i['account_id']}" for i in items]


class Page(HTMLParser):
    """Tags in order, links and text of a page; checks that every tag closes."""

    VOID = ("meta", "br", "link", "input")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> set[str]:
        return {str(attrs["href"]) for tag, attrs in self.tags if tag == "a"}


# ---- who may look ---------------------------------------------------------------------------------------------------


@pytest.fixture
def locked(tmp_path: Any) -> Iterator[TestClient]:
    engine = open_database(f"sqlite:///{tmp_path}/none.db")
    yield client(engine, "scheduler has stopped", web={"token": TOKEN})
    engine.dispose()


def basic(password: str, user: str = "anyone") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer  {TOKEN} ", basic(TOKEN), basic(TOKEN, "")])
def test_the_token_opens_the_page_as_bearer_and_as_basic_password(locked: TestClient, header: str) -> None:
    assert locked.get("/metrics", headers={"Authorization": header}).text == "assay_up 1\n"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN, basic("x"), basic("", TOKEN), "Basic ÿ", "Basic !!",
     "Basic /w==", f"Digest {TOKEN}", "Bearer \xff"],
)  # fmt: skip
def test_nothing_else_opens_it(locked: TestClient, header: str) -> None:
    for path in ("/", "/metrics", "/api/status", "/api/openapi.json", "/nowhere", "/assets/style.css", "/healthz/"):
        answer = locked.get(path, headers={"Authorization": header.encode("latin-1")} if header else {})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        assert TOKEN not in answer.text


def test_health_needs_no_token_and_carries_no_data(locked: TestClient) -> None:
    assert locked.get("/healthz").json() == {"alive": True, "version": __version__}
    answer = locked.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    assert locked.head("/healthz").status_code == 200


def test_without_a_token_only_a_loopback_name_is_answered(tmp_path: Any) -> None:
    asked = client(open_database(f"sqlite:///{tmp_path}/none.db"))
    for host in ("127.0.0.1:8080", "localhost", "[::1]:8080"):
        assert asked.get("/metrics", headers={"Host": host}).status_code == 200
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[", "localhost.evil.example:8080"):
        assert asked.get("/metrics", headers={"Host": host}).status_code == 421
    assert asked.get("/readyz", headers={"Host": "10.0.0.7"}).status_code == 200


def test_a_page_that_others_could_reach_is_refused_without_a_token(tmp_path: Any) -> None:
    for host in ("0.0.0.0", "::", "10.0.0.7", ""):  # noqa: S104 that is what is refused
        with pytest.raises(ConfigError, match=r"token.*127\.0\.0\.1"):
            raise_if_exposed(host, settings())
    raise_if_exposed("127.0.0.1", settings())
    raise_if_exposed("0.0.0.0", settings(web={"token": TOKEN}))  # noqa: S104
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    raise_if_exposed("0.0.0.0", settings(web={"token_file": tmp_path / "token"}))  # noqa: S104
    with pytest.raises(ConfigError, match="No such file"):
        raise_if_exposed("0.0.0.0", settings(web={"token_file": tmp_path / "nowhere"}))  # noqa: S104
    with pytest.raises(ConfigError, match="shorter than 16"):
        raise_if_exposed("127.0.0.1", settings(web={"token": "short"}))


def test_every_answer_carries_the_headers_that_keep_a_browser_in_bounds(web: TestClient) -> None:
    for path in ("/", "/api/status", "/nowhere", "/healthz", "/assets/style.css", "/report", "/api/accounts?limit=0"):
        headers = web.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert "http:" not in policy
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert web.get("/").headers["cache-control"] == "no-store"
    assert "set-cookie" not in web.get("/").headers


def test_nothing_can_be_changed_over_http(web: TestClient) -> None:
    for path in (*PAGES, "/api/status", "/api/accounts", "/metrics", "/report"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert web.request(method, path).status_code == 405


# ---- what the pages say ---------------------------------------------------------------------------------------------


@pytest.mark.sampled
def test_every_page_is_whole_and_links_only_to_what_is_there(web: TestClient) -> None:
    seen: set[str] = set()
    waiting = {*PAGES, *account_paths(web)[:3]}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = web.get(path)
        assert answer.status_code == 200, path
        assert len(answer.content) < 300_000
        if "text/html" in answer.headers["content-type"] and path != "/report":
            found = Page(answer.text)
            ids = [attrs["id"] for _, attrs in found.tags if "id" in attrs]
            assert len(ids) == len(set(ids)), path
            assert {x[1:] for x in found.links if x.startswith("#")} <= set(ids), path
            assert all(x.startswith(("/", "#")) for x in found.links), path
            if len(seen) < (60 if SOAK else 25):
                waiting |= {x for x in found.links if x.startswith("/")} - seen
    assert len(seen) > 40


def test_no_page_needs_a_script_a_style_attribute_or_another_machine(web: TestClient) -> None:
    for path in (*PAGES, account_paths(web)[0]):
        page = web.get(path).text
        names = {name for _, attrs in Page(page).tags for name in attrs}
        assert "style" not in names
        assert not [n for n in names if n.startswith("on")]
        assert not {tag for tag, _ in Page(page).tags} & {"script", "iframe", "img", "object", "style"}
        assert not re.search(r"https?:|url\(|@import", page)


def test_the_status_page_says_how_the_last_night_was_and_when_the_next_is(web: TestClient) -> None:
    page = web.get("/").text
    for said in (
        "the CRM refused some rows",
        "2026-11-19 11:08",
        "2026-11-20 11:00",
        "4,338",
        "57",
        "row is locked",
        "LOCKED",
        "pull",
        "12.3 s",
    ):
        assert said in page, said
    assert "rejected" in web.get("/api/runs/2").json()["outcome"]


def test_problems_holds_and_failures_are_said_in_words(engine: Engine) -> None:
    org = judged_firm(engine, firm_scores(3))
    with engine.begin() as c:
        c.exec_driver_sql("UPDATE org SET hold = 'undone on Monday'")
        c.exec_driver_sql("UPDATE run SET outcome = 'failed', message = 'login was refused' WHERE id = 2")
    with client(engine, "scheduler has stopped") as asked:
        page = asked.get("/").text
    for said in ("scheduler has stopped", "undone on Monday", "login was refused", "The last night failed."):
        assert said in page
    assert org.crm in page


def test_an_account_shows_its_reasons_numbers_and_records(engine: Engine) -> None:
    judged_firm(engine, [score(41, COMFORT), *firm_scores(12)])
    with client(engine) as asked:
        page = asked.get("/accounts/salesforce/a41").text
        whole = asked.get("/api/accounts/salesforce/a41").json()
    for said in ("Firm 41", COMFORT, "reason 41", "step 41", "44.0", "36,905", "45,188", "24,600–123,000", "Deal of Firm 41",
                 "12,345", "Owner 5", "as measured", "va41", "2026-10-24"):  # fmt: skip
        assert said in page, said
    assert whole["records"]["activities"][0]["counted"] == 2700
    assert whole["records"]["opportunities"][0]["amount_cents"] == 1_234_500
    assert whole["owner"] == "Owner 5"


def test_the_list_finds_by_state_and_by_words_and_turns_its_pages(engine: Engine) -> None:
    judged_firm(engine, [*firm_scores(120), score(500, UNDER, name="Ärzte & Söhne")])
    with client(engine) as asked:
        assert "121 accounts" in asked.get("/accounts").text
        found = asked.get("/accounts", params={"q": "söhne ärz"}).text
        assert "1 account<" in found
        assert "Ärzte &amp; Söhne" in found
        under = Page(asked.get("/accounts", params={"state": UNDER}).text)
        assert "21 accounts: Under-worked" in under.text
        assert {x for x in under.links if x.startswith("/accounts/s")} == {*account_paths(asked, UNDER)}
        pages = [Page(asked.get("/accounts", params={"page": n}).text).links for n in (1, 2, 3, 99)]
        rows = [{x for x in links if x.startswith("/accounts/s")} for links in pages]
        assert [len(r) for r in rows] == [50, 50, 21, 21]
        assert len(rows[0] | rows[1] | rows[2]) == 121
        for strange in ({"page": "x"}, {"page": "-1"}, {"state": "none"}, {"q": "%00"}, {"page": "9" * 400}):
            assert asked.get("/accounts", params=strange).status_code == 200
        assert "Nothing found" in asked.get("/accounts", params={"q": "no such firm"}).text


def test_the_picture_leads_to_every_account_and_the_table_beside_it_to_the_most_notable(web: TestClient) -> None:
    page = web.get("/picture").text
    drawing = page[page.index('<svg class="chart"') : page.index("</svg>", page.index('<svg class="chart"'))]
    assert {*re.findall(r'<a href="([^"]+)"', drawing)} == {*account_paths(web)}
    beside = page[page.index("<aside") : page.index("</aside") + 8]
    assert {x for x in Page(beside).links if x.startswith("/accounts/")} <= {
        *account_paths(web, COMFORT),
        *account_paths(web, UNDER),
    }
    assert len(re.findall("<tr><th scope=.row", beside)) == 10


def test_the_plan_shows_old_and_new_a_page_at_a_time(web: TestClient) -> None:
    whole = web.get("/api/plan").json()
    assert (whole["accounts"], whole["pages"]) == (72, 2)
    assert whole["fields"]["next_step"] == 72
    page = web.get("/plan").text
    assert "72 accounts would be written." in page
    assert "[write] enabled" in page
    rest = web.get("/api/plan", params={"page": 2}).json()["items"]
    assert len({c["account_id"] for c in whole["items"]} | {c["account_id"] for c in rest}) == 72
    assert web.get("/api/plan", params={"page": 3}).status_code == 404
    assert "Firm" in web.get("/plan?page=2").text


def test_books_show_no_person_and_hidden_owners_are_nowhere(engine: Engine) -> None:
    judged_firm(engine, firm_scores(72))
    with client(engine) as asked:
        assert "Owner" not in asked.get("/books").text.replace("owner's", "")
        assert "Owner 1" in asked.get("/accounts").text
        first = account_paths(asked)[0]
    with client(engine, report={"hide_owners": True}) as asked:
        for path in (*PAGES, first, "/api/accounts", f"/api{first}", "/api/summary", "/report"):
            text = asked.get(path).text
            assert "Owner " not in text, path
            assert not re.search(r'"?\brep\d', text), path
        assert asked.get("/api/accounts", params={"owner": "rep1"}).json()["items"][0]["owner_id"] is None


def test_the_report_is_the_file_that_the_command_writes(web: TestClient) -> None:
    answer = web.get("/report")
    assert answer.headers["content-disposition"] == 'attachment; filename="assay-2026-11-23.html"'
    assert "Firm 6" in answer.text


def test_before_the_first_night_every_page_says_so(engine: Engine) -> None:
    with client(engine) as asked:
        for path in PAGES[:7]:
            answer = asked.get(path)
            assert answer.status_code == 200
            assert re.search("No night|Nothing", answer.text)
        assert asked.get("/runs/1").status_code == 404
        assert asked.get("/report").status_code == 200
        assert asked.get("/api/accounts").json() == {"items": [], "total": 0, "next": None}
        assert asked.get("/api/summary").json()["headline"] == "There are no accounts to judge yet."


def test_a_new_night_shows_without_a_restart(engine: Engine) -> None:
    org = judged_firm(engine, firm_scores(3))
    with client(engine) as asked:
        assert "3 accounts" in asked.get("/accounts").text
        Store(engine).save_verdicts(org.id, firm_scores(4))
        judged_firm(engine, firm_scores(4))
        asked.get("/accounts")  # notices, and shows the night before while the new one is added up
        for thread in [t for t in threading.enumerate() if t.name == "snapshot"]:
            thread.join(20)
        assert "4 accounts" in asked.get("/accounts").text


def test_a_database_that_is_away_is_said_in_words(tmp_path: Any) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/empty.db")
    asked = client(engine)
    page, record = asked.get("/"), asked.get("/api/status")
    assert (page.status_code, record.status_code) == (503, 503)
    assert "The database does not answer" in page.text
    assert "The database does not answer" in record.json()["detail"]
    assert "Traceback" not in page.text


# ---- names from strangers -------------------------------------------------------------------------------------------


def nasty(s: Score) -> Score:
    long = NASTY + "x" * 10_000
    return replace(s, name=long, reasons=(Reason("T1", long),), next_step=long, currency="EUR", grade="A",
                   coverage={NASTY: NASTY}, evidence={NASTY: NASTY})  # fmt: skip


def test_hostile_names_stay_text_on_every_page(engine: Engine) -> None:
    judged_firm(engine, [nasty(s) for s in firm_scores(72)], name=NASTY)
    with engine.begin() as c:
        for table, column in (("run", "message"), ("owner", "name"), ("ledger", "message"), ("ledger", "code"), ("org", "hold"),
                              ("opportunity", "name"), ("opportunity", "stage")):  # fmt: skip
            c.execute(update(metadata.tables[table]).values({column: NASTY}))
    with client(engine, NASTY) as asked:
        for path in (
            *PAGES,
            *account_paths(asked)[:2],
            f"/accounts?q={quote(NASTY)}",
            f"/accounts/{quote(NASTY, safe='')}/{quote(NASTY, safe='')}",
            "/report",
        ):
            answer = asked.get(path)
            assert answer.status_code in (200, 404)
            assert "<script" not in answer.text
            assert not re.search("[\x00-\x08\x1b\u202e]", answer.text)
            assert len(answer.content) < 300_000, path
            if path != "/report":
                Page(answer.text)
        json.loads(asked.get("/api/accounts").text)


def test_secrets_are_on_no_page(engine: Engine) -> None:
    canary = "canary-0123456789abcdef"
    judged_firm(engine, firm_scores(12))
    hidden = {"salesforce": {"client_secret": canary, "access_token": canary, "client_id": "id"}, "hubspot": {"token": canary},
              "web": {"token": canary}}  # fmt: skip
    with client(engine, **hidden) as asked:
        asked.headers["Authorization"] = f"Bearer {canary}"
        paths = (*PAGES, *account_paths(asked)[:1], "/report", "/metrics", "/nowhere", "/api/status", "/api/summary", "/api/plan",
                 "/api/runs", "/api/openapi.json", "/api/accounts?limit=x")  # fmt: skip
        for path in paths:
            answer = asked.get(path)
            assert canary not in answer.text + str(answer.headers), path


# ---- the API --------------------------------------------------------------------------------------------------------


def test_the_api_gives_every_account_once_in_pages(web: TestClient) -> None:
    seen, after = [], None
    while True:
        page = web.get("/api/accounts", params={"limit": 10} | ({"after": after} if after else {})).json()
        seen += [i["account_id"] for i in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == page["total"] == 72
    assert seen == sorted(seen)


def test_an_account_has_the_fields_of_the_command_line(web: TestClient) -> None:
    assert tuple(Account.model_fields) == FIELDS
    one = web.get("/api/accounts", params={"q": "a7"}).json()["items"]
    assert [i["name"] for i in one] == ["Firm 7"]
    assert (one[0]["as_of"], one[0]["state"], one[0]["reasons"]) == (
        "2026-11-23",
        STATES[1],
        [{"code": "T1", "text": "reason 7"}],
    )


def test_numbers_that_are_none_are_null(engine: Engine) -> None:
    nan = float("nan")
    judged_firm(engine, [score(1, BALANCED, expected=nan, trailing_12m=nan, hours_gap=nan, potential_high=float("inf"))])
    with client(engine) as asked:
        assert asked.get("/api/accounts").json()["items"][0]["expected"] is None
        assert asked.get("/api/accounts/salesforce/a1").json()["potential_high"] is None
        for path in (*PAGES[:7], "/accounts/salesforce/a1"):
            assert not re.search(r"\b(nan|inf)\b", asked.get(path).text)


def test_runs_and_rejects_turn_their_pages_and_say_when_there_is_nothing(web: TestClient) -> None:
    first = web.get("/api/runs", params={"limit": 1}).json()
    second = web.get("/api/runs", params={"limit": 1, "before": first["next"]}).json()
    assert [r["id"] for r in first["items"] + second["items"]] == [2, 1]
    assert second["items"][0]["day"] == "2026-11-22"
    rejects = web.get("/api/rejects").json()["items"]
    assert [(r["code"], r["message"], r["crm"]) for r in rejects] == [("LOCKED", "row is locked", "salesforce")]
    assert web.get("/api/runs/77").status_code == 404
    assert web.get("/api/accounts/salesforce/none").json() == {"detail": "no account of this CRM has this id and a verdict"}


@pytest.mark.parametrize(
    "path", ["/api/runs?limit=0", "/api/runs/0", "/api/runs/99999999999999", "/api/accounts?state=x", "/api/accounts?after=x",
             "/api/plan?page=0", "/api/rejects?before=x"]
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(web: TestClient, path: str) -> None:
    answer = web.get(path)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"]


def test_a_summary_names_the_largest_moves_and_its_own_pages_all(engine: Engine) -> None:
    """Thousands of accounts made a megabyte of what is asked for its sums."""
    one_book = [
        score(n, (COMFORT, UNDER)[n % 2], owner_id="U1", hours=(60.0 + n, 1.0)[n % 2], fair_hours=20.0) for n in range(500)
    ]
    judged_firm(engine, one_book)
    with client(engine) as asked:
        told = asked.get("/api/summary").json()["reallocation"]
        pages = [asked.get("/api/reallocation", params={"page": n}).json() for n in (1, 2, 3)]
        assert asked.get("/api/reallocation?page=4").status_code == 404
    moves = [m for page in pages for m in page["items"]]
    assert [(p["page"], p["pages"], len(p["items"])) for p in pages] == [(1, 3, 200), (2, 3, 200), (3, 3, 100)]
    assert len({m["account_id"] for m in moves}) == 500
    assert [abs(m["hours"]) for m in moves] == sorted((abs(m["hours"]) for m in moves), reverse=True)
    assert sum(m["hours"] for m in moves if m["hours"] > 0) == pytest.approx(told["hours"])
    for side, sign in (("taken", -1), ("given", 1)):
        assert told[side] == [m for m in moves if m["hours"] * sign > 0][:20]


def test_what_two_crms_know_is_told_once_and_found_under_either_id(engine: Engine) -> None:
    judged_firm(engine, firm_scores(6))
    second = judged_firm(engine, [replace(score(n), account_id=f"9{n}", name=f"Firm {n}") for n in range(8)], "hubspot")
    with engine.begin() as c:
        same = {"org": second.id, "kind": "account", "why": "id"}
        c.execute(insert(link), [same | {"id": f"9{n}", "to_id": f"a{n}"} for n in range(6)])
    with client(engine) as asked:
        assert asked.get("/api/accounts").json()["total"] == 8
        assert asked.get("/accounts/hubspot/93").status_code == 200
        records = [asked.get(f"/api/accounts/{path}").json()["records"] for path in ("salesforce/a3", "hubspot/93")]
        assert records[0] == records[1]
        assert {r["id"] for r in records[0]["activities"]} == {"va3", "v93"}
