"""A running installation with a day of calls in it, and a real browser in front."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.app.running import DEADLINE, Installation
from tests.console.seed import prepared, trace_id

PATHS = {
    "overview": "/",
    "traces": "/traces",
    "sessions": "/sessions",
    "users": "/users",
    "erasures": "/erasures",
    "hub": "/hub",
    "releases": "/releases",
    "gateway": "/gateway",
    "routes": "/gateway/routes",
    "new route": "/gateway/new-route",
    "targets": "/gateway/targets",
    "new target": "/gateway/new-target",
    "caches": "/gateway/caches",
    "keys": "/gateway/keys",
    "budgets": "/gateway/budgets",
    "limits": "/gateway/limits",
    "prices": "/gateway/prices",
    "costs": "/costs?since=7d&by=key",
    "guardrails": "/guardrails",
    "verdicts": "/guardrails/verdicts",
    "rule": "/guardrails/rules/default/mail",
    "playground": "/playground",
    "approvals": "/approvals",
    "system": "/system",
    "settings": "/settings",
    "access": "/settings/access",
    "roles": "/settings/access/roles",
    "audit log": "/settings/audit",
    "audit event": "/settings/audit/1",
}

SEEDED = {
    "route": "/gateway/routes/support",
    "session": "/session?id=ticket/4701",
    "user": "/user?id=customer-42",
    "erase": "/user/erase?id=customer-42",
    "artifact": "/hub/prompt/support/answer",
    "application": "/releases/support",
    "compare": f"/compare?a={trace_id(4).hex()}&b={trace_id(8).hex()}",
    "target": "/gateway/targets/west",
    "cache": "/gateway/caches/support",
    "price history": "/gateway/prices/history?provider=echo&model=echo",
}
"""Pages of what only a home that was `prepared` has."""


expect.set_options(timeout=30_000)
"""The machine that runs this may be busy."""


class Visitor:
    """A person in front of the console. `trouble` collects what a page must never do: errors and violations in the
    browser's console, requests to anywhere else."""

    def __init__(self, context: BrowserContext, installation: Installation) -> None:
        self.installation = installation
        self.url = installation.url
        self.context = context
        self.trouble: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(DEADLINE * 1000)
        self.page.on(
            "console", lambda said: self.trouble.append(said.text) if said.type in {"error", "warning"} else None
        )
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        context.on("request", self._look_at)

    def _look_at(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.trouble.append(f"a request to {request.url}")

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def log_in(self) -> None:
        """A session of the administrator, without the way through the login page."""
        with httpx.Client(base_url=self.url, timeout=30) as client:
            page = client.get("/login").text
            token = page.split('name="csrf" value="')[1].split('"')[0]
            answer = client.post("/login", data={"csrf": token, "key": self.installation.key})
            assert answer.status_code == 303
            name = "genaiops_session"
            self.context.add_cookies(
                [{"name": name, "value": client.cookies[name], "url": self.url, "sameSite": "Strict"}]
            )

    def paste(self, key: str, path: str = "/") -> Page:
        """Log in as people do."""
        page = self.open(path)
        page.get_by_label("Key").fill(key)
        page.get_by_role("button", name="Log in").click()
        return page

    def drawn(self) -> None:
        """All charts of the page are there."""
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('[data-chart]')].every(p => 'drawn' in p.dataset)"
        )


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = prepared(tmp_path_factory.mktemp("console") / "home")
    with Installation(home.path, "--no-embedded") as running:
        yield running.start()
        assert running.stop() == 0


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Browser]:
    """Not for the whole session: Playwright keeps an event loop running in this thread, and asynchronous tests need one
    of their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visitor_with(browser: Browser, installation: Installation) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors with options of a browser context (`viewport`, `color_scheme`, `java_script_enabled`)."""
    made: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        made.append(Visitor(browser.new_context(**options), installation))
        return made[-1]

    yield make
    for visitor in made:
        visitor.context.close()
    assert not [line for visitor in made for line in visitor.trouble]


@pytest.fixture
def visitor(visitor_with: Callable[..., Visitor]) -> Visitor:
    return visitor_with()
