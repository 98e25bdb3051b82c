"""Guard policies: what is in force where, what differs between versions; written, tried and pushed here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._forms import why_of
from genaiops.console._guard_text import policy_text
from genaiops.console._undo import Undo
from genaiops.console._visit import HEADERS, Visit, Visiting, field, redirect
from genaiops.console.pages.guard_replays import begin, instead_of
from genaiops.core.errors import GenaiopsError, NotBuilt, NotFound, UsageError
from genaiops.domain import DEFAULT_GUARD, GuardPolicy, GuardVersion
from genaiops.guard import CaseResult, read_cases, try_cases
from genaiops.hub import About, GuardDifference, GuardState, default_digest, read_guard, text_diff

_CURRENT: Final = "current"
_KNOWS: Final = ("version", "with")
LONGEST_TRIED: Final = 20_000

Way = Literal["in", "out"]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """`uses`: kind -> how many; `changed_us` None: nobody ever changed it."""

    state: GuardState
    uses: Mapping[str, int]
    changed_us: int | None


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the editor and in the box to try it, and what came of it (None: was not asked)."""

    text: str
    sample: str = ""
    way: Way = "in"
    faults: Sequence[Any] | None = None
    differences: Sequence[GuardDifference] | None = None
    tried: CaseResult | None = None


@get("/guardrails/policies", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    found = [_listed(visit, state) for state in visit.services.hub.guards.list(visit.actor)]
    return visit.page(
        "guard_policies.html",
        title="Guardrails",
        nav="guardrails",
        tab="policies",
        found=found,
        alone=all(each.state.builtin for each in found),
        may_push=visit.can("policies"),
    )


@post("/guardrails/new-policy", sync_to_thread=True)
def new(visit: Visiting) -> Response[None]:
    """To the page of a name that nobody took yet: it begins as a copy of the default."""
    visit.require("policies")
    return redirect(visit.link(f"/guardrails/policies/{field(visit.form, 'name').replace('/', '.')}"))


@get("/guardrails/policies/{name:str}", sync_to_thread=True)
def one(visit: Visiting, name: FromPath[str]) -> Response[str]:
    return _page(visit, name, None)


@get("/guardrails/policies/{name:str}/text", sync_to_thread=True)
def download(visit: Visiting, name: FromPath[str]) -> Response[str]:
    """A version as it was written, else as it is read."""
    guards = visit.services.hub.guards
    found = guards.version(f"{name}@{visit.query.get('version') or _CURRENT}", visit.actor)
    text = guards.text(found) or policy_text(found.policy)
    kind = "json" if text.lstrip().startswith("{") else "toml" if read_guard(text, "toml").policy else "yaml"
    headers = {**HEADERS, "content-disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


@post("/guardrails/policies/{name:str}", sync_to_thread=True)
def act(visit: Visiting, name: FromPath[str]) -> Response[Any]:
    """`do` says what becomes of the form: check, diff, try, push, replay; move and back for its aliases."""
    do = field(visit.form, "do")
    draft = _draft(visit)
    try:
        if do in ("move", "back"):
            return _move(visit, name, back=do == "back")
        if do == "push":
            return _push(visit, name, draft)
        if do == "replay":
            policy = visit.services.hub.guards.read(draft.text, None).checked()
            run = begin(visit, GuardVersion(name=name, digest="", policy=policy), instead_of(visit, name))
            return redirect(visit.link(f"/guardrails/replays/{run.id}"))
        if do not in ("check", "diff", "try"):
            raise UsageError(f"{do[:40]!r} is nothing to do.", remedy="Use a button of the page.", param="do")
        return _page(visit, name, _judged(visit, name, draft, do))
    except GenaiopsError as error:
        visit.complain(error)
        if do in ("move", "back"):
            return redirect(visit.link(f"/guardrails/policies/{name}"))
        return _page(visit, name, _with_faults(visit, draft), status=error.status)


def _page(visit: Visit, name: str, draft: Draft | None, *, status: int = 200) -> Response[str]:
    guards = visit.services.hub.guards
    try:
        state = guards.get(name, visit.actor)
    except NotFound:
        if not visit.can("policies"):
            raise
        state = GuardState(name=name, current=None)
    versions = list(state.versions)[::-1]
    shown = _chosen(visit, state, "version") or state.current
    before = _chosen(visit, state, "with")
    if before is None and shown is not None and visit.query.get("with") is None:
        older = [each for each in versions if each.digest != shown.digest]
        before = guards.version(f"{name}@{older[0].digest}", visit.actor) if older else None
    start = shown if shown is not None else guards.version(DEFAULT_GUARD, visit.actor)
    written = None if shown is None else guards.text(shown)
    return visit.page(
        "guard_policy.html",
        status=status,
        title="Guardrails",
        nav="guardrails",
        tab="policies",
        knows=_KNOWS,
        name=name,
        state=state,
        versions=versions,
        aliased=_by_digest(state),
        shown=shown,
        before=before,
        differences=guards.diff(before.policy, shown.policy) if before is not None and shown is not None else (),
        draft=draft or Draft(text=guards.text(start) or policy_text(start.policy)),
        written=written,
        text_diff=text_diff(guards.text(before), written) if before is not None else None,
        started=draft is not None,
        builtin=default_digest(),
        may_push=visit.can("policies"),
        may_replay=visit.can("content"),
    )


def _draft(visit: Visit) -> Draft:
    way: Way = "out" if visit.form.get("way") == "out" else "in"
    text = visit.form.get("text", "").replace("\r\n", "\n")
    return Draft(text=text, sample=visit.form.get("sample", "")[:LONGEST_TRIED], way=way)


def _judged(visit: Visit, name: str, draft: Draft, do: str) -> Draft:
    guards = visit.services.hub.guards
    read = guards.read(draft.text, None)
    draft = msgspec.structs.replace(draft, faults=read.faults)
    if read.policy is None or do == "check":
        return draft
    if do == "diff":
        former = _in_force(visit, name)
        return msgspec.structs.replace(draft, differences=guards.diff(former.policy, read.policy))
    return msgspec.structs.replace(draft, tried=_tried(visit, name, read.policy, draft))


def _tried(visit: Visit, name: str, policy: GuardPolicy, draft: Draft) -> CaseResult:
    judge = visit.services.hub.judge
    if judge is None:
        raise NotBuilt("Nothing here can judge by a guard policy.", remedy="Start it with its guard.")
    case: dict[str, Any] = {"input": draft.sample, "expect": {"action": "allow"}}
    if draft.way == "out":
        case |= {"input": "", "output": draft.sample}
    version = GuardVersion(name=name, digest="", policy=policy)
    return next(iter(try_cases(judge, version, read_cases([case]))))


def _with_faults(visit: Visit, draft: Draft) -> Draft:
    return msgspec.structs.replace(draft, faults=visit.services.hub.guards.read(draft.text, None).faults)


def _in_force(visit: Visit, name: str) -> GuardVersion:
    """What a candidate of that name is held against."""
    guards = visit.services.hub.guards
    try:
        return guards.version(name, visit.actor)
    except NotFound:
        return guards.version(DEFAULT_GUARD, visit.actor)


def _push(visit: Visit, name: str, draft: Draft) -> Response[None]:
    visit.require("policies")
    hub, by, why = visit.services.hub, visit.actor.id, why_of(visit.form)
    alias = visit.form.get("alias", "").strip() or _CURRENT
    policy = hub.guards.read(draft.text, None).checked()
    former = _named(visit, name, alias)
    about = About(title=visit.form.get("title", "").strip() or None)
    made = hub.guards.push(
        name, policy, alias=alias, about=about, text=draft.text, reason=why.reason, emergency=why.emergency, by=by
    )
    visit.publish()
    undo = None if former == made.id else _undo(visit, name, alias, former)
    visit.say(f"{name}@{alias} is {made.digest[7:15]} now: in force in every worker.", undo=undo)
    return redirect(visit.link(f"/guardrails/policies/{name}"))


def _move(visit: Visit, name: str, *, back: bool) -> Response[None]:
    visit.require("policies")
    hub, by, why = visit.services.hub, visit.actor.id, why_of(visit.form)
    alias = field(visit.form, "alias")
    hub.guards.get(name, visit.actor)
    former = _named(visit, name, alias)
    if back:
        moved = hub.artifacts.undo(f"policy/{name}@{alias}", reason=why.reason, emergency=why.emergency, by=by)
    else:
        found = hub.guards.version(f"{name}@{field(visit.form, 'version')}", visit.actor)
        kept = hub.guards.keep(found, by=by)
        moved = hub.artifacts.move(f"policy/{name}", alias, kept, reason=why.reason, emergency=why.emergency, by=by)
    visit.publish()
    undo = None if former == moved.version_id else _undo(visit, name, alias, former)
    visit.say(f"{name}@{alias} names {moved.version_id.rpartition(':')[2][:8]} now.", undo=undo)
    return redirect(visit.link(f"/guardrails/policies/{name}"))


def _undo(visit: Visit, name: str, alias: str, former: str | None) -> Undo:
    artifacts, by, why = visit.services.hub.artifacts, visit.actor.id, why_of(visit.form)

    def restore() -> object:
        if former is None:
            return artifacts.remove_alias(f"policy/{name}@{alias}", reason=why.reason, emergency=why.emergency, by=by)
        return artifacts.move(f"policy/{name}", alias, former, reason=why.reason, emergency=why.emergency, by=by)

    again = "names nothing again" if former is None else f"names {former.rpartition(':')[2][:8]} again"
    return Undo("policies", restore, f"{name}@{alias} {again}.")


def _named(visit: Visit, name: str, alias: str) -> str | None:
    """The id of the version that an alias names now."""
    try:
        return visit.services.hub.guards.get(name, visit.actor).aliases.get(alias)
    except NotFound:
        return None


def _chosen(visit: Visit, state: GuardState, name: str) -> GuardVersion | None:
    wanted = visit.query.get(name)
    return visit.services.hub.guards.version(f"{state.name}@{wanted}", visit.actor) if wanted else None


def _by_digest(state: GuardState) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for alias, version_id in sorted(state.aliases.items()):
        found.setdefault(version_id.partition("@")[2], []).append(alias)
    return found


def _listed(visit: Visit, state: GuardState) -> Listed:
    uses: dict[str, int] = {}
    for use in visit.services.hub.guards.get(state.name, visit.actor).uses:
        uses[use.kind] = uses.get(use.kind, 0) + 1
    aliases = visit.services.hub.artifacts.aliases(f"policy/{state.name}") if state.aliases else ()
    moved = [*(each.moved_us for each in aliases), *(each.created_us for each in state.versions)]
    return Listed(state=state, uses=uses, changed_us=max(moved, default=None))


HANDLERS: list[Any] = [show, new, one, download, act]
