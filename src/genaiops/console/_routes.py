"""All pages under one router: who is logged in, forms, errors."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from litestar import Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException

from genaiops.console._assets import ChartLibrary
from genaiops.console._confined import confined
from genaiops.console._services import Clock, Services
from genaiops.console._sessions import Attempts, Session, Sessions
from genaiops.console._sign_in import SignIns
from genaiops.console._visit import HEADERS, Form, NotLoggedIn, Visit, Web, html, is_secure, read_form, redirect
from genaiops.console.pages import (
    access,
    alerts,
    approvals,
    arena,
    arena_board,
    arena_compare,
    arena_select,
    arena_sweep,
    assets,
    audit,
    budgets,
    caches,
    compare,
    costs,
    erasures,
    experiments,
    facts,
    findings,
    gateway,
    guard_detectors,
    guard_documents,
    guard_places,
    guard_policies,
    guard_replays,
    guardrails,
    held,
    hub,
    keys,
    login,
    merge,
    overview,
    palette,
    person,
    playground,
    prices,
    queues,
    red_team,
    release_shadows,
    releases,
    risks,
    routes,
    sessions_and_users,
    settings,
    shadows,
    side_by_side,
    sign_in,
    suite_new,
    system,
    targets,
    traces,
    traces_file,
    use_cases,
    views,
)
from genaiops.core.clock import now_us
from genaiops.core.errors import Forbidden, GenaiopsError
from genaiops.domain import Actor
from genaiops.hub import Hub, Reach, allows, reach_of, require

_log = logging.getLogger("genaiops.console")
_GUARD: Final = (
    *guardrails.HANDLERS,
    *held.HANDLERS,
    *guard_documents.HANDLERS,
    *guard_places.HANDLERS,
    *guard_policies.HANDLERS,
    *guard_replays.HANDLERS,
    *guard_detectors.HANDLERS,
    *risks.HANDLERS,
)
_ARENA: Final = (
    *arena.HANDLERS,
    arena_board.board,
    *arena_compare.HANDLERS,
    *arena_select.HANDLERS,
    *merge.HANDLERS,
    *side_by_side.HANDLERS,
    *suite_new.HANDLERS,
    *arena_sweep.HANDLERS,
    *red_team.HANDLERS,
    *experiments.HANDLERS,
    *use_cases.HANDLERS,
)


class ToQueues(Exception):
    """Go to the queues: there is nothing else for who only labels."""


_SAFE = frozenset({"GET", "HEAD"})


def create(services: Services, sessions: Sessions | None = None, *, clock: Clock = now_us) -> Router:
    """The console at `/`. Beside it belongs everything else the control process answers (`/api`, `/metrics`).

    `sessions` may be shared with the REST API, so that pages can call it.
    """
    sessions = sessions or Sessions(services.hub, clock)
    entrance = login.Entrance(services, sessions, Attempts(clock), SignIns(clock))
    return Router(
        path="/",
        route_handlers=[
            *login.handlers(entrance),
            *sign_in.handlers(entrance),
            *assets.handlers(ChartLibrary(services.home.run)),
            *overview.HANDLERS,
            *palette.HANDLERS,
            *traces.HANDLERS,
            *traces_file.HANDLERS,
            *sessions_and_users.HANDLERS,
            *erasures.HANDLERS,
            *_GUARD,
            *views.HANDLERS,
            *compare.HANDLERS,
            *_ARENA,
            *queues.HANDLERS,
            *hub.HANDLERS,
            *releases.HANDLERS,
            *costs.HANDLERS,
            *gateway.HANDLERS,
            *routes.HANDLERS,
            *targets.HANDLERS,
            *caches.HANDLERS,
            *shadows.HANDLERS,
            *release_shadows.HANDLERS,
            *keys.HANDLERS,
            *budgets.HANDLERS,
            *prices.HANDLERS,
            *facts.HANDLERS,
            *playground.HANDLERS,
            *alerts.HANDLERS,
            *findings.HANDLERS,
            *approvals.HANDLERS,
            *system.HANDLERS,
            *settings.HANDLERS,
            *audit.HANDLERS,
            *access.HANDLERS,
            *person.HANDLERS,
        ],
        dependencies={
            "visit": Provide(_visiting(services, sessions, clock)),
        },
        exception_handlers=dict(_FAULTS),
        include_in_schema=False,
    )


def _visiting(services: Services, sessions: Sessions, clock: Clock) -> Callable[[Web], Awaitable[Visit]]:
    async def visit(request: Web) -> Visit:
        session = sessions.of_cookies(request.cookies, secure=is_secure(request))
        if session is None:
            raise NotLoggedIn
        actor = await asyncio.to_thread(sessions.who, session)
        if actor is None:
            raise NotLoggedIn
        form: Form = {}
        if request.method not in _SAFE:
            form, token = await read_form(request)
            if not session.matches(token):
                raise Forbidden(
                    "The form did not come from a page of this session.",
                    remedy="Load the page again and send it once more.",
                    code="csrf_token_invalid",
                )
        _check_place(actor, request)
        reach = await asyncio.to_thread(_reach, services.hub, session, actor)
        own = confined(services, reach)
        return Visit(
            own,
            request,
            sessions=sessions,
            session=session,
            actor=actor,
            reach=reach,
            form=form,
            now_us=clock(),
        )

    return visit


def _check_place(actor: Actor, request: Web) -> None:
    """Who may label and not read sees queues alone. Forbidden, or on the way there from the first page."""
    path = request.url.path
    if allows(actor, "read") or path.startswith(("/queues", "/logout")):
        return
    if path == "/" and request.method == "GET":
        raise ToQueues
    require(actor, "read")


def _reach(hub: Hub, session: Session, actor: Actor) -> Reach:
    """As far as the key goes that was pasted, if one was."""
    return reach_of(hub, actor, None if session.key_id is None else hub.keys.get(session.key_id))


def _to_login(request: Web, _: NotLoggedIn) -> Response[Any]:
    if request.method == "GET" and wants_page(request):
        place = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Response(None, status_code=303, headers={**HEADERS, "location": f"/login?next={quote(place, safe='')}"})
    return _failure(request, 401, "You are not logged in, or no longer. Open /login and sign in.")


def _to_queues(request: Web, _: ToQueues) -> Response[Any]:  # noqa: ARG001 (as handlers are called)
    return redirect("/queues")


def _on_error(request: Web, error: GenaiopsError) -> Response[Any]:
    return _failure(request, error.status, str(error))


def _on_http_error(request: Web, error: HTTPException) -> Response[Any]:
    return _failure(request, error.status_code, error.detail)


def _on_failure(request: Web, error: Exception) -> Response[Any]:
    """The boundary at which a fault of ours becomes a page that says so."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _failure(request, 500, "Something failed inside. The log of the control process has the reason.")


def wants_page(request: Web) -> bool:
    """Whether a person's browser asks. Programs get their errors as JSON."""
    return "text/html" in request.headers.get("accept", "")


def nothing_there(request: Web) -> Response[Any]:
    """The page at an address that nothing answers to."""
    return _failure(request, 404, f"There is nothing at {request.url.path}.")


def _failure(request: Web, status: int, message: str) -> Response[Any]:
    if not wants_page(request):
        return Response({"error": {"message": message}}, status_code=status, headers=HEADERS)
    heading = {403: "Not allowed", 404: "Not found", 400: "That cannot be read"}.get(status, "That failed")
    return html("error.html", status=status, message=message, heading=heading)


_FAULTS: Mapping[int | type[Exception], Any] = {
    NotLoggedIn: _to_login,
    ToQueues: _to_queues,
    GenaiopsError: _on_error,
    HTTPException: _on_http_error,
    Exception: _on_failure,
}
