"""Logging in and out, forms that came from elsewhere, and what roles may do."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from genaiops import api
from genaiops.console import SESSION_COOKIE, Sessions, create
from genaiops.hub import NewKey
from tests.app.running import Installation
from tests.console.conftest import PATHS, Visitor, guarded

FORM = {"content-type": "application/x-www-form-urlencoded"}
TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


@pytest.fixture
def client(installation: Installation) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=installation.url, headers={"accept": "text/html"}, timeout=30) as client:
        yield client


def token_on(page: httpx.Response) -> str:
    found = TOKEN.search(page.text)
    assert found is not None, page.text[:500]
    return found[1]


def log_in(client: httpx.Client, key: str, place: str = "/") -> httpx.Response:
    token = token_on(client.get("/login"))
    return client.post("/login", data={"csrf": token, "key": key, "next": place})


@pytest.mark.needs_browser
def test_in_and_out(visitor: Visitor) -> None:
    page = visitor.paste(visitor.installation.key, "/gateway/keys?environment=prod")
    page.wait_for_url(f"{visitor.url}/gateway/keys?environment=prod")
    cookie = next(cookie for cookie in visitor.context.cookies() if cookie.get("name") == "genaiops_session")
    assert cookie.get("httpOnly") is True
    assert cookie.get("sameSite") == "Strict"
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{visitor.url}/login")
    visitor.open("/traces")
    assert "/login" in page.url


@pytest.mark.needs_browser
def test_a_wrong_key_is_refused_in_words(visitor: Visitor) -> None:
    page = visitor.paste("gok_no-such-key")
    expect(page.get_by_role("alert")).to_contain_text("The key is not valid.")
    visitor.trouble = [line for line in visitor.trouble if "401" not in line]


def test_a_key_for_calls_opens_nothing(client: httpx.Client, installation: Installation) -> None:
    with installation.hub() as hub:
        _, text = hub.keys.create(NewKey(name="calls-only", actor_id="admin"), by="admin")
    answer = log_in(client, text)
    assert answer.status_code == 403
    assert "scope" in answer.text
    assert client.get("/").status_code == 303


def test_every_kind_of_answer_has_the_headers(client: httpx.Client, installation: Installation) -> None:
    """That each page has them is seen where each is visited, in test_pages.py."""
    assert guarded(client.get("/").headers), "on the way to the login page"
    assert guarded(client.get("/login").headers)
    log_in(client, installation.key)
    for path in ("/", "/gateway", "/static/console.js", "/traces/nothing", "/nowhere"):
        assert guarded(client.get(path).headers), path


def test_nothing_but_the_login_page_is_open(client: httpx.Client) -> None:
    for path in [*PATHS.values(), f"/traces/{'0' * 32}", f"/traces/{'0' * 32}/json", "/traces/live"]:
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login"), path
        assert client.get(path, headers={"accept": "application/json"}).status_code == 401


def changing_paths() -> list[str]:
    """Of all routes that change something, with any text in the place of ids."""

    class Nothing:
        def __getattr__(self, name: str) -> Any:
            return self

        def __call__(self, *_: object) -> Any:
            return self

        def __truediv__(self, _: object) -> Any:
            return self

    router = create(Nothing())  # type: ignore[arg-type]
    paths = {route.path for route in router.routes if {"POST", "PUT", "DELETE", "PATCH"} & route.methods}
    return sorted(re.sub(r"\{[^}]+\}", "x", path) for path in paths)


def test_every_form_needs_the_token_of_the_session(client: httpx.Client, installation: Installation) -> None:
    log_in(client, installation.key)
    paths = changing_paths()
    assert len(paths) >= 10
    for path in paths:
        for body in ("", "csrf=wrong&name=x"):
            answer = client.post(path, content=body, headers=FORM)
            assert answer.status_code == 403, path
    assert client.get("/").status_code == 200, "the session itself is untouched"


def test_the_token_of_another_session_is_refused(client: httpx.Client, installation: Installation) -> None:
    log_in(client, installation.key)
    foreign = token_on(client.get("/gateway/keys"))
    client.cookies.clear()
    log_in(client, installation.key)
    answer = client.post("/gateway/keys", data={"csrf": foreign, "name": "x", "environment_id": "dev"})
    assert answer.status_code == 403


def test_a_login_form_of_another_site_is_refused(client: httpx.Client, installation: Installation) -> None:
    client.get("/login")
    answer = client.post("/login", data={"csrf": "made-up", "key": installation.key})
    assert answer.status_code == 403
    assert "genaiops_session" not in client.cookies


ELSEWHERE = ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""]


@pytest.mark.parametrize("place", ELSEWHERE)
def test_login_leads_to_no_other_site(client: httpx.Client, installation: Installation, place: str) -> None:
    assert log_in(client, installation.key, place).headers["location"] == "/"


def test_revoking_the_key_ends_its_sessions(client: httpx.Client, installation: Installation) -> None:
    with installation.hub() as hub:
        key, text = hub.keys.create(NewKey(name="short", actor_id="admin", scopes=("api",)), by="admin")
        log_in(client, text)
        assert client.get("/").status_code == 200
        hub.keys.revoke(key.id, by="admin")
    assert client.get("/").status_code == 303


def test_who_may_no_longer_look_is_logged_out(installation: Installation) -> None:
    with installation.hub() as hub:
        now = hub.clock()
        box = hub.create_sandbox("soon", expires_us=now + 60_000_000, by="admin")
        actor = hub.actors.create("lena", "person", roles=("viewer",), by="admin")
        new = NewKey(name="lena", actor_id=actor.id, environment_id=box.id, scopes=("api",))
        key, _ = hub.keys.create(new, by="admin")
        sessions = Sessions(hub, lambda: now)
        cookies = {SESSION_COOKIE: sessions.begin(key.id, actor.id, not_after_us=None)}
        assert sessions.actor(cookies) == actor
        later = Sessions(hub, lambda: now + 61_000_000)
        assert later.actor({SESSION_COOKIE: later.begin(key.id, actor.id, not_after_us=None)}) is None
        hub.actors.set_roles(actor.id, ("consumer",), by="admin")
        assert sessions.actor(cookies) is None


def test_a_viewer_sees_and_changes_nothing(client: httpx.Client, installation: Installation) -> None:
    with installation.hub() as hub:
        actor = hub.actors.named("vera")
        assert actor is not None
        key, text = hub.keys.create(NewKey(name="vera-two", actor_id=actor.id, scopes=("api",)), by="admin")
    log_in(client, text)
    page = client.get("/gateway/keys")
    assert page.status_code == 200
    assert "Make the key" not in page.text
    token = token_on(page)
    for path in (f"/gateway/keys/{key.id}/revoke", "/gateway/targets/echo", "/gateway/budgets", "/playground/key"):
        answer = client.post(path, data={"csrf": token, "enabled": "no"})
        assert answer.status_code == 403, path
    refused = client.post("/gateway/keys", data={"csrf": token, "name": "x", "environment_id": "dev"})
    assert refused.status_code == 303
    assert "lacks the permission" in client.get("/gateway/keys").text


def test_the_rest_api_can_use_the_sessions(installation: Installation) -> None:
    with installation.hub() as hub:
        sessions = Sessions(hub)
        for_api: api.Sessions = sessions
        key, _ = hub.keys.create(NewKey(name="for-api", actor_id="admin", scopes=("api",)), by="admin")
        token = sessions.begin(key.id, "admin", not_after_us=None)
        cookies = {SESSION_COOKIE: token}
        session = sessions.find(token)
        actor = for_api.actor(cookies, secure=False)
        assert session is not None
        assert actor is not None
        assert actor.id == "admin"
        assert (for_api.key(cookies, secure=False) or actor).id == key.id
        assert for_api.csrf_matches(cookies, session.csrf, secure=False)
        assert not for_api.csrf_matches(cookies, "another", secure=False)
        assert for_api.actor({SESSION_COOKIE: "another"}, secure=False) is None
        hub.keys.revoke(key.id, by="admin")
        assert for_api.actor(cookies, secure=False) is None


def test_a_key_of_a_sandbox_shows_no_more_at_the_console(client: httpx.Client, installation: Installation) -> None:
    """Neither by a page nor by the REST API, which pages may call by their session."""
    with installation.hub() as hub:
        box = hub.create_sandbox("box", cap="1 USD", by="admin")
        actor = hub.actors.create("boxer", "person", roles=("developer",), by="admin")
        new = NewKey(name="boxer", actor_id=actor.id, environment_id=box.id, scopes=("api",))
        _, text = hub.keys.create(new, by="admin")
    assert log_in(client, text).status_code == 303
    token, own = token_on(client.get("/gateway/keys")), {"sec-fetch-site": "same-origin"}
    assert client.get("/api/traces", headers=own).json()["data"] == []
    outside = {"csrf": token, "name": "out", "environment_id": "dev", "scope_api": "on"}
    client.post("/gateway/keys", data=outside)
    assert "is of the sandbox" in client.get("/gateway/keys").text
    assert client.post("/playground/key?environment=dev", data={"csrf": token}).status_code == 403
    refused = client.post(
        "/api/keys", json={"name": "out", "environment_id": "dev"}, headers={**own, "x-genaiops-csrf": token}
    )
    assert refused.json()["error"]["code"] == "sandbox_key"


def test_guessing_keys_is_slowed_down() -> None:
    from genaiops.console._sessions import Attempts

    now = [0]
    attempts = Attempts(lambda: now[0], most=3, seconds=60)
    for _ in range(3):
        assert attempts.wait_seconds("192.0.2.1") == 0
        attempts.failed("192.0.2.1")
        now[0] += 1_000_000
    assert attempts.wait_seconds("192.0.2.1") == 57
    assert attempts.wait_seconds("192.0.2.2") == 0
    now[0] += 57_000_000
    assert attempts.wait_seconds("192.0.2.1") == 0


def test_a_session_ends() -> None:
    from genaiops.console._sessions import SESSION_SECONDS

    now = [0]
    sessions = Sessions(None, lambda: now[0])  # type: ignore[arg-type]
    token = sessions.begin("key_1", "admin", not_after_us=None)
    short = sessions.begin("key_2", "admin", not_after_us=5_000_000)
    assert sessions.find(token) is not None
    assert sessions.find(token + "x") is None
    now[0] = 5_000_000
    assert sessions.find(short) is None
    now[0] = SESSION_SECONDS * 1_000_000
    assert sessions.find(token) is None
