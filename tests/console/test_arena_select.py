"""The page on which one target of a run is chosen: compared, refused with its reason, recorded with who approved it."""

import re
from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.web import build
from tests.console.run_seed import RUNS, SWEEP, evaluated, swept
from tests.console.seed import settings_of
from tests.console.test_empty import log_in

PAGE = f"/arena/runs/{RUNS[1]}/select"
TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Litestar]]:
    home = Home(tmp_path_factory.mktemp("select") / "home")
    prepare(settings_of(home), {})
    evaluated(home)
    swept(home)
    services = Services(settings_of(home))
    services.folding.start()
    try:
        with TestClient(build(services)) as client:
            log_in(client, home.admin_key)
            client.headers["accept"] = "text/html"
            yield client
    finally:
        services.close(1.0)


def sent(client: TestClient[Litestar], **fields: str) -> tuple[int, str]:
    token = TOKEN.search(client.get(PAGE).text)
    assert token is not None
    answer = client.post(PAGE, data={"csrf": token[1], "check": "right", **fields})
    return answer.status_code, answer.text


def test_compared_then_chosen(client: TestClient[Litestar]) -> None:
    before = client.get(PAGE).text
    assert "Not decided" in before
    assert "Quality and latency" in before
    assert f'href="{PAGE}"' in client.get(f"/arena/runs/{RUNS[1]}").text
    facts = 'licences = ["MIT"]\n[[candidate]]\ntarget = "prod"\nlicence = "other"'
    status, page = sent(client, verb="compare", text=facts)
    assert status == 200
    assert "Its licence is other" in page
    status, page = sent(client, verb="choose", text=facts, chosen="prod", reasons="It is right")
    assert status == 400
    assert "prod is not allowed" in page
    status, page = sent(client, verb="choose", chosen="prod", reasons="It is right more often\nIt is here already")
    assert status == 200
    assert "<strong>Chosen: prod</strong>Proposed by admin, " in page
    assert "Approved by admin, " in page
    assert "Approved by the same person who proposed it." in page
    assert "<li>It is here already</li>" in page
    assert "as they were compared when it was decided" in page
    assert "as they were compared" not in client.get(f"{PAGE}?check=exact").text


def test_faults_are_told_where_they_are(client: TestClient[Litestar]) -> None:
    status, page = sent(client, verb="compare", text='licences = ["MIT"]\nlicenses = 3')
    assert status == 400
    assert "line 2" in page
    status, page = sent(client, verb="compare", text='[[candidate]]\ntarget = "prod"\n[candidate.retrieval]\nk = 3')
    assert "prod lacks chunker, embedder, index, prompt" in page
    assert "is not kept" in client.get(f"/arena/runs/{RUNS[2]}/select").text


def test_a_sweep(client: TestClient[Litestar]) -> None:
    assert f'href="/arena/runs/{SWEEP}/sweep"' in client.get(f"/arena/runs/{SWEEP}").text
    page = client.get(f"/arena/runs/{SWEEP}/sweep").text
    assert "With 0 passages: beyond 1 example, more (up to 2) are not shown to be better" in page
    assert page.count("Quality, cell by cell") >= 1
    assert "an estimate (pieces-1)" in page
    other = client.get(f"/arena/runs/{RUNS[1]}/sweep")
    assert "no sweep" in other.text
    assert "/sweep" not in client.get(f"/arena/runs/{RUNS[1]}").text
