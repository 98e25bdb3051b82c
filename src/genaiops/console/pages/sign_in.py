"""Signing in at the identity provider: there, and back with a code."""

import asyncio
from typing import Any

from litestar import Response, get

from genaiops.console._sessions import SESSION_COOKIE, SESSION_SECONDS, cookie_name
from genaiops.console._sign_in import ATTEMPT_COOKIE, ATTEMPT_SECONDS, UnderWay
from genaiops.console._visit import Web, address_of, is_secure, outside_url, own_path, redirect
from genaiops.console.pages.login import Entrance, cookie, onward
from genaiops.core.errors import Forbidden, GenaiopsError, NotFound, Unauthenticated
from genaiops.hub import home_of, require_entrance
from genaiops.ports.sign_in import IdentityProvider

BACK = "/login/oidc/done"
"""What is registered at the provider, behind the address of the console."""

_SAID = 200


def handlers(entrance: Entrance) -> list[Any]:
    @get("/login/oidc")
    async def begin(request: Web) -> Response[Any]:
        place = own_path(request.query_params.get("next", "/"))
        try:
            attempt = await asyncio.to_thread(_provider(entrance).begin, outside_url(request, BACK))
        except GenaiopsError as error:
            return entrance.page(request, error.status, str(error), place)
        answer: Response[Any] = redirect(attempt.url)
        browser = entrance.sign_ins.begun(attempt, place)
        answer.set_cookie(cookie(request, ATTEMPT_COOKIE, browser, ATTEMPT_SECONDS, "lax"))
        return answer

    @get(BACK)
    async def done(request: Web) -> Response[Any]:
        name = cookie_name(ATTEMPT_COOKIE, secure=is_secure(request))
        state, browser = request.query_params.get("state", ""), request.cookies.get(name, "")
        address = address_of(request)
        under_way = entrance.sign_ins.take(state, browser)
        try:
            token, home = await asyncio.to_thread(_enter, entrance, dict(request.query_params), under_way, address)
        except GenaiopsError as error:
            await asyncio.to_thread(entrance.refused, address, error)
            if under_way is None:  # a link from elsewhere ends no sign-in that is under way
                return entrance.page(request, error.status, str(error), "/")
            answer = entrance.page(request, error.status, str(error), under_way.place)
            answer.set_cookie(cookie(request, ATTEMPT_COOKIE, "", 0, "lax"))
            return answer
        assert under_way is not None
        # A page and no redirect: who comes from another site would not bring the strict cookie of the session along.
        answer = onward("You are signed in", home if under_way.place == "/" else under_way.place, "Go on")
        answer.set_cookie(cookie(request, SESSION_COOKIE, token, SESSION_SECONDS))
        answer.set_cookie(cookie(request, ATTEMPT_COOKIE, "", 0, "lax"))
        return answer

    return [begin, done]


def _provider(entrance: Entrance) -> IdentityProvider:
    provider = entrance.services.identity_provider
    if provider is None:
        raise NotFound("People sign in with keys here.", remedy="Paste a key.", code="no_identity_provider")
    return provider


def _enter(entrance: Entrance, query: dict[str, str], under_way: UnderWay | None, address: str) -> tuple[str, str]:
    """(the value of a new session's cookie, the page to begin with)."""
    provider = _provider(entrance)
    if under_way is None:
        raise Unauthenticated(
            "This sign-in was not begun in this browser, was used already, or took too long.",
            remedy="Begin once more.",
            code="sign_in_unknown",
        )
    if "error" in query:
        said = ": ".join(query[name] for name in ("error", "error_description") if name in query)[:_SAID]
        raise Unauthenticated(f"The identity provider said {said!r}.", remedy="Begin once more.", code="sign_in_error")
    came = provider.finish(under_way.attempt, query.get("code", ""), query.get("iss"))
    services = entrance.services
    try:
        actor = services.hub.groups.admit(came)
        require_entrance(actor)
    except Forbidden:
        known = services.hub.groups.person(came)
        if known is not None:
            entrance.sessions.end_all(known.id)
        raise
    about = {"issuer": came.issuer, "groups": came.groups, "address": address}
    services.auditor.note("sign_in", "sessions", actor.id, about, by=actor.id)
    services.publisher.publish()
    token = entrance.sessions.begin(None, actor.id, not_after_us=None, address=address, id_token=came.id_token)
    return token, home_of(actor)
