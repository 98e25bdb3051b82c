"""What goes into a request besides its own words: a prompt with its variables, parameters, a model.

    compose(raw, dialect, prompt=ReadyPrompt | None, variables={...}, parameters={...}, model=None | "name") -> bytes

The prompt's messages come before the request's own. Of a parameter the request's own value counts, then `parameters`
(a release's), then the prompt's; a null is no value. `model` replaces the request's; the prompt's own model is only
for a request without one. What comes out has no object `genaiops`, and whatever stands later in the way of a call
(limits, caches, estimates, the record) sees nothing else.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Raw

from genaiops.core.errors import NotFound, UsageError
from genaiops.dialects import cohere, gemini, messages, responses
from genaiops.dialects.chat import given
from genaiops.dialects.merging import Chat, joined
from genaiops.dialects.merging import raw as _raw
from genaiops.domain import KeyEntry, PromptManifest, PromptUse, PromptVersion, ReadyPrompt
from genaiops.gateway.body import Body, Extension
from genaiops.ports.providers import Dialect

if TYPE_CHECKING:
    from genaiops.gateway.call import Call

KEPT: Final = 2_000
"""Characters of a variable that the record of a call keeps; its whole text stands in the messages."""
_NOTHING: Final[Mapping[str, Any]] = {}
_SAME: Final = ("max_tokens", "max_completion_tokens")
"""Two names of one parameter: who gives one of them has given it."""
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_manifest = msgspec.json.Decoder(PromptManifest).decode


class Prompts:
    """The prompts of a Snapshot by `name@alias` and `name@sha256:...`; parsed when one is first asked for."""

    __slots__ = ("_ready", "_versions")

    def __init__(self, versions: Iterable[PromptVersion]) -> None:
        self._versions: dict[str, PromptVersion] = {}
        for version in versions:
            for point in (version.digest, *version.aliases):
                self._versions[f"{version.name}@{point}"] = version
        self._ready: dict[str, ReadyPrompt] = {}

    def find(self, reference: str, entry: KeyEntry) -> ReadyPrompt:
        """NotFound when there is none that this key may use."""
        version = self._versions.get(reference)
        if version is None or not _open(version, entry):
            raise self._unknown(reference, entry)
        return self._made(version)

    def pinned(self, version_id: str) -> ReadyPrompt:
        """By a version's id (`prompt/name@sha256:...`), for what was allowed when it was pinned."""
        version = self._versions.get(version_id.removeprefix("prompt/"))
        if version is None:
            raise NotFound(
                f"The gateway does not have {version_id!r}.",
                remedy="Let an alias name that version.",
                code="prompt_not_found",
            )
        return self._made(version)

    def _made(self, version: PromptVersion) -> ReadyPrompt:
        key = f"{version.name}@{version.digest}"
        ready = self._ready.get(key)
        if ready is None:
            ready = self._ready[key] = ReadyPrompt(version.name, version.digest, _manifest(version.manifest))
        return ready

    def _unknown(self, reference: str, entry: KeyEntry) -> NotFound:
        names = [name for name, one in self._versions.items() if _open(one, entry) and "@sha256:" not in name]
        near = difflib.get_close_matches(reference[:200], names[:1000], n=3, cutoff=0.5) or sorted(names)[:3]
        if "@" not in reference:
            remedy = "Name a version of it: name@alias or name@sha256:..."
        elif near:
            remedy = f"There is {', '.join(map(repr, near))}."
        else:
            remedy = "Push one: genaiops prompt push NAME FILE --alias ALIAS."
        return NotFound(
            f"There is no prompt {reference[:200]!r} for this key.",
            remedy=remedy,
            code="prompt_not_found",
            param="genaiops.prompt",
        )


def _open(version: PromptVersion, entry: KeyEntry) -> bool:
    return version.team_id is None or version.team_id == entry.team_id


def extended(call: "Call", body: Body, asked: Extension) -> Body:
    """What the object `genaiops` asks for: `call.session`, and with a prompt `call.raw` and `call.prompt` are set. The
    body that goes on."""
    call.session = asked.session
    if body.model.startswith("app/"):  # whose release may have a prompt
        return body
    return prompted(call, body, asked)


def prompted(call: "Call", body: Body, asked: Extension) -> Body:
    """With the prompt that the call names, if it names one."""
    reference = asked.prompt
    if reference is None:
        if asked.variables is None:
            return body
        raise UsageError(
            "The variables belong to no prompt.", remedy="Name it in `genaiops.prompt`.", param="genaiops.variables"
        )
    call.model = body.model
    if call.operation != "chat":
        raise UsageError("A prompt goes into chat.", remedy="Leave `genaiops.prompt` out.", param="genaiops.prompt")
    grant = call.key
    prompt = grant.plan.prompts.find(reference, grant.entry)
    values = prompt.check(asked.variables or _NOTHING)
    call.raw = compose(call.raw, call.speech.dialect, prompt=prompt, variables=values)
    point = reference.partition("@")[2]
    call.prompt = PromptUse(
        prompt.name,
        prompt.digest,
        None if point == prompt.digest else point,
        kept(asked.variables) if asked.variables and grant.capture == "full" else {},
        brought(prompt, call.speech.dialect),
    )
    return call.speech.decode(call.operation, call.raw)


def compose(
    raw: bytes | bytearray,
    dialect: Dialect,
    *,
    prompt: ReadyPrompt | None = None,
    variables: Mapping[str, Any] = _NOTHING,
    parameters: Mapping[str, Any] = _NOTHING,
    model: str | None = None,
) -> bytes:
    """The request with what goes into it: see above. `raw` is a body that the dialect's decoder took, `variables` are
    checked. UsageError when the dialect has no words for what the prompt says."""
    chat: Chat = {}
    if prompt is not None:
        manifest = prompt.manifest
        chat.update(manifest.parameters)
        chat["messages"] = prompt.render(variables)
        if manifest.tools:
            chat["tools"] = manifest.tools
        if manifest.response_format is not None:
            chat["response_format"] = manifest.response_format
    if any(name in parameters for name in _SAME):
        for name in _SAME:
            chat.pop(name, None)
    chat.update(parameters)
    fields = {name: value for name, value in _fields(raw).items() if given(value)}
    fields.pop("genaiops", None)
    hint = prompt.manifest.model if prompt is not None and dialect != "gemini" else None  # there it is in the path
    if model is not None or (hint is not None and bytes(fields.get("model", b'""')) == b'""'):
        fields["model"] = _raw(model or hint)
    try:
        return _MERGES[dialect](fields, chat)
    except UsageError as error:
        raise _unsaid(error, prompt, parameters) from None


def _into_chat(fields: dict[str, Raw], chat: Chat) -> bytes:
    if any(name in fields for name in _SAME):
        for name in _SAME:
            chat.pop(name, None)
    said = joined(chat.pop("messages", []), fields.pop("messages", None))
    added = {name: _raw(value) for name, value in chat.items() if name not in fields and value is not None}
    return msgspec.json.encode({**fields, **added, "messages": said})


def _unsaid(error: UsageError, prompt: ReadyPrompt | None, parameters: Mapping[str, Any]) -> UsageError:
    """The error of a merge, said of whoever brought what the endpoint has no words for."""
    at = error.param or ""
    released = at.partition(".")[0] in parameters or prompt is None
    who = "The release of this application" if released or prompt is None else f"The prompt {prompt.name!r}"
    return UsageError(
        f"{who} sets {at!r}, which requests of this endpoint have no words for.",
        remedy="Call /v1/chat/completions.",
        code="parameter_not_translatable" if released else "not_translatable",
        param="model" if released else "genaiops.prompt",
    )


def brought(prompt: ReadyPrompt, dialect: Dialect) -> int:
    """How many messages stand before the request's own; 0 where the dialect makes them something else."""
    return len(prompt.manifest.messages) if dialect == "openai" else 0


def kept(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Of values what the record of a call keeps."""
    found: dict[str, Any] = {}
    for name, value in variables.items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        found[name] = value if len(text) <= KEPT else f"{text[:KEPT]}…"
    return found


_MERGES: dict[Dialect, Callable[[dict[str, Raw], Chat], bytes]] = {
    "openai": _into_chat,
    "messages": messages.merge,
    "responses": responses.merge,
    "cohere": cohere.merge,
    "gemini": gemini.merge,
}
