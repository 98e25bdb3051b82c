"""One request of somebody who is logged in: who it is, what may be done, and how pages are answered."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit

import jinja2
from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from genaiops import __version__
from genaiops.console._assets import release
from genaiops.console._format import FILTERS
from genaiops.console._services import Services
from genaiops.console._sessions import Notice, Session
from genaiops.console._undo import Undo
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import Actor, Environment
from genaiops.hub import Permission, allows, require

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


class NotLoggedIn(Exception):
    """Go to the login page first."""


@cache
def templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("genaiops.console", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS.items())
    known: dict[str, Any] = {"release": release(), "version": __version__}
    environment.globals.update(known.items())
    return environment


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


class Visit:
    """`form` holds the fields of a request that changes something; its token was checked before there is a Visit."""

    def __init__(
        self, services: Services, request: Web, *, session: Session, actor: Actor, form: Form, now_us: int
    ) -> None:
        self.services = services
        self.request = request
        self.session = session
        self.actor = actor
        self.form = form
        self.now_us = now_us
        self.query: Mapping[str, str] = {name: value for name, value in request.query_params.items() if value}

    @property
    def environment(self) -> str | None:
        """What the environment switch is set to; None: all."""
        return self.query.get("environment")

    def environments(self) -> list[Environment]:
        return list(self.services.hub.environments.list())

    def can(self, permission: Permission) -> bool:
        return allows(self.actor, permission)

    def require(self, permission: Permission) -> None:
        require(self.actor, permission)

    def link(self, path: str, **changes: str | None) -> str:
        """To a path with the query given; the environment switch goes along."""
        query = {"environment": self.environment, **changes}
        text = urlencode({name: value for name, value in query.items() if value})
        return f"{path}?{text}" if text else path

    def same(self, **changes: str | None) -> str:
        """This page with another query: deep links keep every state."""
        text = urlencode({name: value for name, value in {**self.query, **changes}.items() if value})
        return f"{self.request.url.path}?{text}" if text else self.request.url.path

    def page(self, template: str, *, title: str, nav: str, status: int = 200, **values: Any) -> Response[str]:
        return html(
            template,
            status=status,
            visit=self,
            title=title,
            nav=nav,
            notices=self.session.take_notices(),
            csrf=self.session.csrf,
            **values,
        )

    def fragment(self, template: str, **values: Any) -> Response[str]:
        """A part of a page, for scripts."""
        return html(template, visit=self, csrf=self.session.csrf, **values)

    def say(self, text: str, *, secret: str | None = None, undo: Undo | None = None) -> None:
        token = None if undo is None else self.session.undos.keep(undo)
        self.session.notices.append(Notice(text, secret=secret, undo=token))

    def complain(self, error: GenaiopsError) -> None:
        self.session.notices.append(Notice(str(error), "bad"))

    def publish(self) -> None:
        """Bring a write to the workers; says so when one has not taken it up within a second."""
        publisher = self.services.publisher
        if not publisher.wait(publisher.publish()):
            self.say("A worker has not taken the change up yet; it will within seconds.")


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


async def read_form(request: Web) -> tuple[Form, str]:
    """(fields, token) of a form, or of a script's request, which has the token in a header."""
    kind = request.headers.get("content-type", "")
    fields: dict[str, str] = {}
    if kind.startswith("application/x-www-form-urlencoded"):
        given = await request.form()
        fields = {name: value for name, value in given.items() if isinstance(value, str)}
    token = fields.pop("csrf", "")
    return fields, request.headers.get("x-csrf-token", token)
