"""`/api/tasks`: what waits for a person, and the decision about it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, JSONBody

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import Listing, shown
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.core.clock import to_iso
from genaiops.core.errors import NotFound
from genaiops.domain import Direction, Operation, Task, TaskKind, TaskState
from genaiops.hub import allows, opened


class TaskQuery(msgspec.Struct, frozen=True, kw_only=True):
    state: Annotated[TaskState | None, msgspec.Meta(description="only in this state")] = None
    queue: Annotated[str | None, msgspec.Meta(description="only of this queue")] = None


class TaskDecisionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why. Of a refusal its client is told."""

    reason: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class TaskPart(msgspec.Struct, frozen=True):
    """A text of what is held, without what patterns found in it."""

    provenance: str
    place: str
    text: str


class TaskDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`asker` and `decider` are the names of `asked_by` and `decided_by`; `found` is kind -> how often. `solo`: who
    decided is who asked, being the only person here. `passes_until`: until when a released request may be sent again.
    `content`: for those who may decide, and of one task; null: it is not kept any more, or not shown here."""

    id: str
    kind: TaskKind
    queue: str
    state: TaskState
    tenant_id: str
    environment_id: str
    application: str | None
    key_id: str
    asked_by: str
    asker: str
    trace_id: str
    operation: Operation
    model: str
    direction: Direction
    policy: str
    rule: str
    message: str
    found: Mapping[str, int]
    created_at: str
    expires_at: str
    decided_by: str
    decider: str
    decided_at: str | None
    reason: str
    solo: bool
    passes_until: str | None
    content: Sequence[TaskPart] | None


class _Decide(Protocol):
    def __call__(self, task_id: str, *, reason: str, by: str) -> Task: ...


class TasksController(Controller):
    path = "/tasks"
    tags = ("Tasks",)

    @get(
        summary="List tasks",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: TaskQuery},
        operation_class=described(TaskQuery),
    )
    def list(self, request: Request[Any, Any, Any], services: Serving, caller: Calling) -> Listing[TaskDocument]:
        """Pending ones first, then the newest."""
        query = read_query(request, TaskQuery)
        names = _names(services)
        found = services.hub.tasks.in_state(query.state, query.queue)
        return Listing([_document(each, names) for each in found if _reaches(caller, each)])

    @get("/{task_id:str}", summary="One task", guards=[needs("read")], sync_to_thread=True)
    def one(self, task_id: FromPath[str], services: Serving, caller: Calling) -> TaskDocument:
        """With what is held, redacted, for those who may decide."""
        task = _reached(services, caller, task_id)
        return _document(task, _names(services), _content(services, caller, task))

    @post("/{task_id:str}/release", summary="Release", guards=[needs("review")], status_code=200)
    async def release(
        self, task_id: FromPath[str], data: JSONBody[TaskDecisionRequest], services: Serving, caller: Calling
    ) -> Response[TaskDocument]:
        """Its client may have the answer, or send the request again. 403 for one's own, 409 when it was decided."""
        return await _decided(services, services.hub.tasks.release, task_id, data, caller)

    @post("/{task_id:str}/refuse", summary="Refuse", guards=[needs("review")], status_code=200)
    async def refuse(
        self, task_id: FromPath[str], data: JSONBody[TaskDecisionRequest], services: Serving, caller: Calling
    ) -> Response[TaskDocument]:
        """Its client never gets it, and is told the reason."""
        return await _decided(services, services.hub.tasks.refuse, task_id, data, caller)


async def _decided(
    services: Services, decide: _Decide, task_id: str, data: TaskDecisionRequest, caller: Caller
) -> Response[TaskDocument]:
    def work() -> TaskDocument:
        _reached(services, caller, task_id)
        task = decide(task_id, reason=data.reason, by=caller.actor.id)
        return _document(task, _names(services))

    return await write(services, work)


def _names(services: Services) -> Mapping[str, str]:
    return {actor.id: actor.name for actor in services.hub.actors.list()}


def _reaches(caller: Caller, task: Task) -> bool:
    return caller.reach.environment_id in (None, task.environment_id)


def _reached(services: Services, caller: Caller, task_id: str) -> Task:
    task = services.hub.tasks.one(task_id)
    if not _reaches(caller, task):
        raise NotFound(f"There is no task {task_id!r} here.", remedy="List the tasks to see which there are.")
    return task


def _content(services: Services, caller: Caller, task: Task) -> Sequence[TaskPart] | None:
    if not allows(caller.actor, "review"):
        return None
    try:
        held = opened(task, services.blobs, services.seals)
    except NotFound:
        return None
    return [TaskPart(part.provenance, part.place, part.text) for part in held.parts]


def _document(task: Task, names: Mapping[str, str], content: Sequence[TaskPart] | None = None) -> TaskDocument:
    return shown(
        task,
        TaskDocument,
        asker=names.get(task.asked_by, task.asked_by),
        decider=names.get(task.decided_by, task.decided_by),
        passes_until=None if task.pass_until_us is None else to_iso(task.pass_until_us),
        content=content,
    )
