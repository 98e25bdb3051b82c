"""OpenAI's chat bodies as Google's `generateContent` takes them.

Source: Google's API reference (GenerateContentRequest, Content, Part, Tool, ToolConfig, GenerationConfig), as of v1beta
of the Gemini API and v1 of Vertex AI.
"""

import re
from typing import Any

import msgspec

from genaiops.dialects.gemini.thinking import BUDGETS
from genaiops.domain import Target
from genaiops.ports.providers import CallBody
from genaiops.providers._chat_request import (
    BOOL,
    FLOAT,
    INT,
    LIST,
    TEXT,
    Fields,
    Message,
    Part,
    ToolChoice,
    arguments_of,
    plain_text,
    url_of,
)
from genaiops.providers._media import Media, media

_LEVELS = re.compile(r"gemini-(?:[3-9]|\d\d)")
"""Models that take a level of thought instead of a number of tokens, and refuse tool calls without their signature."""

UNSIGNED = "skip_thought_signature_validator"
"""What Google's documentation wants in place of the signature of a call that another model made."""

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


class _Safety(msgspec.Struct, frozen=True):
    category: str
    threshold: str
    method: str | None = None


class _Thinking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class OwnWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The object `google` in a body: what OpenAI's dialect has no word for."""

    thinking_config: _Thinking | None = None
    cached_content: str | None = None
    safety_settings: list[_Safety] | None = None
    task_type: str | None = None


class _ExtraBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    google: OwnWords | None = None


_GOOGLE = msgspec.json.Decoder(OwnWords)
_EXTRA = msgspec.json.Decoder(_ExtraBody)


def own_words(fields: Fields) -> OwnWords:
    """`google`, or `extra_body.google` as Google's own examples for OpenAI's clients have it."""
    nested = fields.take("extra_body", _EXTRA)
    return fields.take("google", _GOOGLE) or (nested.google if nested else None) or OwnWords()


def chat_body(call: CallBody, target: Target, provider: str) -> dict[str, Any]:
    fields = Fields(call, provider)
    own = own_words(fields)
    system, contents = _contents(fields, signed=_LEVELS.search(target.upstream_model) is not None)
    made: dict[str, Any] = {"contents": contents}
    if system:
        made["systemInstruction"] = {"parts": system}
    made.update(_tools(fields))
    generation = _generation(fields, call, target, own)
    if generation:
        made["generationConfig"] = generation
    if own.safety_settings:
        made["safetySettings"] = [
            {key: value for key, value in msgspec.to_builtins(one).items() if value} for one in own.safety_settings
        ]
    if own.cached_content:
        made["cachedContent"] = own.cached_content
    if own.task_type:
        raise fields.refuse("google.task_type", "a task type in a chat call")
    if provider == "google":
        tier = fields.take("service_tier", TEXT)
        if tier in ("flex", "priority"):
            made["serviceTier"] = tier
        elif tier not in (None, "auto", "default"):
            raise fields.refuse("service_tier", f"the service tier {tier!r}")
    fields.done()
    return made


def _contents(fields: Fields, *, signed: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """System parts, and contents. Results of tools that follow each other stand in one content, as Google wants it."""
    system: list[dict[str, Any]] = []
    contents: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    results: list[dict[str, Any]] | None = None
    for at, message in enumerate(fields.messages()):
        role = message.role
        if role in ("tool", "function"):
            if results is None:
                results = []
                contents.append({"role": "user", "parts": results})
            results.append(_result(fields, message, at, names))
            continue
        results = None
        if role in ("system", "developer"):
            system.append({"text": plain_text(fields, message, at)})
        elif role == "user":
            parts = [_part(fields, part, f"messages[{at}].content[{n}]") for n, part in enumerate(message.parts())]
            contents.append({"role": "user", "parts": parts or [{"text": ""}]})
        elif role == "assistant":
            names.update((call.id, call.function.name) for call in message.calls())
            contents.append({"role": "model", "parts": _model_parts(fields, message, at, signed=signed)})
        else:
            raise fields.refuse(f"messages[{at}].role", f"the role {role!r}")
    return system, contents


def _signature(extra: dict[str, Any] | None) -> str | None:
    """`extra_content.google.thought_signature`, where Google's own OpenAI-compatible endpoint has it as well."""
    google: Any = (extra or {}).get("google")
    found: Any = google.get("thought_signature") if isinstance(google, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return found if isinstance(found, str) and found else None


def _model_parts(fields: Fields, message: Message, at: int, *, signed: bool) -> list[dict[str, Any]]:
    """What the model said before. Thoughts go back as signatures only: their summary is not what the model thought."""
    parts: list[dict[str, Any]] = []
    pictures = message.images or ()
    text = plain_text(fields, msgspec.structs.replace(message, images=None), at)
    if text:
        parts.append({"text": text})
    for number, picture in enumerate(pictures):
        parts.append(_part(fields, picture, f"messages[{at}].images[{number}]"))
        own = _signature(picture.extra_content)
        if own:
            parts[-1]["thoughtSignature"] = own
    signature = _signature(message.extra_content)
    if signature:
        if not parts:
            parts.append({"text": ""})
        parts[0]["thoughtSignature"] = signature
    for number, call in enumerate(message.calls()):
        param = f"messages[{at}].tool_calls[{number}].function.arguments"
        made: dict[str, Any] = {"name": call.function.name, "args": arguments_of(call, param)}
        if call.id and not call.id.startswith("call_"):
            made["id"] = call.id
        part: dict[str, Any] = {"functionCall": made}
        own = _signature(call.extra_content)
        if own:
            part["thoughtSignature"] = own
        elif signed and number == 0 and not signature:
            part["thoughtSignature"] = UNSIGNED
        parts.append(part)
    return parts or [{"text": ""}]


def _result(fields: Fields, message: Message, at: int, names: dict[str, str]) -> dict[str, Any]:
    call_id = message.tool_call_id or message.name or ""
    name = names.get(call_id) or message.name
    if name is None:
        raise fields.refuse(
            f"messages[{at}].tool_call_id", f"the result of a tool call {call_id!r} that no message before it made"
        )
    texts = [part.text for part in message.parts() if part.type == "text" and part.text is not None]
    made: dict[str, Any] = {"name": name, "response": _response("\n".join(texts))}
    if call_id and not call_id.startswith("call_") and message.tool_call_id:
        made["id"] = call_id
    seen = [
        _part(fields, part, f"messages[{at}].content[{number}]")
        for number, part in enumerate(message.parts())
        if part.type != "text"
    ]
    if seen:
        made["parts"] = seen
    return {"functionResponse": made}


def _response(text: str) -> dict[str, Any]:
    """A tool's result has to be an object: one that is none stands under `output`."""
    try:
        found: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"output": text}  # pyright: ignore[reportUnknownVariableType]


def _part(fields: Fields, part: Part, param: str) -> dict[str, Any]:
    if part.type == "text" and part.text is not None:
        return {"text": part.text}
    if part.type in ("image_url", "video_url"):
        given = part.image_url if part.type == "image_url" else part.video_url
        if given is not None:
            url = url_of(given)
            return _blob(fields, media(url.url, given=url.format, param=f"{param}.{part.type}.url"), param)
    if part.type == "input_audio" and part.input_audio is not None:
        return {"inlineData": {"mimeType": f"audio/{part.input_audio.format}", "data": part.input_audio.data}}
    if part.type == "file" and part.file is not None:
        file = part.file
        if file.file_data is not None:
            return _blob(fields, media(file.file_data, given=file.format, param=f"{param}.file.file_data"), param)
        if file.file_id is not None:
            return _blob(fields, media(file.file_id, given=file.format, param=f"{param}.file.file_id"), param)
    raise fields.refuse(f"{param}.type", f"a part of the type {part.type!r}")


def _blob(fields: Fields, found: Media, param: str) -> dict[str, Any]:
    if found.data is not None:
        return {"inlineData": {"mimeType": found.type, "data": found.data}}
    uploaded = "/v1beta/files/" in (found.url or "")  # Google knows the type of what was uploaded to it
    if found.type is None and not uploaded:
        raise fields.refuse(
            param, "a URL without a media type (name it in `format`, give a data URL, or a URL that ends like .png)"
        )
    made = {"fileUri": found.url}
    if found.type is not None:
        made["mimeType"] = found.type
    return {"fileData": made}


def _tools(fields: Fields) -> dict[str, Any]:
    """Declarations keep their order and their JSON schema. `strict` is a hint: Google has no word for it."""
    tools, choice = fields.tooling()
    made: dict[str, Any] = {}
    if tools:
        declarations: list[dict[str, Any]] = []
        for tool in tools:
            one: dict[str, Any] = {"name": tool.name}
            if tool.description:
                one["description"] = tool.description
            if tool.parameters:
                one["parametersJsonSchema"] = tool.parameters
            declarations.append(one)
        made["tools"] = [{"functionDeclarations": declarations}]
    if choice is not None and tools:
        made["toolConfig"] = {"functionCallingConfig": _calling(choice)}
    return made


def _calling(choice: ToolChoice) -> dict[str, Any]:
    if not choice.names:
        return {"mode": _MODES[choice.mode]}
    return {"mode": "VALIDATED" if choice.mode == "auto" else "ANY", "allowedFunctionNames": list(choice.names)}


def _generation(fields: Fields, call: CallBody, target: Target, own: OwnWords) -> dict[str, Any]:
    for name in ("max_tokens", "max_completion_tokens"):
        fields.take(name, INT)
    made: dict[str, Any] = {
        "temperature": fields.take("temperature", FLOAT),
        "topP": fields.take("top_p", FLOAT),
        "topK": fields.take("top_k", INT),
        "candidateCount": fields.take("n", INT),
        "maxOutputTokens": call.max_tokens,
        "stopSequences": fields.stop() or None,
        "seed": fields.take("seed", INT),
        "presencePenalty": fields.take("presence_penalty", FLOAT),
        "frequencyPenalty": fields.take("frequency_penalty", FLOAT),
        "responseLogprobs": fields.take("logprobs", BOOL) or None,
        "logprobs": fields.take("top_logprobs", INT) or None,
        "responseModalities": _modalities(fields),
        "thinkingConfig": _thinking(fields, target, own),
    }
    if made["candidateCount"] == 1:
        del made["candidateCount"]
    wanted = fields.response_format()
    if wanted is not None:
        made["responseMimeType"] = "application/json"
        made["responseJsonSchema"] = wanted.schema
    return {name: value for name, value in made.items() if value is not None}


def _modalities(fields: Fields) -> list[str] | None:
    """None for text alone."""
    wanted = fields.take("modalities", LIST)
    if wanted is None or wanted == ["text"]:
        return None
    if not set(wanted) <= {"text", "image"}:
        raise fields.refuse("modalities", "answers other than text and images")
    return [one.upper() for one in wanted]


def _thinking(fields: Fields, target: Target, own: OwnWords) -> dict[str, Any] | None:
    """`google.thinking_config` overrules `reasoning_effort`. Who asks for an effort gets to see the thoughts."""
    effort = fields.take("reasoning_effort", TEXT)
    given = own.thinking_config
    if given is not None:
        named = {
            "includeThoughts": given.include_thoughts,
            "thinkingBudget": given.thinking_budget,
            "thinkingLevel": given.thinking_level,
        }
        return {name: value for name, value in named.items() if value is not None}
    if effort is None:
        return None
    if effort == "none":
        return {"thinkingBudget": 0}
    if effort not in BUDGETS:
        raise fields.refuse("reasoning_effort", f"the effort {effort!r}")
    if _LEVELS.search(target.upstream_model):
        if effort == "minimal" and "-pro" in target.upstream_model:
            effort = "low"  # the least that the larger models take
        return {"thinkingLevel": effort.upper(), "includeThoughts": True}
    return {"thinkingBudget": BUDGETS[effort], "includeThoughts": True}
