"""The pages as people meet them: in a browser, by keyboard, on a phone, in the dark, on paper, by a screen reader's rules."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

PATHS = {
    "status": "/", "picture": "/picture", "books": "/books", "accounts": "/accounts", "data": "/coverage",
    "backtest": "/backtest", "plan": "/plan", "run": "/runs/1001", "nothing": "/nowhere",
}  # fmt: skip
LOOKS = {"desk": (1280, "light"), "dark": (1280, "dark"), "phone": (375, "light"), "phone-dark": (375, "dark")}
#: axe's own grades; "minor" and "moderate" are advice
SERIOUS = {"serious", "critical"}


@pytest.fixture(params=list(LOOKS))
def page(request: pytest.FixtureRequest, browser: Browser, shots: Path) -> Iterator[Page]:
    """A page in each look; what the console says, and what is asked of other machines, is an error."""
    width, scheme = LOOKS[request.param]
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    opened = context.new_page()
    said: list[str] = []
    opened.on("console", lambda m: said.append(f"{m.type}: {m.text}"))
    opened.on("pageerror", lambda e: said.append(str(e)))
    opened.on("request", lambda r: None if r.url.startswith(("http://127.0.0.1:", "file:")) else said.append(r.url))
    opened.look, opened.shots = request.param, shots  # type: ignore[attr-defined]
    yield opened
    assert [s for s in said if "404" not in s] == []
    context.close()


def account(page: Page, site: str, state: str = "Comfort zone") -> str:
    items = page.request.get(f"{site}/api/accounts", params={"state": state, "limit": 1}).json()["items"]
    return f"/accounts/{items[0]['crm']}/{items[0]['account_id']}"


def judge(page: Page, name: str) -> None:
    """A picture, no page wider than its screen, nothing serious in axe's eyes."""
    page.screenshot(path=page.shots / f"{name}-{page.look}.png", full_page=True)  # type: ignore[attr-defined]
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    found: Any = Axe().run(page).response
    serious = [v for v in found["violations"] if v["impact"] in SERIOUS]
    assert [(v["id"], v["nodes"][0]["html"][:200], v["nodes"][0]["failureSummary"]) for v in serious] == []


@pytest.mark.parametrize("name", PATHS)
def test_every_page_is_readable(page: Page, site: str, name: str) -> None:
    page.goto(site + PATHS[name])
    judge(page, name)


@pytest.mark.parametrize("state", ["Comfort zone", "Under-worked", "Not enough evidence"])
def test_an_account_is_readable(page: Page, site: str, state: str) -> None:
    page.goto(site + account(page, site, state))
    judge(page, f"account-{state.split()[0].lower()}")


def test_the_report_file_is_readable(page: Page, demo: Path) -> None:
    page.goto((demo / "report.html").as_uri())
    judge(page, "report")


def by_keyboard(page: Page, presses: int) -> list[dict[str, Any]]:
    """What the Tab key reaches, and whether the focus shows."""
    seen = []
    for _ in range(presses):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                """() => { const e = document.activeElement, s = getComputedStyle(e);
                return {tag: e.tagName, href: e.getAttribute && e.getAttribute('href'),
                        mark: !!e.closest('svg.chart'), shown: s.outlineStyle !== 'none' || !!e.closest('svg')} }"""
            )
        )
    return seen


@pytest.fixture
def desk(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def test_the_picture_can_be_walked_and_followed_by_keyboard(desk: Page, site: str) -> None:
    desk.goto(f"{site}/picture")
    marks = desk.locator("svg.chart a").count()
    seen = by_keyboard(desk, 9 + marks)
    reached = {e["href"] for e in seen if e["mark"]}
    assert len(reached) == marks > 40
    assert all(e["shown"] for e in seen)
    href = str(desk.evaluate("document.activeElement.getAttribute('href')"))
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**{href}")
    assert desk.locator("h1").inner_text()


def test_the_keyboard_skips_to_the_content_and_finds_an_account(desk: Page, site: str) -> None:
    desk.goto(f"{site}/accounts")
    first = by_keyboard(desk, 1)[0]
    assert first["href"] == "#main"
    name = desk.locator("tbody th a").first.inner_text()
    desk.locator("#q").focus()
    desk.keyboard.type(name.lower())
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/accounts?q=*")
    assert desk.locator("tbody th a").first.inner_text() == name


def test_the_pages_work_without_script(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    for path in PATHS.values():
        opened.goto(site + path)
        assert opened.locator("h1").inner_text()
    context.close()


def test_the_report_prints(desk: Page, demo: Path, shots: Path) -> None:
    desk.goto((demo / "report.html").as_uri())
    desk.emulate_media(media="print")
    assert not desk.locator("nav").first.is_visible()
    paper = desk.pdf(path=shots / "report.pdf", format="A4")
    assert paper.startswith(b"%PDF")


def test_a_browser_opens_the_page_with_the_token_as_password(browser: Browser, locked: tuple[str, str]) -> None:
    address, token = locked
    for password, code in ((token, 200), ("x" * 20, 401)):
        context = browser.new_context(http_credentials={"username": "any", "password": password})
        opened = context.new_page()
        answer = opened.goto(address)
        assert answer is not None
        assert answer.status == code
        dressed = opened.evaluate("!!document.styleSheets.length && document.styleSheets[0].cssRules.length > 50")
        assert dressed == (code == 200)
        context.close()
