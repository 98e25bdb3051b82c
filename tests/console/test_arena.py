"""Pages of the Arena: the verdict first, then why; cases are found by what became of them, and two runs compared."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from playwright.sync_api import expect

from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.web import build
from genaiops.domain import Run
from genaiops.engines.runs_sql import open_runs
from tests.console.conftest import Visitor
from tests.console.run_seed import CASES, RUNS, duelled, evaluated
from tests.console.seed import settings_of
from tests.console.test_empty import log_in

BEFORE, AFTER, OLD = RUNS
LOST = [number for number in range(CASES) if number % 9 == 4]
ROW = re.compile(r'<tr>\s*<td class="lead long"><a href="([^"]+)">Where is order (\d+)</a>')


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("arena") / "home")
    prepare(settings_of(home), {})
    evaluated(home)
    return home


@pytest.fixture(scope="module")
def client(home: Home) -> Iterator[TestClient[Litestar]]:
    services = Services(settings_of(home))
    services.folding.start()
    try:
        with TestClient(build(services)) as client:
            log_in(client, home.admin_key)
            client.headers["accept"] = "text/html"
            yield client
    finally:
        services.close(1.0)


def shown(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [int(number) for _, number in ROW.findall(answer.text)]


def test_runs_are_listed_with_verdict_targets_and_commit(client: TestClient[Litestar]) -> None:
    text = client.get("/arena").text
    assert text.index(OLD) < text.index(AFTER) < text.index(BEFORE)  # the newest first
    assert "1 of 2 conditions does not hold: right." in text
    assert "prod, candidate" in text
    assert AFTER not in client.get("/arena?commit=0eedbeef0123").text
    assert OLD not in client.get("/arena?suite=orders").text
    assert "No run fits" in client.get("/arena?state=running").text
    assert client.get("/arena?state=green").status_code == 400


def test_a_run_says_its_verdict_and_why_before_all_else(client: TestClient[Litestar]) -> None:
    text = client.get(f"/arena/runs/{AFTER}").text
    verdict, conditions, cases = (text.index(word) for word in ("<strong>FAIL</strong>", ">Conditions", ">Cases"))
    assert verdict < text.index("0 won, 13 lost of 119") < conditions < text.index(">Measured") < cases
    assert "at most 0.05 worse" in text
    assert "reaches 0.8" in text
    assert "data-chart" in text


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("show=lost", LOST),
        ("show=lost&check=right&target=candidate", LOST),
        ("show=won", []),
        ("show=failed&target=candidate", LOST),
        ("show=failed&target=prod", []),
        ("show=errors", [7]),
        ("slice=odd&show=lost", [number for number in LOST if number % 2]),
        ("q=order+11", [11, *range(110, 120)]),
        ("q=please", LOST),
        ("start=100", list(range(100, 120))),
    ],
)
def test_cases_are_found_by_what_became_of_them(client: TestClient[Litestar], query: str, numbers: list[int]) -> None:
    assert shown(client.get(f"/arena/runs/{AFTER}?{query}")) == numbers


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        (f"/arena/runs/{AFTER}?show=green", 400, "Use one of won, lost"),
        (f"/arena/runs/{AFTER}?start=-1", 400, "whole number"),
        (f"/arena/runs/{OLD}?show=lost", 400, "compares with no other target"),
        ("/arena/runs/run_none", 404, "There is no run"),
        (f"/arena/runs/{AFTER}/case?id=nobody", 404, "no such case"),
        (f"/arena/runs/{AFTER}/case?at=120", 404, "no more cases"),
        ("/arena/metrics/none", 404, "no metric"),
        (f"/arena/compare?a={AFTER}", 400, "fewer than two runs"),
        (f"/arena/compare?a={BEFORE}&b={AFTER}&one=nobody", 400, "has no target"),
        (f"/arena/compare/case?a={BEFORE}&b={AFTER}&id=nobody", 404, "no case"),
    ],
)
def test_what_is_not_there_is_said_so(client: TestClient[Litestar], path: str, status: int, says: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert says in answer.text


def test_a_case_shows_what_both_said_with_the_words_that_differ(client: TestClient[Litestar]) -> None:
    listed = client.get(f"/arena/runs/{AFTER}?show=lost").text
    first = ROW.findall(listed)[0][0].replace("&amp;", "&")
    text = client.get(first).text
    assert "Where is order 4" in text
    assert "<ins>lost,</ins>" in text
    assert "1 of 13" in text
    assert "Where is order 13" in client.get(f"/arena/runs/{AFTER}/case?show=lost&at=1").text
    assert "no such order" in client.get(f"/arena/runs/{AFTER}/case?id=order-7").text


def test_two_runs_are_compared_target_by_target(client: TestClient[Litestar]) -> None:
    answer = client.get(f"/arena/compare?a={BEFORE}&b={AFTER}&one=prod&other=candidate")
    assert shown(answer) == LOST
    assert answer.text.count(">worse<") == 2
    assert "0eedbeef0123" in answer.text
    same = client.get(f"/arena/compare?a={BEFORE}&b={AFTER}").text
    assert "No case fell out differently" in same
    assert same.count(">no difference shown<") == 2
    swapped = client.get(f"/arena/compare?a={AFTER}&b={BEFORE}&one=candidate&other=prod").text
    assert swapped.count(">better<") == 2
    case = client.get(f"/arena/compare/case?a={BEFORE}&b={AFTER}&one=prod&other=candidate&id=order-4").text
    assert "<del>on</del>" in case
    assert "<ins>lost,</ins>" in case


def test_a_run_whose_suite_is_not_kept_says_so_and_shows_its_cases(client: TestClient[Litestar]) -> None:
    answer = client.get(f"/arena/runs/{OLD}")
    assert "The suite of this run is not kept here" in answer.text
    assert shown(answer) == list(range(50))
    assert "<strong>FAIL</strong>" in answer.text


def test_a_run_that_goes_on_is_loaded_anew(client: TestClient[Litestar], home: Home) -> None:
    store = open_runs(f"sqlite:///{home.runs}")
    try:
        going = Run(id="run_going", kind="evaluation", subject="suite/z@sha256:0", state="running", created_us=1)
        store.create(going, ())
        assert 'http-equiv="refresh"' in client.get("/arena").text
        assert 'http-equiv="refresh"' in client.get("/arena/runs/run_going").text
        store.delete("run_going")
    finally:
        store.close()
    assert 'http-equiv="refresh"' not in client.get("/arena").text


def test_a_suite_that_was_changed_on_the_disk_is_not_believed(tmp_path: Path) -> None:
    from genaiops.app.kept_suites import keep_suite, kept_suite
    from genaiops.arena import suite_manifest
    from genaiops.core.digest import digest_value
    from genaiops.core.errors import NotFound, StoreError
    from tests.console.run_seed import a_suite

    home, suite = Home(tmp_path), a_suite()
    digest = digest_value(suite_manifest(suite))
    for name in (digest, "../../secret", ""):
        with pytest.raises(NotFound):
            kept_suite(home, name)
    keep_suite(home, suite)
    assert suite_manifest(kept_suite(home, digest)) == suite_manifest(suite)
    [file] = home.suites.iterdir()
    file.write_bytes(file.read_bytes().replace(b"0.05", b"0.95"))
    with pytest.raises(StoreError, match="not what it was"):
        kept_suite(home, digest)


@pytest.mark.needs_browser
def test_keys_go_from_case_to_case_and_intervals_are_drawn(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open(f"/arena/runs/{AFTER}")
    visitor.drawn()
    assert page.locator("[data-chart] canvas").count() == 2
    page.locator("#conditions a", has_text="13").click()
    page.locator("#case-list a").first.click()
    expect(page.get_by_text("1 of 13")).to_be_visible()
    visitor.live()
    page.keyboard.press("j")
    expect(page.get_by_text("2 of 13")).to_be_visible()
    visitor.live()
    page.keyboard.press("k")
    expect(page.get_by_text("1 of 13")).to_be_visible()


def test_the_api_compares_two_runs_as_the_page_does(client: TestClient[Litestar], home: Home) -> None:
    headers = {"accept": "application/json", "authorization": f"Bearer {home.admin_key.read_text().strip()}"}
    path = f"/api/runs/{BEFORE}/compare/{AFTER}"
    found = client.get(path, params={"against": "prod", "limit": 2}, headers=headers).json()
    assert "error" not in found, found
    assert (found["against"], found["target"]) == ("prod", "candidate")
    lost = [f"order-{number}" for number in LOST]
    assert (found["won"], found["lost"]) == ([], lost)
    assert [(each["case"], each["way"]) for each in found["cases"]] == [(name, "lost") for name in lost[:2]]
    assert (found["cases"][0]["before"], found["cases"][0]["after"]) == (
        "Order 4 is on its way.",
        "Order 4 is lost, please wait.",
    )
    right = {each["slice"]: each for each in found["checks"] if each["check"] == "right"}
    assert right.keys() == {None, "even", "odd"}
    assert right[None]["word"] == "worse"
    assert right[None]["comparison"]["losses"] == len(LOST)
    assert right["odd"]["comparison"]["losses"] + right["even"]["comparison"]["losses"] == len(LOST)
    assert client.get(found["page"]).status_code == 200
    for query, says in (({"target": "nobody"}, "has no target"), ({"limit": "501"}, "limit"), ({"no": "1"}, "no")):
        answer = client.get(path, params=query, headers=headers)
        assert answer.status_code == 400, query
        assert says in answer.text
    assert client.get(f"/api/runs/{BEFORE}/compare/run_9", headers=headers).status_code == 404


def test_leader_board(client: TestClient[Litestar]) -> None:
    assert "/arena/board?suite=orders" in client.get("/arena/suites").text
    text = client.get("/arena/board?suite=orders").text
    assert text.index("run_seed:before") < text.index("run_seed:after")  # the best first
    assert f"/arena/runs/{AFTER}" in text  # each by its newest run
    assert f"/arena/runs/{BEFORE}" not in text
    assert "leader board by right" in text
    assert "leader board by exact" in client.get("/arena/board?suite=orders&check=exact").text
    for page in ("board", "trend"):
        unknown = client.get(f"/arena/{page}?suite=order")
        assert unknown.status_code == 404
        assert "There is no suite" in unknown.text
        assert "Did you mean" in unknown.text
    assert client.get("/arena/board?suite=orders&check=wrong").status_code == 400


def test_duels_say_who_won_and_what_the_order_did(client: TestClient[Litestar], home: Home) -> None:
    text = client.get(f"/arena/runs/{duelled(home)}").text
    part = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text.partition('id="duels"')[2].partition("</section>")[0]))
    assert "Duels against prod" in part
    assert "duel candidate 0 1 9 45.0 %" in part
    assert (
        "9 verdicts changed with the order (counted as ties): 9 for what stood first, 0 for what stood second" in part
    )
    assert "candidate lost: order-13" in part
