"""Takes the console's screenshots anew: `python -m tests.console.screenshots FOLDER`, `make screenshots`.

The home is the one that the console's tests use, with a route over two targets that has just been called.
"""

import json
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from genaiops.domain import Route, RouteTarget
from genaiops.hub import NewKey, NewPrice
from tests.app.running import Installation, request, until
from tests.conftest import find_browser
from tests.console.conftest import Visitor
from tests.console.seed import prepared, trace_id

PAGES = {
    "overview": "/",
    "gateway": "/gateway",
    "routes": "/gateway/routes",
    "budgets": "/gateway/budgets",
    "costs": "/costs?by=key&since=7d",
    "compare": f"/compare?a={trace_id(0).hex()}&b={trace_id(1).hex()}",
    "artifact": "/hub/prompt/support/answer",
    "releases": "/releases/support",
}
CALLS = 60
STEPS = (
    ("invoke_agent support", None, 0, 4200, {"gen_ai.operation.name": "invoke_agent"}),
    ("plan", 0, 20, 620, {}),
    ("chat gpt-4o-mini", 1, 30, 600, {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}),
    ("retrieve handbook", 0, 660, 420, {"openinference.span.kind": "RETRIEVER"}),
    ("lookup_order", 0, 1100, 380, {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup_order"}),
    ("lookup_carrier", 0, 1490, 830, {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup_carrier"}),
    ("chat gpt-4o", 0, 2340, 1840, {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}),
)
"""(name, which one it is part of, after ms, for ms, attributes)."""
SAID = {
    "gen_ai.input.messages": [
        {"role": "system", "parts": [{"type": "text", "content": "You help customers of a printer shop."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Where is order 4711? It was promised for Friday."}]},
    ],
    "gen_ai.output.messages": [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "It left Leipzig this morning and will be with you on Monday."}],
        }
    ],
}


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


def agent(installation: Installation) -> str:
    """A trace of an agent, as OpenTelemetry sends it; returns its id."""
    trace, now = secrets.token_hex(16), time.time_ns() - 5_000_000_000
    ids = [secrets.token_hex(8) for _ in STEPS]
    spans: list[dict[str, Any]] = []
    for number, (name, above, after, took, told) in enumerate(STEPS):
        attributes = dict(told)
        if "gen_ai.request.model" in told:
            attributes |= {"gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 420 + 310 * number}
            attributes |= {"gen_ai.usage.output_tokens": 40 + 9 * number}
        if number == len(STEPS) - 1:
            attributes |= {key: json.dumps(messages) for key, messages in SAID.items()}
        spans.append(
            {
                "traceId": trace,
                "spanId": ids[number],
                **({} if above is None else {"parentSpanId": ids[above]}),
                "name": name,
                "startTimeUnixNano": str(now + after * 1_000_000),
                "endTimeUnixNano": str(now + (after + took) * 1_000_000),
                "attributes": [{"key": key, "value": _value(value)} for key, value in attributes.items()],
            }
        )
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    assert request(f"{installation.url}/v1/traces", key=installation.key, body=body).status == 200
    return trace


def _value(value: str | int) -> dict[str, str]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def playground(visitor: Visitor) -> None:
    """Two prompt versions beside each other."""
    page = visitor.open("/playground?model=answers&beside=answers")
    for place in (0, 1):
        page.locator("[name=prompt]").nth(place).select_option(index=1 + place)
        page.wait_for_function(f"() => document.querySelectorAll('[name=system]')[{place}].value")
    page.get_by_label("Message").fill("Does it print in colour?")
    page.get_by_role("button", name="Send").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-figure=cost]')].every((each) => each.textContent.includes('USD'))"
    )


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        home = prepared(Path(place) / "home")
        with Installation(home.path, "--no-embedded") as installation:
            busy(installation.start())
            browser = playwright.chromium.launch(executable_path=find_browser(""), args=["--no-sandbox"])
            visitor = Visitor(browser.new_context(viewport={"width": 1280, "height": 800}), installation)
            visitor.page.set_default_timeout(60_000)  # the first chart waits for its library, also on a busy machine
            visitor.log_in()
            pages = {**PAGES, "traces": f"/traces?trace={agent(installation)}"}
            for name, path in pages.items():
                visitor.open(path)
                visitor.drawn()
                visitor.page.wait_for_timeout(300)
                visitor.page.screenshot(path=folder / f"{name}.png")
            playground(visitor)
            visitor.page.screenshot(path=folder / "playground.png")
            installation.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
