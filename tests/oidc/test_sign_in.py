"""People sign in at a real identity provider: who is let in, as what, and when that ends."""

import httpx
import pytest

from genaiops.ports.audit import AuditFilter
from tests.oidc.conftest import Place
from tests.oidc.provider import at_provider, sign_in, to_provider, told

pytestmark = pytest.mark.slow  # the provider is installed by the first run


def me(browser: httpx.Client, place: Place) -> httpx.Response:
    return browser.get(f"{place.url}/api/me", headers={"sec-fetch-site": "same-origin"})


def test_first_sign_in_makes_the_person(place: Place, browser: httpx.Client) -> None:
    assert "Sign in with Canaille" in browser.get(f"{place.url}/login").text
    page = sign_in(browser, place.url, "bob", "/traces?status=error")
    assert page.status_code == 200, page.text
    assert 'content="0;url=/traces?status=error"' in page.text
    cookie = next(each for each in page.headers.get_list("set-cookie") if each.startswith("genaiops_session="))
    assert "SameSite=strict" in cookie
    assert "HttpOnly" in cookie
    actor = me(browser, place).json()["actor"]
    assert (actor["name"], actor["roles"], actor["tenant_id"], actor["team_id"]) == (
        "bob",
        ["ml-engineer"],
        "retail",
        "retail",
    )
    assert actor["identity"]["groups"] == ["retail-engineers"]
    assert browser.get(f"{place.url}/traces").status_code == 200
    with place.installation.hub() as hub, hub.records.read() as view:
        actions = [
            (each.action, each.actor_id) for each in view.audit.find(AuditFilter(entity_id=actor["id"]), limit=10)
        ]
    assert ("sign_in", actor["id"]) in actions
    assert ("add", "sign-in") in actions


def test_the_second_sign_in_is_the_same_person(place: Place, browser: httpx.Client) -> None:
    assert told(sign_in(browser, place.url, "ann")) == (200, "")
    first = me(browser, place).json()["actor"]
    browser.cookies.clear()
    sign_in(browser, place.url, "ann")
    assert me(browser, place).json()["actor"] == first
    assert first["roles"] == ["admin"]


def test_a_person_without_a_mapped_group_stays_outside(place: Place, browser: httpx.Client) -> None:
    page = sign_in(browser, place.url, "cara")
    assert page.status_code == 403
    assert "Your groups are: visitors." in page.text
    assert "Ask an administrator to map one of your groups" in page.text
    assert "genaiops_session" not in browser.cookies
    with place.installation.hub() as hub:
        assert hub.actors.named("cara") is None


def test_groups_are_followed_both_ways(place: Place, browser: httpx.Client) -> None:
    """A group more or less at the provider counts at the next sign-in, a mapping at once."""
    place.provider.change("group cara platform retail-engineers")
    assert told(sign_in(browser, place.url, "cara")) == (200, "")
    assert me(browser, place).json()["actor"]["roles"] == ["admin"]
    place.provider.change("group cara visitors")
    with httpx.Client(timeout=60) as other:
        assert sign_in(other, place.url, "cara").status_code == 403
    assert me(browser, place).status_code == 401, "the older session is over, too"
    body = {"id": "visitors", "roles": ["viewer"]}
    assert _api(place, "PUT", "/api/groups", body).status_code == 200
    assert told(sign_in(browser, place.url, "cara")) == (200, "")
    assert me(browser, place).json()["actor"]["roles"] == ["viewer"]
    assert _api(place, "DELETE", "/api/groups?group=visitors").status_code == 200
    assert me(browser, place).status_code == 401


def test_a_disabled_persons_sessions_end_for_good(place: Place, browser: httpx.Client) -> None:
    sign_in(browser, place.url, "bob")
    actor = me(browser, place).json()["actor"]["id"]
    assert _api(place, "PATCH", f"/api/actors/{actor}", {"disabled": True}).status_code == 200
    with httpx.Client(timeout=60) as other:
        status, words = told(sign_in(other, place.url, "bob"))
    assert (status, "is disabled" in words) == (403, True)
    assert _api(place, "PATCH", f"/api/actors/{actor}", {"disabled": False}).status_code == 200
    assert me(browser, place).status_code == 401, "a session does not come back"
    sign_in(browser, place.url, "bob")
    assert me(browser, place).status_code == 200


def test_roles_of_such_people_are_not_given_by_hand(place: Place, browser: httpx.Client) -> None:
    sign_in(browser, place.url, "bob")
    actor = me(browser, place).json()["actor"]["id"]
    refused = _api(place, "PATCH", f"/api/actors/{actor}", {"roles": ["viewer"]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "follows_groups")


def test_a_code_works_once(place: Place, browser: httpx.Client) -> None:
    back = at_provider(to_provider(browser, place.url), "ann")
    assert browser.get(back).status_code == 200
    again = browser.get(back)
    assert again.status_code == 401
    assert "was used already" in again.text


def test_a_code_of_another_sign_in_is_refused(place: Place, browser: httpx.Client) -> None:
    """The provider itself holds the code against the verifier (PKCE) of who asked for it."""
    stolen = httpx.URL(at_provider(to_provider(browser, place.url), "ann"))
    with httpx.Client(timeout=60) as thief:
        own = httpx.URL(at_provider(to_provider(thief, place.url), "bob"))
        mixed = own.copy_set_param("code", stolen.params["code"])
        refused = thief.get(mixed)
        status, words = told(refused)
        assert (status, "refused the code" in words) == (401, True), (words, stolen, own, mixed)


def test_state_belongs_to_the_browser_that_began(place: Place, browser: httpx.Client) -> None:
    back = at_provider(to_provider(browser, place.url), "ann")
    with httpx.Client(timeout=60) as other:
        assert other.get(back).status_code == 401
    tampered = httpx.URL(back).copy_set_param("state", "made-up")
    assert browser.get(tampered).status_code == 401
    assert told(browser.get(back)) == (200, ""), "the true one still works"


def test_an_answer_of_another_issuer_is_refused(place: Place, browser: httpx.Client) -> None:
    back = httpx.URL(at_provider(to_provider(browser, place.url), "ann"))
    assert browser.get(back.copy_set_param("iss", "https://evil.example")).status_code == 401


def test_a_refusal_of_the_provider_is_told(place: Place, browser: httpx.Client) -> None:
    state = httpx.URL(to_provider(browser, place.url)).params["state"]
    query = {"state": state, "error": "access_denied", "error_description": "<b>no</b>"}
    page = browser.get(f"{place.url}/login/oidc/done", params=query)
    assert page.status_code == 401
    assert "access_denied: &lt;b&gt;no&lt;/b&gt;" in page.text


def test_new_keys_of_the_provider_are_found(place: Place, browser: httpx.Client) -> None:
    sign_in(browser, place.url, "ann")
    place.provider.change("rotate")
    browser.cookies.clear()
    assert told(sign_in(browser, place.url, "ann")) == (200, "")


def test_logging_out_leads_to_the_provider(place: Place, browser: httpx.Client) -> None:
    sign_in(browser, place.url, "ann")
    token = browser.get(f"{place.url}/settings").text.split('name="csrf" value="')[1].split('"')[0]
    page = browser.post(f"{place.url}/logout", data={"csrf": token})
    assert page.status_code == 200
    assert f"0;url={place.provider.issuer}/oauth/end_session?id_token_hint=" in page.text
    assert "post_logout_redirect_uri=http%3A%2F%2F127.0.0.1" in page.text
    assert me(browser, place).status_code == 401


def test_a_name_that_a_key_holder_has_is_not_taken_over(place: Place, browser: httpx.Client) -> None:
    """Nobody becomes another actor by a name, nor gets a second voice; an administrator joins the two."""
    place.provider.change("group dora platform")
    with place.installation.hub() as hub:
        known = hub.actors.create("dora", "person", roles=("viewer",), by="admin")
    page = sign_in(browser, place.url, "dora")
    status, words = told(page)
    assert (status, "genaiops actor set dora --identity 'dora'" in words) == (409, True), words
    joined = _api(place, "PATCH", f"/api/actors/{known.id}", {"identity": "dora"})
    assert joined.status_code == 200
    assert told(sign_in(browser, place.url, "dora")) == (200, "")
    assert me(browser, place).json()["actor"]["id"] == known.id
    assert me(browser, place).json()["actor"]["roles"] == ["admin"]


def _api(place: Place, method: str, path: str, body: object = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {place.installation.key}"}
    return httpx.request(method, place.url + path, json=body, headers=headers, timeout=60)
