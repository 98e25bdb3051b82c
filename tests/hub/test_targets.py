"""Targets and routes."""

import msgspec
import pytest

from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import (
    BreakerPolicy,
    HedgePolicy,
    ProbePolicy,
    RetryPolicy,
    Route,
    RouteTarget,
    ShadowPolicy,
    Target,
    TargetTimeouts,
)
from genaiops.hub import Hub
from tests.hub.conftest import START_US, Clock

GOOD = Target(
    id="openai/gpt-4o",
    provider="openai",
    model="gpt-4o",
    upstream_model="gpt-4o-2024-08-06",
    base_url="https://api.example.com/v1/",
    credentials=("OPENAI_KEY", "OPENAI_KEY_2"),
    created_us=0,
)


def test_a_target_is_kept_as_given(hub: Hub, clock: Clock) -> None:
    made = hub.targets.create(GOOD, by="admin")
    assert made == msgspec.structs.replace(GOOD, base_url="https://api.example.com/v1", created_us=START_US)
    assert hub.targets.get(GOOD.id) == made
    clock.move(1)
    replaced = hub.targets.replace(msgspec.structs.replace(GOOD, max_concurrency=4), by="admin")
    assert replaced == msgspec.structs.replace(made, max_concurrency=4)
    assert not hub.targets.set_enabled(GOOD.id, enabled=False, by="admin").enabled
    hub.targets.remove(GOOD.id, by="admin")
    with pytest.raises(NotFound):
        hub.targets.replace(GOOD, by="admin")


@pytest.mark.parametrize(
    ("fields", "said", "param"),
    [
        ({"id": "GPT"}, "cannot be the name of a target", "id"),
        ({"provider": "opnai"}, "Did you mean 'openai'?", "provider"),
        ({"model": "a b"}, "cannot be the name of a model", "model"),
        ({"model": "gpt*"}, "cannot be the name of a model", "model"),
        ({"model": "app/support"}, "those of applications", "model"),
        ({"upstream_model": ""}, "upstream_model is empty", "upstream_model"),
        ({"base_url": None}, "has no base_url", "base_url"),
        ({"base_url": "api.example.com"}, "no address", "base_url"),
        ({"base_url": "ftp://api.example.com"}, "no address", "base_url"),
        ({"base_url": "file:///etc/passwd"}, "no address", "base_url"),
        ({"base_url": "https://"}, "no address", "base_url"),
        ({"base_url": "https://host:99999/v1"}, "cannot be read", "base_url"),
        ({"base_url": "https://[::1/v1"}, "cannot be read", "base_url"),
        ({"base_url": "https://ho st/v1"}, "no address", "base_url"),
        ({"base_url": "https://host/v1\r\nX: y"}, "no address", "base_url"),
        ({"base_url": "https://host/v1?key=1"}, "query", "base_url"),
        ({"base_url": "https://host/v1#"}, "query or a fragment", "base_url"),
        ({"base_url": "https://host/v1/chat/completions"}, "Write https://host/v1.", "base_url"),
        ({"operations": ()}, "chat, text_completion, embeddings", "operations"),
        ({"operations": ("chat", "chat")}, "twice", "operations"),
        ({"operations": ("paint",)}, "not well formed", None),
        ({"timeouts": TargetTimeouts(connect=0)}, "timeouts.connect is 0", "timeouts.connect"),
        ({"timeouts": TargetTimeouts(total=float("nan"))}, "", None),
        ({"breaker": BreakerPolicy(failures=0)}, "breaker.failures is 0", "breaker.failures"),
        ({"max_concurrency": 0}, "max_concurrency is 0", "max_concurrency"),
        ({"max_output_tokens": 0}, "max_output_tokens", "max_output_tokens"),
        ({"context_window": -1}, "context_window", "context_window"),
        ({"proxy": "socks5://host:1"}, "proxy", "proxy"),
        ({"proxy": "http://***@host:1"}, "in the place of", "proxy"),
        ({"proxy": "http://user:***@host:1"}, "in the place of", "proxy"),
        ({"ca_file": "ca.pem"}, "no absolute path", "ca_file"),
        ({"region": "a,b"}, "'a,b' cannot stand in region", "region"),
        ({"tags": ("fast", "fast")}, "tags names 'fast' twice", "tags"),
        ({"tags": ("",)}, "cannot stand in tags", "tags"),
        ({"queue_seconds": -1.0}, "queue_seconds is -1", "queue_seconds"),
        ({"queue_seconds": 1.0}, "nobody would ever wait", "max_concurrency"),
        ({"queue_length": 0}, "queue_length is 0", "queue_length"),
        ({"breaker": BreakerPolicy(share=1.5)}, "breaker.share is 1.5", "breaker.share"),
        ({"probe": ProbePolicy(every=0.1)}, "probe.every is 0.1", "probe.every"),
        ({"probe": ProbePolicy(path="models")}, "'models' is no path", "probe.path"),
        ({"probe": ProbePolicy(path="/a b")}, "is no path", "probe.path"),
    ],
)
def test_what_a_target_cannot_be(hub: Hub, fields: dict[str, object], said: str, param: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        hub.targets.create(msgspec.structs.replace(GOOD, **fields), by="admin")
    assert said in str(caught.value)
    assert param is None or caught.value.param == param
    assert hub.targets.count() == 0


@pytest.mark.parametrize(
    "fields", [{"credentials": ("sk-proj-hunter2",)}, {"base_url": "https://me:sk-proj-hunter2@host/v1"}]
)
def test_a_secret_in_the_wrong_place_is_not_repeated(hub: Hub, fields: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        hub.targets.create(msgspec.structs.replace(GOOD, **fields), by="admin")
    assert "hunter2" not in str(caught.value)


def test_echo_needs_no_address(hub: Hub, echo: Target) -> None:
    assert echo.base_url is None


def test_targets_are_made_together_or_not_at_all(hub: Hub, echo: Target) -> None:
    with pytest.raises(Conflict, match="There is a target 'echo' already"):
        hub.targets.create_all([GOOD, echo], by="admin")
    assert [target.id for target in hub.targets.list()] == ["echo"]


def test_any_provider_where_none_are_named(hub: Hub) -> None:
    assert Hub(hub.records).targets.create(msgspec.structs.replace(GOOD, provider="own"), by="admin").provider == "own"


def route(**fields: object) -> Route:
    base = {"id": "fast", "targets": (RouteTarget("echo", 3), RouteTarget("echo2")), "created_us": 0}
    return Route(**{**base, **fields})  # type: ignore[arg-type]


@pytest.fixture
def three(hub: Hub, echo: Target) -> None:
    for name in ("echo2", "echo3"):
        hub.targets.create(msgspec.structs.replace(echo, id=name), by="admin")
    hub.targets.create(msgspec.structs.replace(echo, id="vectors", operations=("embeddings",)), by="admin")


@pytest.mark.usefixtures("three")
def test_a_route(hub: Hub, clock: Clock) -> None:
    made = hub.routes.create(route(fallbacks=("echo3",)), by="admin")
    assert hub.routes.get("fast") == made
    clock.move(1)
    assert hub.routes.replace(route(), by="admin") == msgspec.structs.replace(made, fallbacks=())
    hub.routes.create(route(id="parrot"), by="admin")  # a model's name: the route takes precedence
    with pytest.raises(Conflict, match="named by the routes fast, parrot"):
        hub.targets.remove("echo", by="admin")
    hub.targets.remove("echo3", by="admin")
    hub.routes.remove("fast", by="admin")
    hub.routes.remove("parrot", by="admin")
    hub.targets.remove("echo", by="admin")


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "a b"}, "cannot be the name of a route"),
        ({"id": "app/x"}, "those of applications"),
        ({"targets": ()}, "has no targets"),
        ({"targets": (RouteTarget("ehco"),)}, "There is no target 'ehco'. Did you mean 'echo"),
        ({"targets": (RouteTarget("echo", 0),)}, "the weight of echo is 0"),
        ({"targets": (RouteTarget("echo", -1),)}, "the weight of echo is -1"),
        ({"targets": (RouteTarget("echo"), RouteTarget("echo"))}, "targets names 'echo' twice"),
        ({"fallbacks": ("none",)}, "There is no target 'none'"),
        ({"fallbacks": ("echo3", "echo3")}, "fallbacks names 'echo3' twice"),
        ({"fallbacks": ("echo2",)}, "'echo2' is a target and a fallback"),
        ({"fallbacks": ("vectors",)}, "no operation in common: 'vectors' only does embeddings"),
        ({"retry": RetryPolicy(attempts=0)}, "retry.attempts is 0"),
        ({"retry": RetryPolicy(backoff=2, backoff_max=1)}, "retry.backoff_max is 1"),
        ({"retry": RetryPolicy(deadline=0)}, "retry.deadline is 0"),
        ({"context_fallbacks": ("none",)}, "There is no target 'none'"),
        ({"context_fallbacks": ("echo",)}, "'echo' is a target and a context fallback"),
        ({"over_budget": ("none",)}, "There is no target 'none'"),
        ({"over_budget": ("echo2", "echo2")}, "over_budget names 'echo2' twice"),
        ({"over_budget": ("vectors",)}, "no operation in common: 'vectors' only does embeddings"),
        ({"regions": ("eu",)}, "No target of the route 'fast' is in 'eu'"),
        ({"regions": ("e u",)}, "cannot stand in regions"),
        ({"hedge": HedgePolicy()}, "hedge says no time"),
        ({"hedge": HedgePolicy(after=0)}, "hedge.after is 0"),
        ({"hedge": HedgePolicy(percentile=101)}, "hedge.percentile is 101"),
        ({"hedge": HedgePolicy(after=1, share=2)}, "hedge.share is 2"),
        ({"shadow": ShadowPolicy("none", "shadow/fast")}, "There is no target 'none'"),
        ({"shadow": ShadowPolicy("echo3", "Shadow Fast")}, "cannot be the name of a application"),
        ({"shadow": ShadowPolicy("echo3", "shadow/fast", share=1.5)}, "shadow.share is 1.5"),
        ({"strategy": "random"}, "not well formed"),
        ({"sticky": "face"}, "not well formed"),
    ],
)
def test_what_a_route_cannot_be(hub: Hub, fields: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        hub.routes.create(route(**fields), by="admin")
    assert said in str(caught.value)
    assert hub.routes.count() == 0


@pytest.mark.usefixtures("three")
def test_a_route_with_everything(hub: Hub) -> None:
    hub.targets.replace(msgspec.structs.replace(hub.targets.get("echo"), region="eu", tags=("fast",)), by="admin")
    everything = route(
        strategy="latency",
        sticky="user",
        regions=("eu",),
        context_fallbacks=("echo3",),
        over_budget=("echo3", "echo2"),
        hedge=HedgePolicy(after=0.5, percentile=95),
        shadow=ShadowPolicy("vectors", "shadow/fast", share=0.1),
    )
    made = hub.routes.create(everything, by="admin")
    assert hub.routes.get("fast") == made == msgspec.structs.replace(everything, created_us=made.created_us)
    for name in ("echo3", "vectors"):
        with pytest.raises(Conflict, match="named by the routes fast"):
            hub.targets.remove(name, by="admin")
