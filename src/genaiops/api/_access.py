"""Who calls, and whether they may.

Two guards: `authenticate` on the whole API, and `needs(permission)` on every handler. They run before anything of the
request but its headers is read.
"""

import asyncio
from contextlib import suppress
from typing import Any, cast, get_args
from urllib.parse import urlsplit

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation

from genaiops.api._services import Services, Sessions
from genaiops.core.errors import Forbidden, StoreError, Unauthenticated
from genaiops.domain import Actor, ApiKey
from genaiops.hub import PERSONAL, Hub, Permission, Reach, allows, reach_of, require, require_scope

Connection = ASGIConnection[Any, Any, Any, Any]

CSRF_HEADER = "x-genaiops-csrf"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Caller(msgspec.Struct, frozen=True):
    """`key` is None for somebody who is logged in at the console; `reach` is how far both see."""

    actor: Actor
    key: ApiKey | None
    reach: Reach

    @property
    def permissions(self) -> list[Permission]:
        return [permission for permission in get_args(Permission) if allows(self.actor, permission)]


Calling = NamedDependency[SkipValidation[Caller]]
"""The annotation of the parameter `caller` of a handler."""


class Authentication:
    """For the guard of the whole API: a key with the scope `api`, or a session of the console from the same origin."""

    def __init__(self, services: Services, sessions: Sessions | None) -> None:
        self._services = services
        self._sessions = sessions

    async def admit(self, connection: Connection) -> None:
        connection.scope["user"] = await asyncio.to_thread(self.caller, connection)
        connection.scope["auth"] = self

    def caller(self, connection: Connection) -> Caller:
        """Unauthenticated or Forbidden when nobody may call like that."""
        header = connection.headers.get("authorization")
        if header is not None:
            return _by_key(self._services.hub, header, _address(connection))
        sessions = self._sessions
        actor = self._by_session(connection)
        if actor is None or sessions is None:
            raise Unauthenticated(
                "No key was sent.",
                remedy='Send "Authorization: Bearer KEY" with a key of the scope api.',
                code="missing_api_key",
            )
        return Caller(
            actor,
            None,
            reach_of(self._services.hub, actor, sessions.key(connection.cookies, secure=_secure(connection))),
        )

    def refused(self, caller: Caller, permission: Permission, path: str) -> None:
        """Note in the audit log that somebody known asked for what is not theirs."""
        key = None if caller.key is None else caller.key.id
        about = {"path": path, "key": key}
        with suppress(StoreError):  # whoever fills the disk is refused all the same
            self._services.auditor.note_once("refused", "permissions", permission, about, by=caller.actor.id)

    def _by_session(self, connection: Connection) -> Actor | None:
        sessions = self._sessions
        if sessions is None or not connection.cookies:
            return None
        secure = _secure(connection)
        actor = sessions.actor(connection.cookies, secure=secure)
        if actor is None:
            return None
        if not _same_origin(connection):
            raise Forbidden(
                "A session of the console counts only for requests of its own pages.",
                remedy="Use a key.",
                code="cross_origin",
            )
        token = connection.headers.get(CSRF_HEADER, "")
        method: str = cast(dict[str, Any], connection.scope)["method"]
        if method not in _SAFE and not sessions.csrf_matches(connection.cookies, token, secure=secure):
            raise Forbidden(
                f"The header {CSRF_HEADER} does not belong to this session.", remedy="Load the page anew.", code="csrf"
            )
        return actor


class Needs:
    """The guard of one handler. A class, so that a test can read what each handler needs."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission: Permission | None = permission

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        if self.permission is not None:
            caller: Caller = connection.scope["user"]
            authentication: Authentication = connection.scope["auth"]
            try:
                require(caller.actor, self.permission)
            except Forbidden:
                await asyncio.to_thread(authentication.refused, caller, self.permission, connection.url.path)
                raise


def needs(permission: Permission) -> Needs:
    """Forbidden unless one of the caller's roles has the permission."""
    return Needs(permission)


def anybody() -> Needs:
    """Any working key of the scope `api` will do; the handler looks closer where it has to."""
    return Needs(None)


def calling(request: Request[Any, Any, Any]) -> Caller:
    """The value of the parameter `caller`."""
    return request.scope["user"]


def check_hands_out(caller: Caller, actor: Actor) -> None:
    """Forbidden when a key of the scope `api` for that actor may do more than the caller."""
    more = [p for p in get_args(Permission) if allows(actor, p) and not allows(caller.actor, p) and p not in PERSONAL]
    if more:
        raise Forbidden(
            f"A key of {actor.name!r} may do more than {caller.actor.name!r} may: {', '.join(more)}.",
            remedy="Leave out the scope api, or ask an administrator.",
            code="would_escalate",
        )


def _by_key(hub: Hub, header: str, address: str | None) -> Caller:
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Unauthenticated("The header Authorization holds no key.", remedy='Write "Authorization: Bearer KEY".')
    key, actor = hub.keys.authenticate(text.strip(), address=address)
    require_scope(key, "api")
    return Caller(actor, key, reach_of(hub, actor, key))


def _address(connection: Connection) -> str | None:
    """The client's. On the unix socket only a gateway worker connects, and it writes this header itself."""
    if connection.client is not None:
        return connection.client.host
    return connection.headers.get("x-forwarded-for")


def _secure(connection: Connection) -> bool:
    """Whether they came by https, as the gateway worker says."""
    return connection.headers.get("x-forwarded-proto") == "https"


def _same_origin(connection: Connection) -> bool:
    """Browsers say where a request comes from, and pages cannot change what they say."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() == connection.headers.get("host", "").lower()
