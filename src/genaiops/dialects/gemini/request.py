"""A request in Google's generateContent, said as an OpenAI chat request.

Source: Google's API reference (GenerateContentRequest, Tool, ToolConfig, GenerationConfig), v1beta of the Gemini API.

Hints that are left out because a caller cannot rely on their effect: `serviceTier`, `labels` (they become properties of
the trace), `mediaResolution`, what a function returns (`response`). Safety settings that switch a filter off are left
out, as other providers have none to switch. Everything else that chat has no words for is a UsageError naming the
field.
"""

from typing import Any

import msgspec

from genaiops.dialects.fields import CHAT, Fields, unsayable
from genaiops.dialects.gemini.contents import messages_of
from genaiops.dialects.gemini.fields import proto_fields
from genaiops.dialects.gemini.schema import json_schema

_HINTS = ("model", "labels", "serviceTier")
_SERVER_TOOL = "Only functions that the client runs can be translated; leave this tool out."
_OFF = ("OFF", "BLOCK_NONE", "HARM_BLOCK_THRESHOLD_UNSPECIFIED")
_SAME_NAME = {
    "temperature": "temperature",
    "topP": "top_p",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
_EFFORTS = ((0, "none"), (1023, "minimal"), (8191, "low"), (24575, "medium"))
"""The most tokens of thought that an effort stands for, as Google's own OpenAI-compatible endpoint counts them."""


def chat_request(raw: bytes | bytearray, *, model: str, stream: bool, strict: bool = False) -> bytes:
    """The body of a chat request that means the same, without a cap on the output: whoever sends it adds that.

    Signatures of thoughts and `topK` go out in the form that compatible servers ignore or understand. `strict` is for a
    server that refuses what OpenAI does not document.
    """
    request = proto_fields(raw, CHAT)
    out: dict[str, Any] = {"model": model, "messages": messages_of(request, strict=strict)}
    if stream:
        out["stream"] = True
        out["stream_options"] = {"include_usage": True}
    _tools(request, out)
    config = request.fields("generationConfig")
    if config is not None:
        _generation(config, out, strict=strict)
    for setting in request.each("safetySettings"):
        setting.only("threshold", *_OFF)
    genaiops = request.take("genaiops")
    if genaiops is not None:
        out["genaiops"] = genaiops
    request.only("store", False)
    request.close(_HINTS)
    return msgspec.json.encode(out)


def _put(out: dict[str, Any], name: str, value: Any) -> None:
    if value is not None:
        out[name] = value


def _generation(config: Fields, out: dict[str, Any], *, strict: bool) -> None:
    config.take("maxOutputTokens")
    for name, said in _SAME_NAME.items():
        _put(out, said, config.number(name))
    if strict:
        config.refuse("topK")
    top = config.number("topK")  # a float in Google's client
    _put(out, "top_k", int(top) if top is not None else None)
    count = config.integer("candidateCount")
    _put(out, "n", count if count != 1 else None)
    _put(out, "seed", config.integer("seed"))
    _put(out, "stop", config.items("stopSequences") or None)
    _put(out, "logprobs", config.flag("responseLogprobs") or None)
    _put(out, "top_logprobs", config.integer("logprobs") or None)
    _put(out, "reasoning_effort", _effort(config.fields("thinkingConfig")))
    _shape(config, out)
    modalities = config.items("responseModalities")
    if modalities is not None and [str(one).upper() for one in modalities] not in ([], ["TEXT"]):
        raise unsayable(config.path("responseModalities"), CHAT, "Ask for text alone.")
    config.only("enableEnhancedCivicAnswers", False)
    config.close(("mediaResolution",))


def _shape(config: Fields, out: dict[str, Any]) -> None:
    kind = config.text("responseMimeType") or "text/plain"
    schema = config.take("responseSchema")
    found = json_schema(schema, config.path("responseSchema")) if schema is not None else None
    for name in ("responseJsonSchema", "_responseJsonSchema"):
        own = config.object(name)
        found = own if own is not None else found
    if kind not in ("text/plain", "application/json"):
        raise unsayable(config.path("responseMimeType"), CHAT, "Use text/plain or application/json.")
    if found is not None:
        out["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": found}}
    elif kind == "application/json":
        out["response_format"] = {"type": "json_object"}


def _effort(thinking: Fields | None) -> str | None:
    """`reasoning_effort`: the level, or the one that a number of tokens stands for. -1 leaves it to the model."""
    if thinking is None:
        return None
    level, budget = thinking.text("thinkingLevel"), thinking.integer("thinkingBudget")
    thinking.close(("includeThoughts",))  # which the answer heeds
    if level is not None and level.upper() != "THINKING_LEVEL_UNSPECIFIED":
        return level.lower()
    if budget is None or budget < 0:
        return None
    return next((effort for most, effort in _EFFORTS if budget <= most), "high")


def _tools(request: Fields, out: dict[str, Any]) -> None:
    tools: list[dict[str, Any]] = []
    for tool in request.each("tools"):
        tools += [_function(one) for one in tool.each("functionDeclarations")]
        for name in tool.left():
            tool.refuse(name, _SERVER_TOOL)
        tool.close()
    if tools:
        out["tools"] = tools
    config = request.fields("toolConfig")
    if config is None:
        return
    calling = config.fields("functionCallingConfig")
    if calling is not None and tools:
        _put(out, "tool_choice", _choice(calling))
    config.only("includeServerSideToolInvocations", False)
    config.close()


def _function(declared: Fields) -> dict[str, Any]:
    function: dict[str, Any] = {"name": declared.needed_text("name")}
    _put(function, "description", declared.text("description"))
    schema = declared.take("parameters")
    if schema is not None:
        function["parameters"] = json_schema(schema, declared.path("parameters"))
    _put(function, "parameters", declared.object("parametersJsonSchema"))
    declared.only("behavior", "BLOCKING", "UNSPECIFIED")
    declared.close(("response", "responseJsonSchema"))
    return {"type": "function", "function": function}


def _choice(calling: Fields) -> Any:
    mode = calling.text("mode") or "AUTO"
    names = calling.items("allowedFunctionNames") or []
    calling.only("streamFunctionCallArguments", False)
    path = calling.path("mode")
    calling.close()
    if mode == "NONE":
        return "none"
    if mode not in ("MODE_UNSPECIFIED", "AUTO", "ANY", "VALIDATED"):
        raise unsayable(path, CHAT)
    if not names:
        return "required" if mode == "ANY" else "auto"
    if mode == "ANY" and len(names) == 1:
        return {"type": "function", "function": {"name": names[0]}}
    allowed = [{"type": "function", "function": {"name": name}} for name in names]
    chosen = "required" if mode == "ANY" else "auto"
    return {"type": "allowed_tools", "allowed_tools": {"mode": chosen, "tools": allowed}}
