"""The page of a route's shadow copies."""

from collections.abc import Iterator

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.web import build
from genaiops.core.clock import now_us
from genaiops.domain import ReleaseManifest, Route, RouteTarget, ShadowPolicy, Target
from genaiops.hub import NewApplication
from tests.api.test_traces import SECOND, call
from tests.console.seed import settings_of
from tests.console.test_empty import log_in

PAIRS = 4


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("shadows") / "home")
    prepare(settings_of(home), {})
    return home


@pytest.fixture(scope="module")
def services(home: Home) -> Iterator[Services]:
    services = Services(settings_of(home))
    services.folding.start()
    for name in ("loud", "quiet"):
        target = Target(id=name, provider="echo", model=name, upstream_model=name, created_us=0)
        services.hub.targets.create(target, by="admin")
    for name, shadow in (("copied", ShadowPolicy("quiet", "shadow/copied")), ("alone", None)):
        route = Route(id=name, targets=(RouteTarget("loud"),), shadow=shadow, created_us=0)
        services.hub.routes.create(route, by="admin")
    copied(services)
    deployed(services)
    yield services
    services.close(1.0)


@pytest.fixture(scope="module")
def client(home: Home, services: Services) -> Iterator[TestClient[Litestar]]:
    with TestClient(build(services)) as client:
        log_in(client, home.admin_key)
        yield client


def deployed(services: Services) -> None:
    """An application with two releases, of which the older one serves."""
    hub = services.hub
    hub.applications.create(NewApplication(name="support"), by="admin")
    for model in ("loud", "quiet"):
        hub.releases.create("support", ReleaseManifest(model=model), by="admin")
        if model == "loud":
            hub.deployments.deploy("support", "dev", "latest", by="admin")


def copied(services: Services, key: str = "shadow/copied", since_us: int = 0) -> None:
    for number in range(PAIRS):
        at_us = since_us + number if since_us else now_us() - (30 - number) * SECOND
        live, copy = call(at_us), call(at_us + (1 if since_us else SECOND), key_id=key)
        root = msgspec.structs.replace(copy.spans[0], target_id="quiet", duration_us=300_000 + number)
        told = {"genaiops.shadow_of": msgspec.Raw(msgspec.json.encode(live.spans[0].trace_id.hex()))}
        contents = [msgspec.structs.replace(each, attributes=told) for each in copy.contents]
        services.telemetry.write(live)
        services.telemetry.write(msgspec.structs.replace(copy, spans=[root, *copy.spans[1:]], contents=contents))


def test_pairs_and_where_they_lead(client: TestClient[Litestar]) -> None:
    page = client.get("/gateway/shadows/copied?check=word_count").text
    assert "quiet against what users got" in page
    assert "word_count" in page
    assert page.count("/compare?a=") == PAIRS
    beside = page.split('href="/compare?a=')[1].split('"')[0].replace("&amp;", "&")
    assert client.get(f"/compare?a={beside}").status_code == 200
    assert page.count('lost=latency#pairs"') == 1
    lost = client.get("/gateway/shadows/copied?lost=latency").text
    assert ("the copy was worse by latency" in lost, lost.count("/compare?a=")) == (True, PAIRS)
    assert client.get("/gateway/shadows/copied?lost=cost").text.count("/compare?a=") == 0
    assert "/gateway/shadows/copied" in client.get("/gateway/routes").text
    assert "/gateway/shadows/alone" not in client.get("/gateway/routes").text


def test_a_release_is_put_in_shadow_and_compared(client: TestClient[Litestar], services: Services) -> None:
    assert '/shadows/support@dev"' in client.get("/releases/support").text
    page = client.get("/shadows/support@dev").text
    assert "Put a release in shadow" in page
    candidate = page.split('name="release"><option value="')[1].split('"')[0]
    form = {"csrf": page.split('name="csrf" value="')[1].split('"')[0], "deployment": "support@dev"}

    def act(verb: str, **more: str) -> str:
        return client.post("/shadows", data={**form, "verb": verb, **more}).text

    assert "200 % is no share" in act("begin", release=candidate, share="200")
    begun = act("begin", release=candidate, share="25")
    for text in ("It hears copies from now on.", "25 % of the calls", "No copy is made until", "No copies yet."):
        assert text in begun
    copied(services, "shadow/app/support@dev", now_us())
    compared = client.get("/shadows/support@dev?check=word_count").text
    assert (compared.count("/compare?a="), "word_count" in compared) == (PAIRS, True)
    assert "In shadow" in client.get("/releases/support").text
    assert "No release is in shadow any more." in act("end")
    assert "nothing to do" in act("explode")


def test_without_a_shadow_it_says_how_to_get_one(client: TestClient[Litestar]) -> None:
    assert "genaiops route set alone --target loud=1 --shadow TARGET" in client.get("/gateway/shadows/alone").text


@pytest.mark.parametrize(
    ("address", "status"),
    [("nowhere", 404), ("copied?check=judge", 400), ("copied?check=refusl", 404), ("copied?since=soon", 400)],
)
def test_what_cannot_be(client: TestClient[Litestar], address: str, status: int) -> None:
    answer = client.get(f"/gateway/shadows/{address}")
    assert (answer.status_code, "Traceback" in answer.text) == (status, False)
