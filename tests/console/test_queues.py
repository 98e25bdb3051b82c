"""Labelling in the console: one item after another by keyboard, settling, and one click from traces and cases."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from playwright.sync_api import expect

from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.web import build
from genaiops.domain import Option, Question
from genaiops.hub import NewKey, NewQueue, Said, item_of_row
from tests.console.conftest import Visitor
from tests.console.run_seed import RUNS, evaluated
from tests.console.seed import settings_of, trace_id
from tests.console.test_empty import log_in

GRADE = Question(name="grade", kind="choice", options=(Option(name="good", worth=1), Option(name="bad", worth=0)))


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    home = Home(tmp_path_factory.mktemp("queues") / "home")
    prepare(settings_of(home), {})
    evaluated(home)
    services = Services(settings_of(home))
    services.folding.start()
    yield services
    services.close(1.0)


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient[Litestar]]:
    with TestClient(build(services)) as client:
        log_in(client, services.home.admin_key)
        client.headers["accept"] = "text/html"
        yield client


@pytest.fixture(scope="module")
def expert(services: Services, client: TestClient[Litestar]) -> TestClient[Litestar]:
    """Somebody who only labels."""
    actor = services.hub.actors.create("ann", "person", roles=["domain-expert"], by="admin")
    _, key = services.hub.keys.create(
        NewKey(name="ann", actor_id=actor.id, environment_id="dev", scopes=("api",)), by="admin"
    )
    other = TestClient(client.app)
    token = other.get("/login").text.split('name="csrf" value="')[1].split('"')[0]
    answer = other.post("/login", data={"csrf": token, "key": key}, follow_redirects=False)
    assert answer.headers["location"] == "/queues"
    other.headers["accept"] = "text/html"
    return other


def post(client: TestClient[Litestar], page: str, path: str, **form: Any) -> Any:
    token = client.get(page).text.split('name="csrf" value="')[1].split('"')[0]
    return client.post(path, data={"csrf": token, **form}, follow_redirects=True)


def queue(services: Services, name: str, count: int = 3, **more: Any) -> Any:
    labelling = services.hub.labelling(services.blobs)
    labelling.queues.create(NewQueue(name=name, questions=[GRADE], **more), by="admin")
    items = [
        item_of_row({"input": f"<b>q{n}</b>", "output": f"Answer {n}."}, f"file/{n}", sources=[]) for n in range(count)
    ]
    labelling.queues.add(name, items, by="admin")
    return labelling


def test_without_scripts_a_form_labels_one_after_the_other(
    services: Services, client: TestClient[Litestar], expert: TestClient[Litestar]
) -> None:
    labelling = queue(services, "plain", overlap_share=1.0, guidelines="# Kind\n<script>x</script> **polite**")
    page = expert.get("/queues/plain").text
    assert "&lt;b&gt;q0&lt;/b&gt;" in page
    assert "<strong>polite</strong>" in page
    assert "<script>x" not in page
    assert "file/0" not in page  # blind
    page = post(
        expert, "/queues/plain", "/queues/plain/label", place="1", grade="good", seconds="4.5", verb="label"
    ).text
    assert "Item 2" in page
    assert "Undo item" in page
    page = post(expert, "/queues/plain", "/queues/plain/undo", place="1").text
    assert "Item 1" in page
    assert re.search(r'value="good"[^>]*checked', page)
    page = post(expert, "/queues/plain", "/queues/plain/label", place="1", grade="", verb="label").text
    assert "grade is not answered" in page
    post(expert, "/queues/plain", "/queues/plain/label", place="1", grade="good", verb="label")
    post(expert, "/queues/plain", "/queues/plain/label", place="2", verb="skip")
    post(client, "/queues/plain", "/queues/plain/label", place="1", grade="bad", verb="label")
    results = client.get("/queues/plain/results").text
    assert "disputed: settle it" in results
    item = client.get("/queues/plain/items/1").text
    assert "ann" in item
    settled = post(client, "/queues/plain/items/1", "/queues/plain/settle", place="1", grade="good")
    assert "Item 1 is settled." in settled.text
    made = post(client, "/queues/plain/results", "/queues/plain/dataset", dataset="graded")
    assert made.url.path == "/hub/dataset/graded"
    assert labelling.queues.item("plain", 1).labels.keys() >= {"admin"}


def test_who_only_labels_sees_nothing_else(services: Services, expert: TestClient[Litestar]) -> None:
    queue(services, "closed-to-her", labellers=["admin"])
    home = expert.get("/")
    assert home.url.path == "/queues"
    assert 'href="/traces' not in home.text
    assert "closed-to-her" not in home.text
    for path in ("/traces", "/hub", "/settings", "/arena", "/queues/closed-to-her", "/queues/closed-to-her/results"):
        assert expert.get(path).status_code == 403, path
    assert post(expert, "/queues/plain", "/queues", name="mine", asks="grade").status_code == 403


def test_cases_and_pairs_of_a_run_are_one_click_away(services: Services, client: TestClient[Litestar]) -> None:
    for name, asks in (("cases", "grade"), ("pairs", "duel")):
        assert "is there" in post(client, "/queues", "/queues", name=name, asks=asks).text
    case = f"/arena/runs/{RUNS[1]}/case?id=order-4"
    page = client.get(case).text
    assert "Add to the queue" in page
    assert "Add to the dataset" in page
    wanted = {"run": RUNS[1], "case": "order-4", "target": "candidate", "back": case}
    assert "Added to the queue: cases" in post(client, case, "/queues/add", queue="cases", **wanted).text
    assert "in the queue already: cases" in post(client, case, "/queues/add", queue="cases", **wanted).text
    assert (
        "Added to the queue: pairs" in post(client, case, "/queues/add", queue="pairs", against="prod", **wanted).text
    )
    assert "Added to the dataset: hard" in post(client, case, "/queues/add", dataset="hard", **wanted).text
    assert "asks about one answer" in post(client, case, "/queues/add", queue="cases", against="prod", **wanted).text
    queues = services.hub.queues(services.blobs)
    [item] = queues.items("pairs")
    assert item.sides == ("candidate", "prod")
    assert services.hub.datasets(services.blobs).resolve("hard").manifest["rows"] == 1


def test_results_draw_ratings(services: Services, client: TestClient[Litestar]) -> None:
    labelling = services.hub.labelling(services.blobs)
    labelling.label("pairs", 1, Said(answers={"better": "left"}), by="admin")
    page = client.get("/queues/pairs/results").text
    assert "data-chart" in page
    assert "Rate of winning" in page


@pytest.mark.needs_browser
def test_labelling_is_done_by_keyboard_and_the_next_is_there_at_once(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open(f"/traces/{trace_id(4).hex()}")
    page.goto(f"{visitor.url}/queues")
    page.get_by_label("Name").fill("by-key")
    page.get_by_role("button", name="Make it").click()
    for number in (4, 8):
        visitor.open(f"/traces/{trace_id(number).hex()}")
        page.get_by_text("Add to…").click()
        page.get_by_label("Queue").select_option("by-key")
        page.get_by_role("button", name="Add to the queue").click()
        expect(page.get_by_text("Added to the queue: by-key")).to_be_visible()
    visitor.open("/queues/by-key")
    expect(page.get_by_role("heading", name="Item 1")).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator("[data-correction]")).to_be_focused()
    assert page.locator("[data-correction]").input_value()
    page.keyboard.press("Tab")
    page.get_by_role("heading", name="Item 1").click()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Item 2")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("heading", name="Item 1")).to_be_visible()
    expect(page.get_by_label("bad 2")).to_be_checked()
    visitor.live()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Item 2")).to_be_visible()
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="Nothing is left for you")).to_be_visible()
