"""Logging in with a key, and out."""

import asyncio
import hmac
import secrets
from typing import Any, Literal

from litestar import Response, get, post
from litestar.datastructures import Cookie

from genaiops.console._services import Services
from genaiops.console._sessions import (
    LOGIN_COOKIE,
    SESSION_COOKIE,
    SESSION_SECONDS,
    Attempts,
    Session,
    Sessions,
    cookie_name,
)
from genaiops.console._sign_in import SignIns
from genaiops.console._visit import Visiting, Web, address_of, html, is_secure, outside_url, own_path, redirect
from genaiops.core.errors import Forbidden, GenaiopsError
from genaiops.hub import home_of, require_entrance, require_scope


class Entrance:
    def __init__(self, services: Services, sessions: Sessions, attempts: Attempts, sign_ins: SignIns) -> None:
        self.services = services
        self.sessions = sessions
        self.attempts = attempts
        self.sign_ins = sign_ins

    @property
    def label(self) -> str | None:
        """What the button says that leads to the identity provider; None: there is none."""
        provider = self.services.identity_provider
        return None if provider is None else provider.label

    def admit(self, key_text: str, address: str) -> tuple[str, str]:
        """(the value of a new session's cookie, the page to begin with). Unauthenticated or Forbidden."""
        hub = self.services.hub
        key, actor = hub.keys.authenticate(key_text, address=None if address == "local" else address)
        require_scope(key, "api")
        require_entrance(actor)
        self.services.auditor.note("sign_in", "sessions", actor.id, {"key": key.id, "address": address}, by=actor.id)
        token = self.sessions.begin(key.id, actor.id, not_after_us=key.expires_us, address=address)
        return token, home_of(actor)

    def refused(self, address: str, error: GenaiopsError) -> None:
        """A key that did not work, or a sign-in; whose it would be nobody knows."""
        about = {"address": address, "code": error.code}
        self.services.auditor.note_once("sign_in_failed", "sessions", error.code, about, by="unknown")

    def page(self, request: Web, status: int = 200, error: str = "", place: str | None = None) -> Response[str]:
        """The page to log in."""
        csrf = secrets.token_urlsafe(24)
        place = own_path(request.query_params.get("next", "/") if place is None else place)
        answer = html("login.html", status=status, csrf=csrf, place=place, error=error, label=self.label)
        answer.set_cookie(cookie(request, LOGIN_COOKIE, csrf, 3600))
        return answer


def handlers(entrance: Entrance) -> list[Any]:
    @get("/login")
    async def show(request: Web) -> Response[str]:
        return entrance.page(request)

    @post("/login")
    async def enter(request: Web) -> Response[Any]:
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        address = address_of(request)
        begun = request.cookies.get(cookie_name(LOGIN_COOKIE, secure=is_secure(request)))
        if not hmac.compare_digest(begun or "-", form.get("csrf", "")):
            return entrance.page(
                request, 403, "The form had become too old. Paste the key once more.", form.get("next")
            )
        wait = entrance.attempts.wait_seconds(address)
        if wait:
            told = f"Too many keys that did not work. Try again in {wait} seconds."
            answer = entrance.page(request, 429, told, form.get("next"))
            answer.headers["retry-after"] = str(wait)
            return answer
        try:
            token, home = await asyncio.to_thread(entrance.admit, form.get("key", "").strip(), address)
        except GenaiopsError as error:
            entrance.attempts.failed(address)
            await asyncio.to_thread(entrance.refused, address, error)
            status = 403 if isinstance(error, Forbidden) else 401
            return entrance.page(request, status, str(error), form.get("next"))
        place = own_path(form.get("next", ""))
        answer = redirect(home if place == "/" else place)
        answer.set_cookie(cookie(request, SESSION_COOKIE, token, SESSION_SECONDS))
        answer.set_cookie(cookie(request, LOGIN_COOKIE, "", 0))
        return answer

    @post("/logout", sync_to_thread=True)
    def leave(request: Web, visit: Visiting) -> Response[Any]:
        name = cookie_name(SESSION_COOKIE, secure=is_secure(request))
        session = entrance.sessions.end(request.cookies.get(name, ""))
        if session is not None and session.playground is not None:
            entrance.services.hub.keys.revoke(session.playground.key_id, by=visit.actor.id)
            visit.publish()
        entrance.services.auditor.note("sign_out", "sessions", visit.actor.id, by=visit.actor.id)
        elsewhere = None if session is None else _elsewhere(entrance, request, session)
        answer: Response[Any] = redirect("/login")
        if elsewhere is not None:  # a page, because a form may lead to no other site
            answer = onward("You are signed out here", elsewhere, "Sign out at the identity provider as well")
        answer.set_cookie(cookie(request, SESSION_COOKIE, "", 0))
        return answer

    return [show, enter, leave]


def onward(heading: str, place: str, link: str) -> Response[Any]:
    """A page that leads on by itself."""
    return html("onward.html", heading=heading, place=place, link=link)


def cookie(request: Web, name: str, value: str, seconds: int, samesite: Literal["strict", "lax"] = "strict") -> Cookie:
    secure = is_secure(request)
    return Cookie(
        key=cookie_name(name, secure=secure),
        value=value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite=samesite,
        secure=secure,
    )


def _elsewhere(entrance: Entrance, request: Web, session: Session) -> str | None:
    provider = entrance.services.identity_provider
    if provider is None or not session.id_token:
        return None
    return provider.leave(session.id_token, outside_url(request, "/login"))
