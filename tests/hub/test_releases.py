"""Applications, what they pin, and what serves where."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import Conflict, Forbidden, GenaiopsError, NotFound, UsageError
from genaiops.domain import Actor, Commit, Deployment, Edge, Release, ReleaseManifest, Route, RouteTarget, Share, Target
from genaiops.hub import Hub, KeyChange, NewApplication, NewKey
from genaiops.hub._deployments import _shares
from genaiops.hub._manifests import manifest_digest
from tests.hub.conftest import Clock


@pytest.fixture
def app(hub: Hub, echo: Target) -> str:
    assert echo.model == "parrot"
    return hub.applications.create(NewApplication(name="support", title="Support"), by="admin").id


def release(hub: Hub, app: str, **manifest: Any) -> Release:
    fields: dict[str, Any] = {"model": "parrot", **manifest}
    return hub.releases.create(app, ReleaseManifest(**fields), by="admin")


def test_the_same_manifest_is_the_same_release(hub: Hub, app: str, clock: Clock) -> None:
    first = release(hub, app, parameters={"temperature": 0.2, "seed": 1})
    version = hub.records.read
    clock.move(5)
    with version() as view:
        before = view.version()
    again = release(hub, app, parameters={"seed": 1, "temperature": 0.2})
    with version() as view:
        assert view.version() == before
    assert again == first
    assert first.id == f"support@{first.digest}"
    assert hub.releases.verify(first).holds


def test_a_reference_by_alias_is_pinned_to_what_it_names_now(hub: Hub, app: str) -> None:
    one = hub.artifacts.register("policy", "guard", {"longest": 1}, by="admin")
    two = hub.artifacts.register("policy", "guard", {"longest": 2}, by="admin")
    hub.artifacts.move("policy/guard", "prod", one.id, by="admin")
    made = release(hub, app, pins={"guard": "policy/guard@prod"})
    hub.artifacts.move("policy/guard", "prod", two.id, by="admin")
    assert made.manifest.pins == {"guard": one.id}
    other = release(hub, app, pins={"guard": "policy/guard@prod"})
    assert [(each.field, each.before, each.after) for each in hub.releases.diff(made, other)] == [
        ("pins.guard", one.id, two.id)
    ]
    with hub.records.read() as view:
        (edge,) = view.find(Edge, {"source": one.id})
    assert (edge.target, edge.relation) == (f"release/{made.id}", "pins")


@pytest.mark.parametrize(
    ("manifest", "param", "word"),
    [
        ({"model": "parot"}, "model", "parrot"),
        ({"parameters": {"temperature": 3}}, "parameters.temperature", "0 to 2"),
        ({"parameters": {"stream": True}}, "parameters.stream", "Each call"),
        ({"parameters": {"max_tokens": True}}, "parameters.max_tokens", "whole"),
        ({"parameters": {"Temp": 1}}, "parameters.Temp", "a_name"),
        ({"parameters": {"stop": None}}, "parameters.stop", "leave it out"),
        ({"pins": {"guard": "policy/x"}}, "pins.guard", "default"),
        ({"pins": {"guard": "policy/x@prod"}}, "pins.guard", "default"),
        ({"prompt": "answer@prod"}, "prompt", "none yet"),
        ({"commit": Commit(sha="nonsense")}, "commit.sha", "rev-parse"),
    ],
)
def test_what_a_release_cannot_pin(hub: Hub, app: str, manifest: dict[str, Any], param: str, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        release(hub, app, **manifest)
    assert caught.value.param == param
    assert word in (caught.value.remedy or "")


def test_an_altered_release_is_found(hub: Hub, app: str) -> None:
    made = release(hub, app)
    altered = msgspec.structs.replace(made, manifest=ReleaseManifest(model="parrot", parameters={"seed": 7}))
    assert not hub.releases.verify(altered).unchanged
    hub.targets.remove("echo", by="admin")
    assert hub.releases.verify(made).missing == ("model parrot",)


@given(st.dictionaries(st.sampled_from("abc"), st.integers() | st.text(max_size=3), max_size=3), st.randoms())
def test_the_digest_does_not_depend_on_the_order(parameters: dict[str, Any], random: Any) -> None:
    items = list(parameters.items())
    random.shuffle(items)
    one, two = (ReleaseManifest(model="m", parameters=dict(each)) for each in (parameters.items(), items))
    assert manifest_digest(one) == manifest_digest(two)


def test_a_release_is_named_by_the_beginning_of_its_digest(hub: Hub, app: str, clock: Clock) -> None:
    one = release(hub, app)
    clock.move(1)
    two = release(hub, app, parameters={"seed": 1})
    for text in ("latest", two.digest, two.id, two.digest[7:13]):
        assert hub.releases.resolve(app, text) == two
    assert [each.id for each in hub.releases.of(app)] == [two.id, one.id]
    with pytest.raises(NotFound, match="has no release 'sha256:000000'"):
        hub.releases.resolve(app, "sha256:000000")
    with pytest.raises(UsageError, match="names no release"):
        hub.releases.resolve(app, "newest")


def test_deploying_moving_shares_and_rolling_back(hub: Hub, app: str, clock: Clock) -> None:
    first, second = release(hub, app), release(hub, app, parameters={"seed": 1})
    hub.deployments.deploy(app, "dev", first.digest, by="admin")
    clock.move(1)
    canary = hub.deployments.deploy(app, "dev", second.digest, share=10, by="admin")
    assert canary.shares == (Share(first.id, 90), Share(second.id, 10))
    whole = hub.deployments.deploy(app, "dev", second.digest, by="admin")
    assert (whole.shares, whole.former) == ((Share(second.id, 100),), (Share(first.id, 100),))
    assert hub.deployments.deploy(app, "dev", second.digest, by="admin") == whole
    back = hub.deployments.roll_back(app, "dev", by="admin")
    assert (back.shares, back.former) == (whole.former, whole.shares)
    assert [len(each.shares) for each in hub.deployments.history(app, "dev")] == [1, 1, 2, 1]
    hub.deployments.take_down(app, "dev", by="admin")
    assert hub.deployments.history(app, "dev")[0].shares == ()
    with pytest.raises(NotFound, match="not deployed"):
        hub.deployments.roll_back(app, "dev", by="admin")


def test_what_cannot_be_deployed(hub: Hub, app: str) -> None:
    with pytest.raises(NotFound, match="has no release"):
        hub.deployments.deploy(app, "dev", "latest", by="admin")
    release(hub, app)
    with pytest.raises(UsageError, match="No other release"):
        hub.deployments.deploy(app, "dev", "latest", share=10, by="admin")
    with pytest.raises(Conflict, match="has not acknowledged"):
        hub.deployments.deploy(app, "prod", "latest", by="admin")
    with pytest.raises(NotFound, match="environment"):
        hub.deployments.deploy(app, "nowhere", "latest", by="admin")
    hub.deployments.deploy(app, "dev", "latest", by="admin")
    with pytest.raises(Conflict, match="before"):
        hub.deployments.roll_back(app, "dev", by="admin")


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=6), st.integers(1, 99))
def test_shares_are_whole_and_make_a_hundred(weights: list[int], share: int) -> None:
    digest = "sha256:" + "0" * 64
    new = Release(id="a@new", application_id="a", digest=digest, manifest=ReleaseManifest(model="m"), created_us=1)
    former = Deployment(
        id="a@dev",
        application_id="a",
        environment_id="dev",
        shares=tuple(Share(f"a@{n}", weight) for n, weight in enumerate(weights)),
        since_us=1,
    )
    try:
        made = _shares(new, former, share)
    except UsageError:
        assert 100 - share < len(weights)
        return
    assert sum(each.weight for each in made) == 100
    assert min(each.weight for each in made) >= 1
    assert made[-1] == Share("a@new", share)


def test_a_key_of_prod_is_of_an_application(hub: Hub, ann: Actor, app: str) -> None:
    def new(**fields: Any) -> NewKey:
        given: dict[str, Any] = {"name": "k", "actor_id": ann.id, "environment_id": "prod", **fields}
        return NewKey(**given)

    with pytest.raises(UsageError, match="is of none") as caught:
        hub.keys.create(new(), by="admin")
    assert (caught.value.code, caught.value.param) == ("application_missing", "application")
    with pytest.raises(NotFound, match="no application 'suport'"):
        hub.keys.create(new(application="suport"), by="admin")
    key, _ = hub.keys.create(new(application=app), by="admin")
    with pytest.raises(UsageError, match="is of none"):
        hub.keys.change(key.id, KeyChange(application=None), by="admin")
    hub.keys.create(new(scopes=("api",)), by="admin")
    hub.keys.create(new(environment_id="dev", application="only-a-label"), by="admin")
    with pytest.raises(Conflict, match="1 keys"):
        hub.applications.remove(app, by="admin")


def test_an_acknowledgement_is_a_persons(hub: Hub, app: str, clock: Clock) -> None:
    robot = hub.actors.create("robot", "service_account", roles=("operator",), by="admin")
    with pytest.raises(Forbidden, match="service account"):
        hub.applications.acknowledge(app, "It does.", by=robot.id)
    with pytest.raises(UsageError, match="empty"):
        hub.applications.acknowledge(app, "  ", by="admin")
    made = hub.applications.acknowledge(app, "It does, and says so.", by="admin")
    assert (made.acknowledged_us, made.acknowledged_by, made.statement) == (
        clock.now_us,
        "admin",
        "It does, and says so.",
    )
    release(hub, app)
    hub.deployments.deploy(app, "prod", "latest", by="admin")
    assert hub.applications.withdraw(app, by="admin").acknowledged_us is None


def test_an_application_in_use_stays(hub: Hub, app: str) -> None:
    release(hub, app)
    hub.deployments.deploy(app, "dev", "latest", by="admin")
    for remove in (hub.applications.remove, lambda _app, by: hub.environments.remove("dev", by=by)):
        with pytest.raises(GenaiopsError, match="1 deployments"):
            remove(app, by="admin")
    hub.deployments.take_down(app, "dev", by="admin")
    hub.applications.remove(app, by="admin")
    assert (hub.applications.list(), hub.releases.list()) == ([], [])


def test_a_route_that_a_deployed_release_calls_stays(hub: Hub, app: str) -> None:
    hub.routes.create(Route(id="chat", targets=(RouteTarget("echo"),), created_us=0), by="admin")
    release(hub, app, model="chat")
    hub.deployments.deploy(app, "dev", "latest", by="admin")
    with pytest.raises(Conflict, match="support@dev calls 'chat'"):
        hub.routes.remove("chat", by="admin")
    hub.deployments.take_down(app, "dev", by="admin")
    hub.routes.remove("chat", by="admin")
