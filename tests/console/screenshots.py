"""Takes the console's screenshots anew: `python -m tests.console.screenshots FOLDER`, `make screenshots`.

The home is the one that the console's tests use, with a route over two targets that has just been called.
"""

import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from genaiops.domain import Route, RouteTarget
from genaiops.hub import NewKey, NewPrice
from tests.app.running import Installation, request, until
from tests.conftest import find_browser
from tests.console.conftest import Visitor
from tests.console.seed import prepared

PAGES = {
    "overview": "/",
    "gateway": "/gateway",
    "routes": "/gateway/routes",
    "budgets": "/gateway/budgets",
    "costs": "/costs?by=key&since=7d",
}
CALLS = 60


def busy(installation: Installation) -> None:
    """A route with live shares: most calls go where the weights say."""
    for name in ("east", "north"):
        installation.add_echo(name, text=f"from the {name}")
    with installation.hub() as hub:
        for name in ("east", "north"):
            hub.prices.set(NewPrice(provider="echo", model=name, input="1", output="2"), by="admin")
        targets = (RouteTarget("east", 3), RouteTarget("north", 1))
        hub.routes.create(Route(id="answers", targets=targets, fallbacks=("echo", "west"), created_us=0), by="admin")
        _, key = hub.keys.create(NewKey(name="assistant", actor_id="admin", environment_id="dev"), by="admin")
    body = {"model": "answers", "messages": [{"role": "user", "content": "What is new?"}]}
    url = f"{installation.url}/v1/chat/completions"
    until(lambda: request(url, key=key, body=body).status == 200, "a worker to take it up")
    for _ in range(CALLS):
        request(url, key=key, body=body)
    time.sleep(3)  # until the traces are folded in


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        home = prepared(Path(place) / "home")
        with Installation(home.path, "--no-embedded") as installation:
            busy(installation.start())
            browser = playwright.chromium.launch(executable_path=find_browser(""), args=["--no-sandbox"])
            visitor = Visitor(browser.new_context(viewport={"width": 1280, "height": 800}), installation)
            visitor.log_in()
            for name, path in PAGES.items():
                visitor.open(path)
                visitor.drawn()
                visitor.page.wait_for_timeout(300)
                visitor.page.screenshot(path=folder / f"{name}.png")
            installation.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
