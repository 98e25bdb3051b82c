"""Logging in with a key, and out."""

import hmac
import secrets
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie

from genaiops.console._services import Services
from genaiops.console._sessions import LOGIN_COOKIE, SESSION_COOKIE, SESSION_SECONDS, Attempts, Sessions
from genaiops.console._visit import Visiting, Web, address_of, html, own_path, redirect
from genaiops.core.errors import Forbidden, GenaiopsError
from genaiops.hub import require, require_scope


class Entrance:
    def __init__(self, services: Services, sessions: Sessions, attempts: Attempts) -> None:
        self.services = services
        self.sessions = sessions
        self.attempts = attempts

    def admit(self, key_text: str, address: str) -> str:
        """The value of a new session's cookie. Unauthenticated or Forbidden."""
        hub = self.services.hub
        key, actor = hub.keys.authenticate(key_text, address=None if address == "local" else address)
        require_scope(key, "api")
        require(actor, "read")
        return self.sessions.begin(key.id, actor.id, not_after_us=key.expires_us)


def handlers(entrance: Entrance) -> list[Any]:
    @get("/login")
    async def show(request: Web) -> Response[str]:
        return _page(request)

    @post("/login")
    async def enter(request: Web) -> Response[Any]:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        address = address_of(request)
        if not hmac.compare_digest(request.cookies.get(LOGIN_COOKIE) or "-", form.get("csrf", "")):
            return _page(request, 403, "The form had become too old. Paste the key once more.", form.get("next"))
        wait = entrance.attempts.wait_seconds(address)
        if wait:
            told = f"Too many keys that did not work. Try again in {wait} seconds."
            answer = _page(request, 429, told, form.get("next"))
            answer.headers["retry-after"] = str(wait)
            return answer
        try:
            token = entrance.admit(form.get("key", "").strip(), address)
        except GenaiopsError as error:
            entrance.attempts.failed(address)
            status = 403 if isinstance(error, Forbidden) else 401
            return _page(request, status, str(error), form.get("next"))
        answer = redirect(own_path(form.get("next", "")))
        answer.set_cookie(_cookie(request, SESSION_COOKIE, token, SESSION_SECONDS))
        answer.set_cookie(_cookie(request, LOGIN_COOKIE, "", 0))
        return answer

    @post("/logout", sync_to_thread=True)
    def leave(request: Web, visit: Visiting) -> Response[Any]:
        session = entrance.sessions.end(request.cookies.get(SESSION_COOKIE, ""))
        if session is not None and session.playground is not None:
            entrance.services.hub.keys.revoke(session.playground.key_id, by=visit.actor.id)
            visit.publish()
        answer = redirect("/login")
        answer.set_cookie(_cookie(request, SESSION_COOKIE, "", 0))
        return answer

    return [show, enter, leave]


def _page(request: Web, status: int = 200, error: str = "", place: str | None = None) -> Response[str]:
    csrf = secrets.token_urlsafe(24)
    place = own_path(request.query_params.get("next", "/") if place is None else place)
    answer = html("login.html", status=status, csrf=csrf, place=place, error=error)
    answer.set_cookie(_cookie(request, LOGIN_COOKIE, csrf, 3600))
    return answer


def _cookie(request: Web, name: str, value: str, seconds: int) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.headers.get("x-forwarded-proto", request.url.scheme) == "https",
    )
