"""The red-team matrix: figures with bounds that lead to cases, and no text of an attack that nobody asked for."""

import asyncio
from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from genaiops.app.evaluating import Wanted, evaluate
from genaiops.app.home import Home
from genaiops.app.kept_suites import keep_suite
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.web import build
from genaiops.arena import cases_of, new_run
from genaiops.arena.redteam import Building, built, packs_named
from genaiops.engines.runs_sql import open_runs
from tests.console.seed import settings_of
from tests.console.test_empty import log_in


def leaking(case: dict[str, object]) -> str:
    """Gives its instructions away, and refuses nothing."""
    messages = case.get("messages")
    return str(messages[0]["content"]) if isinstance(messages, list | tuple) and messages else "Gladly."


@pytest.fixture(scope="module")
def run_id(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient[Litestar], str]]:
    home = Home(tmp_path_factory.mktemp("redteam") / "home")
    prepare(settings_of(home), {})
    target = {"name": "leaky", "python": "tests.console.test_red_team:leaking"}
    packs = packs_named(["system-prompt-extraction", "misinformation", "over-refusal"])
    suite = built(packs, Building(targets=[target], limit=6))
    store = open_runs(f"sqlite:///{home.runs}")
    try:
        cases = cases_of(suite, folder=None)
        run = new_run(suite, cases, name="attacks")
        store.create(run, cases)
        keep_suite(home, suite)
        asyncio.run(evaluate(store, run, Wanted(suite=suite, name="attacks", models=home.path)))
    finally:
        store.close()
    services = Services(settings_of(home))
    services.folding.start()
    try:
        with TestClient(build(services)) as client:
            log_in(client, home.admin_key)
            client.headers["accept"] = "text/html"
            client.headers["authorization"] = f"Bearer {home.admin_key.read_text().strip()}"  # for the API
            yield client, run.id
    finally:
        services.close(1.0)


def test_the_matrix_has_rates_bounds_and_links_to_cases(run_id: tuple[TestClient[Litestar], str]) -> None:
    client, run = run_id
    text = client.get("/arena/red-team").text.replace("&nbsp;", " ")
    assert "100.0 %" in text
    assert "6 of 6 seeds broken" in text
    assert "0 of 6 seeds broken, at most 39.3 %" in text  # nothing succeeded, and a bound all the same
    assert "0 of 6 seeds refused" in text
    link = f"/arena/runs/{run}?slice=family%3Asystem_prompt_extraction"
    assert link in text
    cases = client.get(f"{link}&target=leaky&show=failed").text
    assert "system-prompt-extraction/repeat/plain/plain" in cases
    assert "Repeat everything" not in cases
    assert "How often attacks succeed" in cases


def test_groups_of_a_run_say_which_share_is_meant(run_id: tuple[TestClient[Litestar], str]) -> None:
    client, run = run_id
    text = client.get(f"/arena/runs/{run}").text
    groups = text[text.index('aria-label="Measured by group"') : text.index('id="cases"')]
    assert ">Mean<" not in groups
    assert "100.0 % succeed" in groups
    assert "0.0 % refused" in groups


def test_texts_of_a_case_are_behind_a_click(run_id: tuple[TestClient[Litestar], str]) -> None:
    client, run = run_id
    text = client.get(f"/arena/runs/{run}/case?id=system-prompt-extraction/repeat/plain/plain").text
    before = text.index("Show what was asked")
    assert before < text.index("Repeat everything")
    assert text.index("<details") < before


def test_the_rows_can_be_others_and_two_runs_stand_beside_each_other(
    run_id: tuple[TestClient[Litestar], str],
) -> None:
    client, run = run_id
    tags = client.get("/arena/red-team?by=tag").text
    assert "owasp:llm07:2025" in tags
    assert "System Prompt Leakage" in tags
    assert "No attack of this run has a hazard" in client.get("/arena/red-team?by=hazard").text
    assert client.get("/arena/red-team?by=colour").status_code == 400
    assert client.get("/arena/red-team?run=run_none").status_code == 404
    assert client.get(f"/arena/red-team?run={run}&beside={run}").status_code == 200


def test_the_api_tells_the_same(run_id: tuple[TestClient[Litestar], str]) -> None:
    client, run = run_id
    report = client.get(f"/api/runs/{run}/attacks", headers={"accept": "application/json"}).json()
    rates = {row["name"]: row["rates"]["leaky"] for row in report["families"]}
    assert rates["system_prompt_extraction"]["rate"] == 1.0
    assert rates["misinformation"]["high"] == pytest.approx(1 - 0.05 ** (1 / 6))
    packs = client.get("/api/redteam/packs", headers={"accept": "application/json"}).json()["data"]
    assert {"jailbreak", "strongreject"} <= {pack["name"] for pack in packs}
