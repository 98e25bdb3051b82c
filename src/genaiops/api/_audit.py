"""`/api/audit`: what happened, what it changed, and that nobody altered it."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream
from msgspec import Meta

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._services import Services, Serving
from genaiops.api._times import moment
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import AuditEvent, Checkpoint
from genaiops.govern import Consistency, FieldDifference, explain, write_bundle
from genaiops.ports.audit import AuditFilter

AUDIT_HEADER = "x-genaiops-audit"
"""Of every answer: origin, size and root of the newest checkpoint, so that clients can remember it."""


class EventDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. `change` is null for what changed no record; `leaf` is the event's hash."""

    seq: int
    at: str
    actor_id: str
    action: str
    collection: str
    entity_id: str
    change: int | None
    commitment: str
    leaf: str


class EventDetailDocument(EventDocument, frozen=True, kw_only=True):
    """An event with what it was about. `erased`: that was taken away. `former`: the event that changed it before."""

    erased: bool
    former: int | None
    differences: tuple[FieldDifference, ...]


class CheckpointDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The log at a size, signed: `note` is a C2SP checkpoint, `key` verifies it."""

    origin: str
    size: int
    root: str
    at: str
    note: str
    key: str


class ProofDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Hashes (hexadecimal) that lead from the event's leaf to the root of the checkpoint: RFC 6962, section 2.1.1."""

    seq: int
    leaf: str
    path: tuple[str, ...]
    checkpoint: CheckpointDocument


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All given conditions hold for the event."""

    actor_id: str | None = None
    action: str | None = None
    collection: str | None = None
    entity_id: str | None = None
    since: Annotated[str | None, Meta(description="an ISO 8601 time, or so long ago: 15m, 24h, 7d")] = None
    until: Annotated[str | None, Meta(description="an ISO 8601 time, or so long ago")] = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: str | None = None

    def filter(self, now: int) -> AuditFilter:
        return AuditFilter(
            actor_id=self.actor_id,
            action=self.action,
            collection=self.collection,
            entity_id=self.entity_id,
            since_us=None if self.since is None else moment(self.since, now_us=now, param="since"),
            until_us=None if self.until is None else moment(self.until, now_us=now, param="until"),
        )

    @property
    def before(self) -> int | None:
        if self.cursor is None:
            return None
        if not self.cursor.isascii() or not self.cursor.isdigit() or len(self.cursor) > 18:
            raise UsageError("cursor: this is none.", remedy="Give `next` of the page before.", param="cursor")
        return int(self.cursor)


class AuditController(Controller):
    path = "/audit"
    tags = ("Audit",)

    @get(
        "/events",
        summary="List what happened",
        guards=[needs("audit")],
        sync_to_thread=True,
        opt={QUERY: AuditQuery},
        operation_class=described(AuditQuery),
    )
    def list(self, request: Request[Any, Any, Any], services: Serving) -> Listing[EventDocument]:
        """The newest first."""
        query = read_query(request, AuditQuery)
        with services.hub.records.read() as view:
            found = view.audit.find(query.filter(now_us()), before=query.before, limit=query.limit)
        following = str(found[-1].seq) if len(found) == query.limit and found[-1].seq > 1 else None
        return Listing([EventDocument(**_fields(event)) for event in found], following)

    @get("/events/{seq:int}", summary="One event", guards=[needs("audit")], sync_to_thread=True)
    def one(self, seq: FromPath[int], services: Serving) -> EventDetailDocument:
        """With what it changed, field by field. Digests of keys are not shown."""
        with services.hub.records.read() as view:
            found = explain(view.audit, seq)
        return EventDetailDocument(
            **_fields(found.event), erased=found.erased, former=found.former, differences=found.differences
        )

    @get("/events/{seq:int}/proof", summary="Prove an event", guards=[needs("audit")], sync_to_thread=True)
    def prove(self, seq: FromPath[int], services: Serving) -> ProofDocument:
        """That it is in the log that the checkpoint signs."""
        proof = services.auditor.prove(seq)
        checkpoint = _checkpoint(proof.checkpoint, services)
        return ProofDocument(seq=proof.seq, leaf=proof.leaf, path=proof.path, checkpoint=checkpoint)

    @get("/consistency", summary="Prove that the log only grew", guards=[needs("read")], sync_to_thread=True)
    def consistency(
        self,
        services: Serving,
        first: Annotated[int, QueryParameter(description="the size of the log before", ge=1)],
        second: Annotated[int, QueryParameter(description="its size later", ge=1)],
    ) -> Consistency:
        """Hashes (hexadecimal) that lead from the root at one size to the root at another: RFC 6962, section 2.1.2."""
        return services.auditor.consistency(first, second)

    @get("/checkpoint", summary="The newest checkpoint", guards=[needs("read")], sync_to_thread=True)
    def newest(self, services: Serving) -> CheckpointDocument:
        """As it was signed last."""
        latest = services.auditor.latest
        if latest is None:
            raise NotFound("The audit log was not signed yet.", remedy="Have it signed: genaiops audit checkpoint.")
        return _checkpoint(latest, services)

    @post("/checkpoint", summary="Sign the log now", guards=[needs("audit")], sync_to_thread=True, status_code=200)
    def sign(self, services: Serving) -> CheckpointDocument:
        """The newest checkpoint again when nothing was added since."""
        return _checkpoint(_signed(services), services)

    @get("/export", summary="Export the log", guards=[needs("audit")], sync_to_thread=True)
    def export(self, services: Serving, caller: Calling, payloads: FromQuery[bool] = False) -> Stream:
        """Lines of JSON: the signed checkpoint, then every event; with `payloads` also what they were about, and the
        salts. `genaiops audit verify --bundle` checks it without an installation."""
        services.auditor.note("export", "audit", "log", {"payloads": payloads}, by=caller.actor.id)
        return Stream(_bundle(services, _signed(services), payloads), media_type="application/x-ndjson")


def _bundle(services: Services, checkpoint: Checkpoint, payloads: bool) -> Iterator[bytes]:
    with services.hub.records.read() as view:
        yield from write_bundle(view.audit, checkpoint, payloads=payloads)


def _signed(services: Services) -> Checkpoint:
    made = services.auditor.checkpoint()
    if made is None:
        raise NotFound("The audit log is empty.", remedy="Change something first.")
    return made


def _fields(event: AuditEvent) -> dict[str, Any]:
    fields = msgspec.structs.asdict(event)
    fields["at"] = to_iso(fields.pop("at_us"))
    return fields


def _checkpoint(made: Checkpoint, services: Services) -> CheckpointDocument:
    return CheckpointDocument(
        origin=made.origin,
        size=made.size,
        root=made.root,
        at=to_iso(made.at_us),
        note=made.note,
        key=services.auditor.verifier(),
    )
