"""Registered documents that guard policies look for: uploaded, listed, taken out, brought back."""

from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.checks.documents import text_of
from genaiops.console._forms import why_of
from genaiops.console._visit import Visit, Visiting, field, files_of, redirect
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.hub import KnownDocument

LARGEST: Final = 32 << 20
"""Bytes of an upload."""
_LARGEST_PDF: Final = 5 << 20
_HERE: Final = "/guardrails/documents"


@get(_HERE, sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    found = visit.services.hub.fingerprints(visit.services.stores.blobs).list(visit.actor)
    return visit.page(
        "guard_documents.html",
        title="Guardrails",
        nav="guardrails",
        tab="documents",
        found=found,
        may_push=visit.can("policies"),
    )


@post("/guardrails/new-documents", sync_to_thread=True, request_max_body_size=LARGEST)
def new(visit: Visiting) -> Response[None]:
    """The first documents of a name, or more of them."""
    visit.require("policies")
    return _add(visit, field(visit.form, "name"))


@get(_HERE + "/{name:str}", sync_to_thread=True)
def one(visit: Visiting, name: FromPath[str]) -> Response[str]:
    fingerprints = visit.services.hub.fingerprints(visit.services.stores.blobs)
    state = fingerprints.get(name, visit.actor)
    wanted = visit.query.get("version")
    reference = wanted or ("current" if "current" in state.aliases else state.versions[-1].digest)
    shown = fingerprints.version(f"{name}@{reference}")
    return visit.page(
        "guard_document.html",
        title="Guardrails",
        nav="guardrails",
        tab="documents",
        knows=("version",),
        state=state,
        shown=shown,
        listed=fingerprints.documents(shown),
        versions=list(state.versions)[::-1],
        may_push=visit.can("policies"),
    )


@post(_HERE + "/{name:str}", sync_to_thread=True, request_max_body_size=LARGEST)
def act(visit: Visiting, name: FromPath[str]) -> Response[None]:
    """`do` says what becomes of the form: add, remove, or back."""
    visit.require("policies")
    hub = visit.services.hub
    fingerprints = hub.fingerprints(visit.services.stores.blobs)
    fingerprints.get(name, visit.actor)
    do = field(visit.form, "do")
    if do == "add":
        return _add(visit, name)
    try:
        if do == "remove":
            gone = field(visit.form, "document")
            version = fingerprints.register(name, (), remove=(gone,), by=visit.actor.id)
            _bring_into_force(visit, name, version.id, f"{gone} is taken out.")
        elif do == "back":
            why = why_of(visit.form)
            moved = hub.artifacts.undo(
                f"index/{name}@current", reason=why.reason, emergency=why.emergency, by=visit.actor.id
            )
            visit.publish()
            visit.say(f"{name}@current names {moved.version_id.rpartition(':')[2][:8]} again.")
        else:
            raise UsageError(f"{do[:40]!r} is nothing to do.", remedy="Use a button of the page.", param="do")
    except GenaiopsError as error:
        visit.complain(error)
    return redirect(visit.link(f"{_HERE}/{name}"))


def _add(visit: Visit, name: str) -> Response[None]:
    """Every file that cannot be read is told, and then nothing is registered."""
    fingerprints = visit.services.hub.fingerprints(visit.services.stores.blobs)
    made: list[KnownDocument] = []
    there = False
    try:
        there = any(each.artifact.name == name for each in fingerprints.list())
        if there:
            fingerprints.get(name, visit.actor)
        files = files_of(visit.form)
        if not files:
            raise UsageError("There is no file.", remedy="Choose one or more.", param="files")
        faults: list[str] = []
        partly: list[str] = []
        for file, data in files:
            try:
                _check_size(file, data)
                made.append(fingerprints.put_text(file, text_of(file, data, partly.append)))
            except UsageError as error:
                faults.append(f"{error.message} {error.remedy or ''}".strip())
        if faults:
            raise UsageError(" ".join(faults), remedy="Nothing was registered: leave these files out.", param="files")
        version = fingerprints.register(name, [each.piece for each in made], by=visit.actor.id)
        there = True
        told = " ".join((f"{len(made)} of them fingerprinted; the texts were not kept.", *partly))
        _bring_into_force(visit, name, version.id, told)
    except GenaiopsError as error:
        visit.complain(error)
    return redirect(visit.link(f"{_HERE}/{name}" if there else _HERE))


def _check_size(file: str, data: bytes) -> None:
    """UsageError for a PDF whose reading would keep this process from its other work."""
    if len(data) > _LARGEST_PDF and file.lower().endswith(".pdf"):
        raise UsageError(
            f"{file} is a PDF of more than {_LARGEST_PDF >> 20} MB.",
            remedy="Register it with the command line, which reads it where it lies: genaiops policy fingerprint.",
            param="files",
        )


def _bring_into_force(visit: Visit, name: str, version_id: str, said: str) -> None:
    why = why_of(visit.form)
    visit.services.hub.artifacts.move(
        f"index/{name}", "current", version_id, reason=why.reason, emergency=why.emergency, by=visit.actor.id
    )
    visit.publish()
    visit.say(f"{said} Policies take it up when they are pushed again.")


HANDLERS: list[Any] = [show, new, one, act]
