"""`/api/erasures`: taking away what is kept of an end user."""

import asyncio
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import Listing, time_or_none
from genaiops.api._services import Serving
from genaiops.core.clock import to_iso
from genaiops.core.errors import Forbidden, NotFound
from genaiops.domain import Erasure, Person

BEYOND = (
    "what was exported or passed on to a collector before (the audit log tells of exports)",
    "what providers of models keep; their answers' ids stay on the spans",
    "idempotent answers and a shared cache's entries, which nobody is given any more, until their time is over",
    "calls that come later: they are new traces",
)
"""What no erasure reaches; shown wherever one is begun."""


class PersonRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`user_id` as traces have it, letter for letter. `tenant_id`: only what this business unit keeps."""

    user_id: Annotated[str, Meta(min_length=1, max_length=1024)]
    tenant_id: str | None = None


class ErasureRequest(PersonRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`reason` stays in the audit log and must not name the person."""

    reason: str


class HeldDocument(msgspec.Struct, frozen=True):
    """Rows of an immutable version of a dataset."""

    version: str
    rows: int


class ForeseenDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What would go; `datasets` and `beyond` would not."""

    traces: int
    spans: int
    contents: int
    scores: int
    comments: int
    sessions: int
    first_at: str | None
    last_at: str | None
    datasets: tuple[HeldDocument, ...]
    beyond: tuple[str, ...]


class ErasureDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Who was erased is not in it. `error`: what it waits for; it is tried again by itself."""

    id: str
    state: str
    tenant_id: str | None
    reason: str
    begun_at: str
    begun_by: str
    finished_at: str | None
    traces: int
    spans: int
    contents: int
    comments: int
    blobs: int
    events: int
    views: int
    caches: int
    held: int
    cases: int
    experiments: int
    datasets: tuple[HeldDocument, ...]
    beyond: tuple[str, ...]
    error: str | None


class ErasuresController(Controller):
    path = "/erasures"
    tags = ("Traces",)

    @post("/preview", summary="What an erasure would take away", guards=[needs("erase")], status_code=200)
    async def preview(self, data: JSONBody[PersonRequest], services: Serving, caller: Calling) -> ForeseenDocument:
        """Changes nothing."""
        person = _person(data, caller)
        found = await asyncio.to_thread(services.erasing.foresee, person)
        own = msgspec.structs.asdict(found.belongings)
        first, last = own.pop("first_us"), own.pop("last_us")
        return ForeseenDocument(
            **own,
            first_at=time_or_none(first),
            last_at=time_or_none(last),
            datasets=tuple(HeldDocument(each.version, each.rows) for each in found.datasets),
            beyond=BEYOND,
        )

    @post(summary="Erase an end user from traces", guards=[needs("erase")], status_code=202)
    async def begin(self, data: JSONBody[ErasureRequest], services: Serving, caller: Calling) -> ErasureDocument:
        """What was said and whose it was goes, figures stay. It is certain when this answers, and goes on by itself:
        ask for its state at `/api/erasures/{erasure_id}`."""
        person = _person(data, caller)
        begun = await asyncio.to_thread(lambda: services.erasing.begin(person, data.reason, by=caller.actor.id))
        return _document(begun)

    @get(summary="List erasures", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving, caller: Calling) -> Listing[ErasureDocument]:
        """The newest first."""
        return Listing([_document(each) for each in services.erasing.list() if _sees(caller, each)])

    @get("/{erasure_id:str}", summary="One erasure", guards=[needs("read")], sync_to_thread=True)
    def one(self, erasure_id: FromPath[str], services: Serving, caller: Calling) -> ErasureDocument:
        """`state` is running or done."""
        found = services.erasing.get(erasure_id)
        if not _sees(caller, found):
            raise NotFound(f"There is no erasure {erasure_id[:80]!r}.", remedy="List them to see which there are.")
        return _document(found)


def _sees(caller: Caller, erasure: Erasure) -> bool:
    return caller.reach.tenant_id in (None, erasure.tenant_id)


def _person(data: PersonRequest, caller: Caller) -> Person:
    """Within the caller's reach."""
    reach = caller.reach
    if reach.environment_id is not None:
        raise Forbidden(
            "A sandbox's key sees its own environment only, and a person is erased from all.",
            remedy="Use a key of another environment.",
        )
    if reach.tenant_id is not None and data.tenant_id not in (None, reach.tenant_id):
        raise Forbidden(
            f"The business unit {data.tenant_id!r} is not yours.", remedy="Leave tenant_id out.", param="tenant_id"
        )
    return Person(data.user_id, reach.tenant_id or data.tenant_id)


def _document(erasure: Erasure) -> ErasureDocument:
    own = msgspec.structs.asdict(erasure)
    begun, finished = own.pop("begun_us"), own.pop("finished_us")
    own["datasets"] = tuple(HeldDocument(each.version, each.rows) for each in erasure.datasets)
    return ErasureDocument(
        **own,
        state="running" if finished is None else "done",
        begun_at=to_iso(begun),
        finished_at=time_or_none(finished),
        beyond=BEYOND,
    )
