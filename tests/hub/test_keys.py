import re
from collections.abc import Iterator

import pytest

from genaiops.core.errors import Conflict, NotFound, Unauthenticated, UsageError
from genaiops.domain import Actor, Route, RouteTarget, Target
from genaiops.hub import Hub, KeyChange, NewKey
from genaiops.hub._keys import INVALID_REMEDY
from tests.hub.conftest import START_US, Clock

DAY = 86_400


@pytest.fixture(autouse=True)
def one_reason() -> Iterator[None]:
    """Whatever is wrong with a key, the answer is the same."""
    reasons.clear()
    yield
    assert reasons <= {f"The key is not valid. {INVALID_REMEDY}"}


reasons: set[str] = set()


def accepts(hub: Hub, text: str, address: str | None = None) -> bool:
    try:
        hub.keys.authenticate(text, address=address)
    except Unauthenticated as error:
        # Who holds the secret itself is told that its time is over.
        if error.code != "expired_api_key":
            reasons.add(str(error))
        return False
    return True


def test_a_key_is_shown_once_and_kept_as_a_digest(hub: Hub, ann: Actor) -> None:
    key, text = hub.keys.create(NewKey(name="laptop", actor_id=ann.id), by=ann.id)
    assert re.fullmatch(r"gok_[0-9a-z]{26}_[A-Za-z0-9_-]{43}", text)
    assert key.hint == f"{text[:8]}...{text[-4:]}"
    assert (key.team_id, key.environment_id, key.scopes) == ("default", "dev", ("calls",))
    assert hub.keys.get(key.id) == key
    assert hub.keys.find(key.digest) == key
    with hub.records.read() as view:
        stored = b"".join(change.body or b"" for change in view.changes(0))
    assert text.encode() not in stored
    assert text[31:].encode() not in stored
    assert hub.keys.authenticate(text) == (key, ann)


def test_what_is_no_key(hub: Hub, ann: Actor) -> None:
    _, text = hub.keys.create(NewKey(name="laptop", actor_id=ann.id), by=ann.id)
    assert accepts(hub, text)
    spoilt = ["", "gok_", "\ud800", text[:-1], text + "x", text[:-1] + ("a" if text[-1] != "a" else "b")]
    spoilt += [text.upper(), "sk-" + text, text.replace("gok_", "gok_é"), "gok_" + "0" * 26 + text[30:], text + "\0"]
    assert not [each for each in spoilt if accepts(hub, each)]


def test_the_end_of_a_key(hub: Hub, ann: Actor, clock: Clock) -> None:
    _, text = hub.keys.create(NewKey(name="k", actor_id=ann.id, expires_us=START_US + 1_000_000), by=ann.id)
    clock.move(0.999999)
    assert accepts(hub, text)
    clock.move(0.000001)
    assert not accepts(hub, text)


def test_revoked_and_disabled(hub: Hub, ann: Actor, clock: Clock) -> None:
    key, text = hub.keys.create(NewKey(name="k", actor_id=ann.id), by=ann.id)
    hub.actors.disable(ann.id, by="admin")
    assert not accepts(hub, text)
    hub.actors.enable(ann.id, by="admin")
    assert accepts(hub, text)
    revoked = hub.keys.revoke(key.id, by=ann.id)
    clock.move(5)
    assert hub.keys.revoke(key.id, by=ann.id) == revoked
    assert not accepts(hub, text)
    with pytest.raises(Conflict, match="'k' is revoked"):
        hub.keys.rotate(key.id, by=ann.id)
    with pytest.raises(Conflict, match="revoked"):
        hub.keys.change(key.id, KeyChange(name="other"), by=ann.id)
    with pytest.raises(NotFound, match="no key 'key_none'"):
        hub.keys.revoke("key_none", by=ann.id)


def test_rotation_with_and_without_overlap(hub: Hub, ann: Actor, clock: Clock) -> None:
    key, first = hub.keys.create(NewKey(name="k", actor_id=ann.id), by=ann.id)
    rotated, second = hub.keys.rotate(key.id, overlap_seconds=60, by=ann.id)
    assert (rotated.id, rotated.retiring_digest) == (key.id, key.digest)
    assert rotated.hint != key.hint
    assert accepts(hub, first)
    assert accepts(hub, second)
    clock.move(59.999999)
    assert accepts(hub, first)
    clock.move(0.000001)
    assert not accepts(hub, first)
    _, third = hub.keys.rotate(key.id, overlap_seconds=DAY, by=ann.id)
    _, fourth = hub.keys.rotate(key.id, by=ann.id)
    assert [accepts(hub, text) for text in (first, second, third, fourth)] == [False, False, False, True]
    with pytest.raises(UsageError, match="overlap_seconds"):
        hub.keys.rotate(key.id, overlap_seconds=-1, by=ann.id)
    with pytest.raises(UsageError, match="overlap_seconds"):
        hub.keys.rotate(key.id, overlap_seconds=float("nan"), by=ann.id)


def test_an_expired_key_is_not_rotated(hub: Hub, ann: Actor, clock: Clock) -> None:
    key, _ = hub.keys.create(NewKey(name="k", actor_id=ann.id, expires_us=START_US + 1), by=ann.id)
    clock.move(1)
    with pytest.raises(Conflict, match="expired"):
        hub.keys.rotate(key.id, by=ann.id)


def test_addresses(hub: Hub, ann: Actor) -> None:
    networks = ("10.0.0.0/8", "192.0.2.7", "2001:DB8::/32")
    key, text = hub.keys.create(NewKey(name="k", actor_id=ann.id, addresses=networks), by=ann.id)
    assert key.addresses == ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32")
    assert accepts(hub, text, "10.1.2.3")
    assert accepts(hub, text, "192.0.2.7")
    assert accepts(hub, text, "2001:db8::1")
    assert not any(accepts(hub, text, address) for address in ("11.0.0.1", "192.0.2.8", "::1", "nonsense", None))


@pytest.mark.parametrize(
    ("fields", "said", "param"),
    [
        ({"name": "My Key"}, "'My Key' cannot be the name of a key", "name"),
        ({"actor_id": "none"}, "There is no actor 'none'", "actor_id"),
        ({"team_id": "defalt"}, "Did you mean 'default'?", "team_id"),
        ({"environment_id": "prd"}, "Did you mean 'prod'?", "environment_id"),
        ({"application": "A"}, "application", "application"),
        ({"models": ("parot",)}, "There is no model 'parot'. Did you mean 'parrot'?", "models"),
        ({"models": ("p*t",)}, "no prefix", "models"),
        ({"models": ("",)}, "no prefix", "models"),
        ({"models": ("parrot", "parrot")}, "twice", "models"),
        ({"routes": ("parrot",)}, "There are: birds.", "routes"),
        ({"addresses": ("10.0.0.1/8",)}, "Did you mean 10.0.0.0/8?", "addresses"),
        ({"addresses": ("10.0.0.0/33",)}, "is no network", "addresses"),
        ({"addresses": ("localhost",)}, "is no network", "addresses"),
        ({"scopes": ()}, "scopes is empty", "scopes"),
        ({"scopes": ("call",)}, "scopes", None),
        ({"expires_us": START_US}, "expired already", "expires_us"),
    ],
)
def test_what_a_key_cannot_be(
    hub: Hub, ann: Actor, echo: Target, fields: dict[str, object], said: str, param: str | None
) -> None:
    hub.routes.create(Route(id="birds", targets=(RouteTarget("echo"),), created_us=0), by="admin")
    good = {"name": "k", "actor_id": ann.id, "models": ("parrot", "birds", "gpt-*"), "routes": ("birds", "x*", "*")}
    hub.keys.create(NewKey(**good), by="admin")  # type: ignore[arg-type]
    with pytest.raises(UsageError) as caught:
        hub.keys.create(NewKey(**{**good, **fields}), by="admin")  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert param is None or caught.value.param == param
    assert hub.keys.count() == 2


def test_a_disabled_actor_gets_no_key(hub: Hub, ann: Actor) -> None:
    hub.actors.disable(ann.id, by="admin")
    with pytest.raises(UsageError, match="'ann' is disabled"):
        hub.keys.create(NewKey(name="k", actor_id=ann.id), by="admin")


def test_changing_a_key(hub: Hub, ann: Actor, echo: Target, clock: Clock) -> None:
    new = NewKey(name="k", actor_id=ann.id, models=("parrot",), expires_us=START_US + 1_000_000)
    key, text = hub.keys.create(new, by="admin")
    hub.targets.remove("echo", by="admin")
    clock.move(2)  # the model is gone and the key has expired: both may stay as they are
    changed = hub.keys.change(key.id, KeyChange(name="k2", addresses=("10.0.0.0/8",), team_id=None), by="admin")
    assert (changed.name, changed.addresses, changed.team_id) == ("k2", ("10.0.0.0/8",), None)
    assert (changed.models, changed.expires_us, changed.digest) == (key.models, key.expires_us, key.digest)
    assert not accepts(hub, text, "10.0.0.1")
    assert hub.keys.change(key.id, KeyChange(expires_us=None), by="admin").expires_us is None
    assert accepts(hub, text, "10.0.0.1")
    with pytest.raises(UsageError, match="no model 'parrot2'"):
        hub.keys.change(key.id, KeyChange(models=("parrot", "parrot2")), by="admin")


def test_many_keys_are_one_unit(hub: Hub, ann: Actor) -> None:
    with hub.records.read() as view:
        before = view.version()
    made = hub.keys.create_many([NewKey(name=f"k{number}", actor_id=ann.id) for number in range(300)], by="admin")
    assert [key.name for key, _ in made] == [f"k{number}" for number in range(300)]
    assert len({text for _, text in made}) == 300
    assert accepts(hub, made[137][1])
    with pytest.raises(UsageError):
        hub.keys.create_many([NewKey(name="ok", actor_id=ann.id), NewKey(name="NOT", actor_id=ann.id)], by="admin")
    with hub.records.read() as view:
        assert view.version() == before + 300


def test_pages_of_keys(hub: Hub, ann: Actor) -> None:
    bob = hub.actors.create("bob", "person", by="admin")
    hub.keys.create_many([NewKey(name=f"k{n}", actor_id=(ann, bob)[n % 2].id) for n in range(10)], by="admin")
    first = hub.keys.page(actor_id=ann.id, limit=3)
    rest = hub.keys.page(actor_id=ann.id, after=first[-1].id)
    names = sorted(key.name for key in (*first, *rest))
    assert names == ["k0", "k2", "k4", "k6", "k8"]
    assert len(hub.keys.page(team_id="default")) == 6  # ann's and the administrator's
    assert hub.keys.page(environment_id="prod") == []


def test_an_expired_key_says_when_to_who_holds_its_secret(hub: Hub, ann: Actor, clock: Clock) -> None:
    key, text = hub.keys.create(NewKey(name="k", actor_id=ann.id, expires_us=START_US + 1_000_000), by=ann.id)
    clock.move(2)
    with pytest.raises(Unauthenticated, match="'k' expired at 2027-01-15T08:00:01") as ended:
        hub.keys.authenticate(text)
    assert ended.value.code == "expired_api_key"
    assert not accepts(hub, text[:-2] + "xx"), "a wrong secret of that key learns nothing"
    hub.keys.revoke(key.id, by=ann.id)
    assert not accepts(hub, text)


def admin_key(hub: Hub) -> str:
    return next(key.id for key in hub.keys.page(actor_id="admin"))


def test_the_last_administrators_key_stays(hub: Hub, ann: Actor, clock: Clock) -> None:
    last = admin_key(hub)
    hub.keys.create(NewKey(name="calls", actor_id="admin"), by="admin")
    hub.keys.create(NewKey(name="anns", actor_id=ann.id, scopes=("api",)), by="admin")
    short = NewKey(name="short", actor_id="admin", scopes=("api",), expires_us=START_US + 1_000_000)
    hub.keys.create(short, by="admin")
    clock.move(2)
    for attempt in (
        lambda: hub.keys.revoke(last, by="admin"),
        lambda: hub.keys.change(last, KeyChange(scopes=("calls",)), by="admin"),
    ):
        with pytest.raises(Conflict, match="'admin' is the last key with the scope api") as refused:
            attempt()
        assert refused.value.code == "last_administrator_key"
    assert hub.keys.get(last).revoked_us is None
    assert hub.keys.change(last, KeyChange(name="root"), by="admin").name == "root"
    second, _ = hub.keys.create(NewKey(name="second", actor_id="admin", scopes=("api",)), by="admin")
    assert hub.keys.revoke(last, by="admin").revoked_us is not None
    with pytest.raises(Conflict):
        hub.keys.revoke(second.id, by="admin")


def test_whether_anybody_can_administer(hub: Hub, clock: Clock) -> None:
    assert hub.keys.can_administer()
    hub.keys.change(admin_key(hub), KeyChange(expires_us=START_US + 1_000_000), by="admin")
    clock.move(2)
    assert not hub.keys.can_administer()
