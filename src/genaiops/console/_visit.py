"""One request of somebody who is logged in: who it is, what may be done, and how pages are answered."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from genaiops.console._services import Services
from genaiops.console._sessions import Notice, Session, Sessions
from genaiops.console._templates import templates
from genaiops.console._undo import Undo
from genaiops.core.errors import ConsentNeeded, Forbidden, GenaiopsError, StoreError, UsageError
from genaiops.domain import Actor, ApiKey, Environment, EnvironmentKind, Queue, SavedView
from genaiops.hub import Permission, Reach, allows, require

Web = Request[Any, Any, State]
Form = Mapping[str, str]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


_NOT_OF_VIEWS = frozenset({"cursor", "trace", "from", "after", "compare"})


class NotLoggedIn(Exception):
    """Go to the login page first."""


def html(template: str, *, status: int = 200, **values: Any) -> Response[str]:
    text = templates().get_template(template).render(**values)
    return Response(text, status_code=status, media_type=MediaType.HTML, headers=HEADERS)


def redirect(place: str) -> Response[None]:
    """303: the browser fetches the place with GET."""
    return Response(None, status_code=303, headers={**HEADERS, "location": place})


def own_path(text: str) -> str:
    """A path of this site, `/` for anything else: nobody is sent to another site by a link to the login page."""
    parts = urlsplit(text)
    fine = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if fine and text.isprintable() else "/"


def address_of(request: Web) -> str:
    """Of the client. The gateway worker replaces this header, so it cannot be made up."""
    return request.headers.get("x-forwarded-for", "").split(",")[0].strip() or "local"


def is_secure(request: Web) -> bool:
    """Whether the person's browser came by https. The gateway worker writes this header, and believes only proxies
    that are trusted."""
    return request.headers.get("x-forwarded-proto", request.url.scheme) == "https"


def outside_url(request: Web, path: str) -> str:
    """As the person's browser has it. The worker has looked at the host."""
    return f"{'https' if is_secure(request) else 'http'}://{request.headers.get('host', '')}{path}"


class Visit:
    """`form` holds the fields of a request that changes something; its token was checked before there is a Visit."""

    def __init__(
        self,
        services: Services,
        request: Web,
        *,
        sessions: Sessions,
        session: Session,
        actor: Actor,
        reach: Reach,
        form: Form,
        now_us: int,
    ) -> None:
        self.services = services
        self.sessions = sessions
        self.request = request
        self.session = session
        self.actor = actor
        self.reach = reach
        self.form = form
        self.now_us = now_us
        self._views: Sequence[SavedView] | None = None
        self.query: Mapping[str, str] = {name: value for name, value in request.query_params.items() if value}

    @property
    def environment(self) -> str | None:
        """What the environment switch is set to; None: all."""
        return self.query.get("environment")

    def environments(self) -> list[Environment]:
        return list(self.services.hub.environments.list())

    def can(self, permission: Permission) -> bool:
        return allows(self.actor, permission)

    def require(self, permission: Permission, environment_id: str | None = None) -> None:
        """`environment_id`: of the environment that it is about."""
        kinds: dict[str | None, EnvironmentKind] = {each.id: each.kind for each in self.environments()}
        try:
            require(self.actor, permission, kinds.get(environment_id))
        except Forbidden:
            about = {"path": self.request.url.path, "key": self.session.key_id}
            with suppress(StoreError):  # whoever fills the disk is refused all the same
                self.services.auditor.note_once("refused", "permissions", permission, about, by=self.actor.id)
            raise

    def waiting(self) -> int:
        """How many changes wait for the visitor's consent."""
        if not self.can("approve"):
            return 0
        return sum(each.requested_by != self.actor.id for each in self.services.hub.approvals.waiting())

    def queues(self) -> Sequence[Queue]:
        """Those that are open."""
        found = self.services.hub.queues(self.services.stores.blobs).list()
        return [each for each in found if each.state == "open"]

    def alarms(self) -> int:
        """How many alerts are open."""
        return len(self.services.hub.alerts.in_state("open"))

    def link(self, path: str, **changes: str | None) -> str:
        """To a path with the query given; the environment switch goes along."""
        query = {"environment": self.environment, **changes}
        text = urlencode({name: value for name, value in query.items() if value})
        return f"{path}?{text}" if text else path

    def same(self, **changes: str | None) -> str:
        """This page with another query: deep links keep every state."""
        text = urlencode({name: value for name, value in {**self.query, **changes}.items() if value})
        return f"{self.request.url.path}?{text}" if text else self.request.url.path

    def view_query(self) -> str:
        """What a saved view keeps of this page's address: its filters, in order, without what only leads through it."""
        return urlencode(sorted((name, value) for name, value in self.query.items() if name not in _NOT_OF_VIEWS))

    def views(self) -> Sequence[SavedView]:
        """For the sidebar."""
        if self._views is None:
            self._views = self.services.hub.views.seen_by(self.actor.id)
        return self._views

    def view(self) -> SavedView | None:
        """The saved view that this page shows."""
        asked, path = self.view_query(), self.request.url.path
        return next((each for each in self.views() if each.query == asked and each.page == path), None)

    def page(
        self, template: str, *, title: str, nav: str, status: int = 200, knows: Collection[str] = (), **values: Any
    ) -> Response[str]:
        """`knows`: the parts of its address that the page reads. Others are named on it, so that nobody takes a
        mistyped filter for one that holds."""
        strange = [name for name in self.query if name not in {*knows, "environment"}]
        notices = self.session.take_notices()
        if strange and self.request.method == "GET":
            notices.append(_of_strange(strange, self.same(**dict.fromkeys(strange))))
        if self.environment is not None and self.environment not in {each.id for each in self.environments()}:
            said = f"There is no environment {self.environment!r}, so nothing of it is here."
            notices.append(Notice(said, "warn", link=(self.same(environment=None), "Show all environments")))
        return html(
            template,
            status=status,
            visit=self,
            title=title,
            nav=nav,
            notices=notices,
            csrf=self.session.csrf,
            **values,
        )

    def fragment(self, template: str, **values: Any) -> Response[str]:
        """A part of a page, for scripts."""
        return html(template, visit=self, csrf=self.session.csrf, **values)

    def name_of(self, actor_id: str) -> str:
        with self.services.stores.records.read() as view:
            actor = view.get(Actor, actor_id)
        return actor_id if actor is None else actor.name

    def key_name(self, key_id: str | None) -> str:
        with self.services.stores.records.read() as view:
            key = view.get(ApiKey, key_id) if key_id else None
        return key.name if key is not None else key_id or "unknown"

    def key_id(self, text: str) -> str:
        """Of the key with that name, when there is one that is not revoked; else the text, which may be an id."""
        with self.services.stores.records.read() as view:
            named = [key.id for key in view.find(ApiKey, {"name": text}) if key.revoked_us is None] if text else []
        return named[0] if len(named) == 1 else text

    def say(self, text: str, *, secret: str | None = None, undo: Undo | None = None) -> None:
        token = None if undo is None else self.session.undos.keep(undo)
        self.session.notices.append(Notice(text, secret=secret, undo=token))

    def complain(self, error: GenaiopsError) -> None:
        if isinstance(error, ConsentNeeded):  # nothing went wrong: it waits
            waiting = (self.link("/approvals"), "Show what waits")
            self.session.notices.append(Notice(str(error), "warn", link=waiting))
            return
        self.session.notices.append(Notice(str(error), "bad", param=error.param))

    def publish(self) -> None:
        """Bring a write to the workers; says so when one has not taken it up within a second."""
        publisher = self.services.publisher
        if not publisher.wait(publisher.publish()):
            self.say("A worker has not taken the change up yet; it will within seconds.")


def _of_strange(names: Sequence[str], without: str) -> Notice:
    """What a page says of parts of its address that mean nothing to it."""
    listed = ", ".join(name[:40] for name in names[:8])
    word, they, them = ("is", "it", "it") if len(names) == 1 else ("are", "they", "them")
    return Notice(
        f"{listed} {word} nothing that this page knows, so {they} changed nothing.",
        "warn",
        link=(without, f"Without {them}"),
    )


class Chip(msgspec.Struct, frozen=True):
    """A filter in force; `without` is the page without it."""

    label: str
    value: str
    without: str


Visiting = NamedDependency[SkipValidation[Visit]]
"""The annotation of the parameter `visit` of a handler."""


def field(form: Form, name: str) -> str:
    """UsageError when the form lacks it."""
    value = form.get(name, "").strip()
    if not value:
        raise UsageError(f"The field {name} is empty.", remedy="Fill it in.", param=name)
    return value


def optional(form: Form, name: str) -> str | None:
    return form.get(name, "").strip() or None


def words(form: Form, name: str) -> tuple[str, ...]:
    """A list as people type it: separated by commas or blanks."""
    return tuple(form.get(name, "").replace(",", " ").split())


class Posted(dict[str, str]):
    """The fields of a form, and the files that came with it: (name, content)."""

    def __init__(self) -> None:
        super().__init__()
        self.files: tuple[tuple[str, bytes], ...] = ()


def files_of(form: Form) -> tuple[tuple[str, bytes], ...]:
    """(name, content) of the files of a form."""
    return form.files if isinstance(form, Posted) else ()


async def read_form(request: Web) -> tuple[Form, str]:
    """(fields, token) of a form, or of a script's request, which has the token in a header."""
    kind = request.headers.get("content-type", "")
    fields = Posted()
    if kind.startswith("application/x-www-form-urlencoded"):
        given = await request.form()
        fields.update((name, value) for name, value in given.items() if isinstance(value, str))
    elif kind.startswith("multipart/form-data"):
        for name, value in (await request.form()).multi_items():
            if isinstance(value, str):
                fields[name] = value
            elif value.filename:
                fields.files += ((value.filename, await value.read()),)
    token = fields.pop("csrf", "")
    return fields, request.headers.get("x-csrf-token", token)
