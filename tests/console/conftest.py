"""A running installation with a day of calls in it, and a real browser in front."""

import asyncio
import contextlib
import gc
import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.app.running import DEADLINE, Installation
from tests.console.run_seed import RUNS
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
    "held": "/guardrails/held",
    "rule": "/guardrails/rules/default/mail",
    "policies": "/guardrails/policies",
    "policy": "/guardrails/policies/default",
    "documents": "/guardrails/documents",
    "replays": "/guardrails/replays",
    "detectors": "/guardrails/detectors",
    "detector": "/guardrails/detectors/pii",
    "risks": "/guardrails/risks",
    "runs": "/arena",
    "suites": "/arena/suites",
    "new suite": "/arena/suites/new?task=answering",
    "red team": "/arena/red-team",
    "experiments": "/arena/experiments",
    "metrics": "/arena/metrics",
    "metric": "/arena/metrics/equals",
    "findings": "/arena/findings",
    "use cases": "/arena/use-cases",
    "queues": "/queues",
    "playground": "/playground",
    "approvals": "/approvals",
    "alerts": "/alerts",
    "system": "/system",
    "settings": "/settings",
    "access": "/settings/access",
    "roles": "/settings/access/roles",
    "audit log": "/settings/audit",
    "audit event": "/settings/audit/1",
}

SEEDED = {
    "run": f"/arena/runs/{RUNS[1]}",
    "old run": f"/arena/runs/{RUNS[2]}?show=failed",
    "choice": f"/arena/runs/{RUNS[1]}/select",
    "case": f"/arena/runs/{RUNS[1]}/case?show=lost&at=1",
    "two runs": f"/arena/compare?a={RUNS[0]}&b={RUNS[1]}&one=prod",
    "trend": "/arena/trend?suite=orders",
    "board": "/arena/board?suite=orders",
    "case of two runs": f"/arena/compare/case?a={RUNS[0]}&b={RUNS[1]}&one=prod&id=order-4",
    "route": "/gateway/routes/support",
    "session": "/session?id=ticket/4701",
    "user": "/user?id=customer-42",
    "erase": "/user/erase?id=customer-42",
    "artifact": "/hub/prompt/support/answer",
    "application": "/releases/support",
    "compare": f"/compare?a={trace_id(4).hex()}&b={trace_id(8).hex()}",
    "target": "/gateway/targets/west",
    "cache": "/gateway/caches/support",
    "shadow": "/gateway/shadows/support",
    "price history": "/gateway/prices/history?provider=echo&model=echo",
}
"""Pages of what only a home that was `prepared` has."""


expect.set_options(timeout=30_000)
"""The machine that runs this may be busy."""


NOT_YET = """
  const small = new CSSStyleSheet();
  small.replaceSync("html { transform: scale(0) !important }");
  document.adoptedStyleSheets.push(small);
  document.addEventListener("DOMContentLoaded", () => document.adoptedStyleSheets.pop(), { once: true });
"""
"""A page has no size before its scripts are in place, for Playwright clicks what has one. People are slower; and who is
faster has the page without scripts, which is whole, but not what a test of the scripts is about."""


def guarded(headers: Mapping[str, str]) -> bool:
    """Whether an answer tells the browser to run and load nothing that is not from here."""
    policy = headers["content-security-policy"]
    return (
        policy.startswith("default-src 'none'")
        and "unsafe" not in policy
        and {
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
        }.items()
        <= dict(headers).items()
    )


class Visitor:
    """A person in front of the console. `trouble` collects what a page must never do: errors and violations in the
    browser's console, requests to anywhere else.

    What is clicked, filled or chosen waits for the page's scripts by itself. Keys do not: a test that presses some
    after a navigation other than by `open` expects something that only the new page has, then waits with `live`."""

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

    def leave(self) -> None:
        """The context goes on to somebody else."""
        self.page.close()
        self.context.remove_listener("request", self._look_at)

    def _look_at(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.trouble.append(f"a request to {request.url}")

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def live(self) -> None:
        """The scripts of the page that is there are in place."""
        self.page.wait_for_load_state("domcontentloaded")

    def log_in(self) -> None:
        """A session of the administrator, without the way through the login page."""
        client = self.context.request
        token = client.get(f"{self.url}/login").text().split('name="csrf" value="')[1].split('"')[0]
        form: dict[str, str | float | bool] = {"csrf": token, "key": self.installation.key}
        answer = client.post(f"{self.url}/login", form=form, max_redirects=0)
        assert answer.status == 303

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


QUICK = "--js-flags=--no-maglev --no-turbofan --min-semi-space-size=16 --single-threaded-gc"
"""A page lives for a moment here: to compile its scripts again, for speed, takes longer than it saves. That is about a
quarter of what a page with charts costs."""


class Chromium:
    """A browser of this process. Playwright keeps an event loop running in the thread of the tests."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._loop = asyncio.get_running_loop()
        self._stays: Page | None = None

    def common(self, url: str) -> BrowserContext:
        """Serves one visitor after another; nothing is in it but what a browser keeps of files.

        A page that stays keeps the renderer's process and with it the scripts: to start and read them anew was half of
        what a visit costs."""
        if self._stays is None:
            self._stays = self.context().new_page()
            self._stays.goto(f"{url}/login")
        self._stays.evaluate("localStorage.clear()")
        self._stays.context.clear_cookies()
        return self._stays.context

    def close(self) -> None:
        self._stays = None
        self._browser.close()
        del self._browser

    def context(self, **options: Any) -> BrowserContext:
        context = self._browser.new_context(**options)
        if options.get("java_script_enabled", True):
            context.add_init_script(NOT_YET)
        return context

    @contextlib.contextmanager
    def in_use(self) -> Generator[None]:
        """The loop counts as the running one in here alone: asynchronous tests of other files need one of their own."""
        asyncio._set_running_loop(self._loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def chromium(browser_path: str) -> Iterator[Chromium]:
    """One for all files of this process: starting it takes a second."""
    playwright = sync_playwright().start()
    found = Chromium(
        playwright.chromium.launch(
            executable_path=browser_path,
            args=["--no-sandbox", "--disable-background-networking", "--process-per-site", QUICK],
        )
    )
    asyncio._set_running_loop(None)
    yield found
    with found.in_use():
        found.close()
        playwright.stop()
    del playwright
    let_go()


def let_go() -> None:
    """Playwright closes its loop before its driver has ended, and leaves coroutines that nobody will await: they go
    here, and not in the middle of a test that would be blamed."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()
    finally:
        sys.unraisablehook = hook


@pytest.fixture(scope="module")
def browser(chromium: Chromium) -> Iterator[Chromium]:
    with chromium.in_use():
        yield chromium


@pytest.fixture
def visitor_with(browser: Chromium, installation: Installation) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors with options of a browser context (`viewport`, `color_scheme`, `java_script_enabled`)."""
    made: list[Visitor] = []
    common = browser.common(installation.url)

    def make(**options: Any) -> Visitor:
        is_free = not options and common not in [visitor.context for visitor in made]
        made.append(Visitor(common if is_free else browser.context(**options), installation))
        return made[-1]

    yield make
    for visitor in made:
        if visitor.context is common:
            visitor.leave()
        else:
            visitor.context.close()
    assert not [line for visitor in made for line in visitor.trouble]


@pytest.fixture
def visitor(visitor_with: Callable[..., Visitor]) -> Visitor:
    return visitor_with()
