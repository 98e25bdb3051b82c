"""`/api/prompts`: a prompt with its variables put in, and what is wrong with it, also of one that is not saved yet."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody
from msgspec import Meta

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._artifacts import version_seen
from genaiops.api._services import Services, Serving
from genaiops.arena import Counting
from genaiops.checks.prompts import PromptFinding, faulty, lint_prompt
from genaiops.core.errors import UsageError
from genaiops.domain import PromptManifest, ReadyPrompt, prompt_manifest
from genaiops.hub import context_window, link_prompt, prepare_prompt
from genaiops.ports.records import View


class RenderRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either the `prompt` (`name@alias`, `name@sha256:...`) or the `manifest` of one that nobody pushed yet."""

    prompt: str | None = None
    manifest: dict[str, Any] | None = None
    variables: dict[str, Any] = {}


class RenderedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a call would get. `version_id` is null for a manifest that was not pushed."""

    version_id: str | None
    messages: list[dict[str, Any]]
    tools: tuple[dict[str, Any], ...]
    response_format: dict[str, Any] | None
    parameters: dict[str, Any]
    model: str | None


class LintRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either the `prompt` (`name@alias`, `name@sha256:...`) or the `manifest` of one that nobody pushed yet. `model`:
    whose window counts, a model or a route (null: the prompt's own)."""

    prompt: str | None = None
    manifest: dict[str, Any] | None = None
    model: str | None = None


class LintDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The worst first. `window`: tokens of the model's context, null where nobody knows. `faulty`: one is an error."""

    version_id: str | None
    window: int | None
    faulty: bool
    findings: Sequence[PromptFinding]


class BudgetRequest(RenderRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`model`: whose window and tokenizer count (null: the prompt's own). `answer`: tokens kept for the answer (null:
    what the prompt's `max_tokens` says)."""

    model: str | None = None
    answer: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None


class PartTokens(msgspec.Struct, frozen=True, kw_only=True):
    """`name`: the role of a message, `tool`, `response format`, or a variable."""

    name: str
    tokens: int


class BudgetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`parts` in their order; `variables` stand within them. `request`: the sum of the parts, without the frame that
    a chat's template puts around each message. `exact`: counted with the model's own tokenizer, else it is an
    estimate. `left`: what the window has room for besides request and answer; null where nobody knows the window."""

    version_id: str | None
    model: str | None
    window: int | None
    counted_by: str
    exact: bool
    parts: Sequence[PartTokens]
    variables: Sequence[PartTokens]
    request: int
    answer: int | None
    left: int | None


class PromptsController(Controller):
    path = "/prompts"
    tags = ("Hub",)

    @post("/render", summary="Render a prompt", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def render(self, data: JSONBody[RenderRequest], services: Serving, caller: Calling) -> RenderedDocument:
        """Checks the variables as a call would. Nothing is kept."""
        version_id, manifest, messages = _rendered(services, caller, data)
        return RenderedDocument(
            version_id=version_id,
            messages=messages,
            tools=manifest.tools,
            response_format=manifest.response_format,
            parameters=manifest.parameters,
            model=manifest.model,
        )

    @post("/budget", summary="Tokens of a prompt", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def budget(self, data: JSONBody[BudgetRequest], services: Serving, caller: Calling) -> BudgetDocument:
        """Of each message, tool and variable, against the model's window. Nothing is asked, and nothing is kept."""
        wanted = RenderRequest(prompt=data.prompt, manifest=data.manifest, variables=data.variables)
        version_id, manifest, messages = _rendered(services, caller, wanted)
        model = data.model or manifest.model
        window = context_window(services.hub, model)
        counting = services.evaluations.counting(model or "")
        parts = [_part(str(each.get("role", "")), each.get("content"), counting) for each in messages]
        parts += [_part("tool", each, counting) for each in manifest.tools]
        if manifest.response_format is not None:
            parts.append(_part("response format", manifest.response_format, counting))
        answer = data.answer if data.answer is not None else _answer_of(manifest)
        request = sum(each.tokens for each in parts)
        return BudgetDocument(
            version_id=version_id,
            model=model,
            window=window,
            counted_by=counting.name,
            exact=counting.exact,
            parts=parts,
            variables=[_part(name, value, counting) for name, value in data.variables.items()],
            request=request,
            answer=answer,
            left=None if window is None else window - request - (answer or 0),
        )

    @post(
        "/lint",
        summary="Check a prompt for common faults",
        guards=[needs("read")],
        status_code=200,
        sync_to_thread=True,
    )
    def lint(self, data: JSONBody[LintRequest], services: Serving, caller: Calling) -> LintDocument:
        """By rules, from its text alone: no model is asked, and nothing is kept. A manifest that could not be pushed is
        checked as far as it can be read."""
        if (data.prompt is None) == (data.manifest is None):
            raise UsageError("Which prompt?", remedy="Give either prompt or manifest.", param="prompt")
        hub, version_id = services.hub, None
        with hub.records.read() as view:
            if data.prompt is not None:
                version = version_seen(hub, f"prompt/{data.prompt.removeprefix('prompt/')}", caller.actor)
                version_id = version.id
                manifest = link_prompt(view, msgspec.convert(version.manifest, PromptManifest))
            else:
                assert data.manifest is not None
                manifest = self._draft(view, services, caller, data.manifest)
        window = context_window(hub, data.model or manifest.model)
        findings = lint_prompt(manifest, window=window)
        return LintDocument(version_id=version_id, window=window, faulty=faulty(findings), findings=findings)

    def _draft(self, view: View, services: Services, caller: Caller, raw: dict[str, Any]) -> PromptManifest:
        """With its includes where it could be pushed, else as it is."""
        try:
            plain = prepare_prompt(view, "draft", raw)
        except UsageError:
            return prompt_manifest(raw)  # what is wrong with it besides is found by rules
        for included in plain.get("includes", {}).values():
            services.hub.artifacts.visible(included.partition("@")[0], caller.actor)
        return link_prompt(view, msgspec.convert(plain, PromptManifest))


def _rendered(
    services: Services, caller: Caller, data: RenderRequest
) -> tuple[str | None, PromptManifest, list[dict[str, Any]]]:
    """(id of the version, the linked manifest, its messages with the variables put in)"""
    if (data.prompt is None) == (data.manifest is None):
        raise UsageError("Which prompt?", remedy="Give either prompt or manifest.", param="prompt")
    hub, version_id = services.hub, None
    with hub.records.read() as view:
        if data.prompt is not None:
            version = version_seen(hub, f"prompt/{data.prompt.removeprefix('prompt/')}", caller.actor)
            version_id, name, plain = version.id, data.prompt.partition("@")[0], version.manifest
        else:
            assert data.manifest is not None
            name = "draft"
            plain = prepare_prompt(view, name, data.manifest)
            for included in plain.get("includes", {}).values():
                hub.artifacts.visible(included.partition("@")[0], caller.actor)
        manifest = link_prompt(view, msgspec.convert(plain, PromptManifest))
    ready = ReadyPrompt(name, version_id or name, manifest)
    return version_id, manifest, ready.render(ready.check(data.variables))


def _part(name: str, value: Any, counting: Counting) -> PartTokens:
    text = value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()
    return PartTokens(name=name, tokens=counting.count(text))


def _answer_of(manifest: PromptManifest) -> int | None:
    found = [manifest.parameters.get(name) for name in ("max_completion_tokens", "max_tokens")]
    return next((each for each in found if isinstance(each, int) and not isinstance(each, bool)), None)
