"""`/api/guards`: guard policies, their versions, and what differs between two."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from genaiops.api._access import Calling, needs
from genaiops.api._documents import AliasDocument, Listing, VersionDocument, shown
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.checks.written import Fault, WrittenForm
from genaiops.core.errors import UsageError
from genaiops.domain import Actor, GuardPolicy, GuardVersion
from genaiops.hub import (
    About,
    GuardDifference,
    GuardState,
    GuardUse,
    guard_manifest,
    text_diff,
)


class GuardSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A guard policy: one that is kept (`guard`: NAME, NAME@ALIAS, NAME@DIGEST), a `text` (TOML, YAML or JSON; `form`
    null: what it looks like), or a `policy` as an object."""

    guard: str | None = None
    text: str | None = None
    form: WrittenForm | None = None
    policy: dict[str, Any] | None = None


class CheckGuardRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either a `text` or a `policy`."""

    text: str | None = None
    form: WrittenForm | None = None
    policy: dict[str, Any] | None = None


class PushGuardRequest(CheckGuardRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole policy. `alias` names the version from now on (null: none does), once another person consents where it
    is protected. `reason`: for who has to; `emergency`: why an administrator cannot wait for that."""

    alias: str | None = "current"
    title: str | None = None
    reason: str = ""
    emergency: str | None = None


class GuardAliasRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`version`: its digest (or how that begins), or another alias of the same policy. `undo`: what it named before."""

    version: str | None = None
    undo: bool = False
    reason: str = ""
    emergency: str | None = None


class DiffGuardsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is compared; neither has to be kept."""

    before: GuardSource
    after: GuardSource


class GuardSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A guard policy by what its name means now; `digest` null: nothing, only other aliases. `builtin`: it is the
    default as it came. `actions`: what its rules do -> how many of them."""

    name: str
    builtin: bool
    digest: str | None
    description: str
    rules: int
    actions: dict[str, int]
    aliases: dict[str, str]
    versions: int


class GuardDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A guard policy. `policy` is what `reference` names; `text`: the same as it was written, with comments (null: it
    was not pushed as a text). `aliases`: name -> digest. `uses`: what refers to any version of it."""

    name: str
    reference: str
    builtin: bool
    digest: str
    policy: dict[str, Any]
    text: str | None
    aliases: dict[str, str]
    versions: Sequence[VersionDocument]
    uses: Sequence[GuardUse]


class CheckedGuardDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`policy` null: it has `faults`, each with the line where there is a text."""

    policy: dict[str, Any] | None
    faults: Sequence[Fault]


class GuardDiffDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Rule by rule. `before` and `after` are `name@digest` of what is kept, else null. `text`: how the texts differ,
    line by line, comments included (null: one of them is no text)."""

    before: str | None
    after: str | None
    differences: Sequence[GuardDifference]
    text: Sequence[str] | None


class GuardsController(Controller):
    path = "/guards"
    tags = ("Guardrails",)

    @get(summary="List guard policies", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving, caller: Calling) -> Listing[GuardSummary]:
        """By name; the default among them, also when nobody pushed one."""
        return Listing([_summary(state) for state in services.hub.guards.list(caller.actor)])

    @get("/schema", summary="The JSON Schema of guard policies", guards=[needs("read")], sync_to_thread=False)
    def schema(self) -> dict[str, Any]:
        """For editors and checks elsewhere."""
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(GuardPolicy)}

    @post("/check", summary="Check a guard policy", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def check(self, data: JSONBody[CheckGuardRequest], services: Serving) -> CheckedGuardDocument:
        """Every fault with its path and line. Nothing is kept."""
        read = services.hub.guards.read(data.text, data.policy, data.form)
        policy = None if read.policy is None else guard_manifest(read.policy)
        return CheckedGuardDocument(policy=policy, faults=read.faults)

    @post("/diff", summary="Compare two guard policies", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def diff(self, data: JSONBody[DiffGuardsRequest], services: Serving, caller: Calling) -> GuardDiffDocument:
        """Which rules were added, removed, changed, and whether calls are treated more strictly by it."""
        before, after = (guard_from(services, each, caller.actor) for each in (data.before, data.after))
        return GuardDiffDocument(
            before=_kept(before),
            after=_kept(after),
            differences=services.hub.guards.diff(before.policy, after.policy),
            text=text_diff(_text(services, data.before, before), _text(services, data.after, after)),
        )

    @get("/{name:str}", summary="One guard policy", guards=[needs("read")], sync_to_thread=True)
    def one(
        self, name: FromPath[str], services: Serving, caller: Calling, version: FromQuery[str] = "current"
    ) -> GuardDocument:
        """What is in force by its name, or a `version`: an alias, a digest, or how one begins."""
        guards = services.hub.guards
        state = guards.get(name, caller.actor)
        found = guards.version(f"{name}@{version}", caller.actor)
        return _document(services, state, found, version)

    @put("/{name:str}", summary="Push a guard policy", guards=[needs("policies")])
    async def push(
        self, name: FromPath[str], data: JSONBody[PushGuardRequest], services: Serving, caller: Calling
    ) -> Response[GuardDocument]:
        """It is kept as a version, and in force in every worker within a second. A broken one is refused with its line,
        and the old one stays. Where the alias is protected: 202 with `x-genaiops-approval`."""

        def work() -> GuardDocument:
            guards, actor = services.hub.guards, caller.actor
            version = guards.push(
                name,
                guards.read(data.text, data.policy, data.form).checked(),
                alias=data.alias,
                about=About(title=data.title),
                text=data.text,
                reason=data.reason,
                emergency=data.emergency,
                by=actor.id,
            )
            pushed = guards.version(f"{name}@{version.digest}", actor)
            return _document(services, guards.get(name, actor), pushed, version.digest)

        return await write(services, work)

    @put("/{name:str}/aliases/{alias:str}", summary="Move a guard policy's alias", guards=[needs("policies")])
    async def move(
        self,
        name: FromPath[str],
        alias: FromPath[str],
        data: JSONBody[GuardAliasRequest],
        services: Serving,
        caller: Calling,
    ) -> Response[AliasDocument]:
        """Also back to what it named before. A protected alias waits for consent."""

        def work() -> AliasDocument:
            if data.undo == (data.version is not None):
                raise UsageError("Where is the alias to point?", remedy="Give a version, or undo.", param="version")
            guards, artifacts = services.hub.guards, services.hub.artifacts
            why: dict[str, Any] = {"reason": data.reason, "emergency": data.emergency, "by": caller.actor.id}
            guards.get(name, caller.actor)
            if data.version is None:
                return shown(artifacts.undo(f"policy/{name}@{alias}", **why), AliasDocument)
            found = guards.keep(guards.version(f"{name}@{data.version}", caller.actor), by=caller.actor.id)
            return shown(artifacts.move(f"policy/{name}", alias, found, **why), AliasDocument)

        return await write(services, work)

    @delete(
        "/{name:str}/aliases/{alias:str}",
        summary="Remove a guard policy's alias",
        guards=[needs("policies")],
        status_code=200,
    )
    async def remove(
        self, name: FromPath[str], alias: FromPath[str], services: Serving, caller: Calling
    ) -> Response[None]:
        """409 while a key, a route or an environment refers to it. Without `current` of `default` the built-in one is
        in force again."""

        def work() -> None:
            services.hub.guards.get(name, caller.actor)
            services.hub.artifacts.remove_alias(f"policy/{name}@{alias}", by=caller.actor.id)

        return await write(services, work)


def guard_from(services: Services, source: GuardSource, actor: Actor, *, name: str = "candidate") -> GuardVersion:
    """The policy that a source names or is. Of one that is not kept the digest is empty."""
    given = [each for each in (source.guard, source.text, source.policy) if each is not None]
    if len(given) != 1:
        raise UsageError(
            "Which policy?", remedy="Give one of guard, text, policy.", param="guard" if not given else "text"
        )
    if source.guard is not None:
        return services.hub.guards.version(source.guard, actor)
    policy = services.hub.guards.read(source.text, source.policy, source.form).checked()
    return GuardVersion(name=name, digest="", policy=policy)


def _text(services: Services, source: GuardSource, version: GuardVersion) -> str | None:
    return services.hub.guards.text(version) if source.guard is not None else source.text


def _kept(version: GuardVersion) -> str | None:
    return f"{version.name}@{version.digest}" if version.digest else None


def _summary(state: GuardState) -> GuardSummary:
    rules = () if state.current is None else state.current.policy.rules
    actions: dict[str, int] = {}
    for rule in rules:
        actions[rule.action] = actions.get(rule.action, 0) + 1
    return GuardSummary(
        name=state.name,
        builtin=state.builtin,
        digest=None if state.current is None else state.current.digest,
        description="" if state.current is None else state.current.policy.description,
        rules=len(rules),
        actions=actions,
        aliases=_aliases(state),
        versions=len(state.versions),
    )


def _aliases(state: GuardState) -> dict[str, str]:
    return {alias: version_id.partition("@")[2] for alias, version_id in state.aliases.items()}


def _document(services: Services, state: GuardState, found: GuardVersion, reference: str) -> GuardDocument:
    return GuardDocument(
        name=state.name,
        reference=reference,
        builtin=state.builtin,
        digest=found.digest,
        policy=guard_manifest(found.policy),
        text=services.hub.guards.text(found),
        aliases=_aliases(state),
        versions=[shown(version, VersionDocument) for version in state.versions],
        uses=state.uses,
    )
