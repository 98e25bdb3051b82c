"""A prompt before what a request of Google's generateContent says itself. The model stands in the path."""

from typing import Any

import msgspec

from genaiops.dialects.fields import Fields, unsayable, wrong
from genaiops.dialects.gemini.fields import camel
from genaiops.dialects.gemini.thinking import BUDGETS
from genaiops.dialects.merging import Chat, Given, cap_of, fields_of, joined, parts, raw, refuse_rest, stops, texts

GEMINI = "Google's generateContent"
_NAMES = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "seed": "seed",
    "n": "candidateCount",
    "top_logprobs": "logprobs",
}
_BUDGETS = {"none": 0, **BUDGETS, "minimal": 512}
"""1,024 would be read as low where a target speaks OpenAI's chat (`request`)."""
_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
_HARMLESS: dict[str, Any] = {"logprobs": False, "parallel_tool_calls": True, "logit_bias": {}}


def merge(fields: Given, chat: Chat) -> bytes:
    """UsageError names what Google has no words for."""
    out: Given = {}
    for name, value in fields.items():
        out[camel(name)] = value  # the body was decoded: no field is there in both spellings
    out.pop("model", None)
    system, contents = _contents(chat.pop("messages", []))
    if system:
        own = out.get("systemInstruction")
        there = fields_of(own).get("parts") if own is not None else None
        out["systemInstruction"] = raw({"parts": joined([{"text": text} for text in system], there)})
    out["contents"] = joined(contents, out.get("contents"))
    _tools(chat, out)
    config = _generation(chat)
    if config:
        own = out.get("generationConfig")
        said = {camel(name): value for name, value in fields_of(own).items()} if own is not None else {}
        if "responseMimeType" in said or "responseSchema" in said or "responseJsonSchema" in said:
            config.pop("responseMimeType", None)
            config.pop("responseJsonSchema", None)
        out["generationConfig"] = raw({**config, **said})
    refuse_rest(chat, GEMINI, _HARMLESS)
    return msgspec.json.encode(out)


def _generation(chat: Chat) -> dict[str, Any]:
    out: dict[str, Any] = {theirs: chat.pop(ours) for ours, theirs in _NAMES.items() if chat.get(ours) is not None}
    cap, stop = cap_of(chat), stops(chat.pop("stop", None))
    if cap is not None:
        out["maxOutputTokens"] = cap
    if stop:
        out["stopSequences"] = stop
    if chat.get("logprobs") is True:
        out["responseLogprobs"] = chat.pop("logprobs")
    effort = chat.pop("reasoning_effort", None)
    if effort is not None:
        if effort not in _BUDGETS:
            raise unsayable("reasoning_effort", GEMINI, f"Known are {', '.join(_BUDGETS)}.")
        out["thinkingConfig"] = {"thinkingBudget": _BUDGETS[effort]}
    shape = chat.pop("response_format", None)
    if shape is not None:
        given = Fields(shape, "response_format", GEMINI)
        kind = given.needed_text("type")
        if kind != "text":
            out["responseMimeType"] = "application/json"
        if kind == "json_schema":
            out["responseJsonSchema"] = given.needed_fields("json_schema").object("schema")
    return out


def _tools(chat: Chat, out: Given) -> None:
    tools = chat.pop("tools", None) or ()
    declared = [_function(Fields(tool, f"tools.{at}", GEMINI)) for at, tool in enumerate(tools)]
    if declared:
        out.setdefault("tools", raw([{"functionDeclarations": declared}]))
    choice = chat.pop("tool_choice", None)
    if choice is None:
        return
    if isinstance(choice, str) and choice in _MODES:
        calling: dict[str, Any] = {"mode": _MODES[choice]}
    else:
        name = Fields(choice, "tool_choice", GEMINI).needed_fields("function").needed_text("name")
        calling = {"mode": "ANY", "allowedFunctionNames": [name]}
    out.setdefault("toolConfig", raw({"functionCallingConfig": calling}))


def _function(tool: Fields) -> dict[str, Any]:
    if tool.needed_text("type") != "function":
        raise unsayable(tool.path("type"), GEMINI, "Only functions can be said there.")
    function = tool.needed_fields("function")
    out: dict[str, Any] = {"name": function.needed_text("name")}
    description, schema = function.text("description"), function.object("parameters")
    if description is not None:
        out["description"] = description
    if schema is not None:
        out["parametersJsonSchema"] = schema
    return out


# -- messages


def _contents(messages: list[Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """The system's texts, and the turns of the others. Results of functions need the names of what was called."""
    system: list[str] = []
    turns: list[dict[str, Any]] = []
    called: dict[str, str] = {}
    for at, one in enumerate(messages):
        message = Fields(one, f"messages.{at}", GEMINI)
        role = message.needed_text("role")
        content = message.take("content")
        if role in ("system", "developer"):
            system += texts(content, message)
        elif role == "tool":
            turns.append({"role": "user", "parts": [_result(message, content, called)]})
        elif role == "assistant":
            said: list[dict[str, Any]] = [{"text": text} for text in texts(content, message) if text]
            said += [_call(call, called) for call in message.each("tool_calls")]
            turns.append({"role": "model", "parts": said})
        else:
            turns.append({"role": "user", "parts": [_part(part) for part in parts(content, message)]})
    return system, turns


def _call(call: Fields, called: dict[str, str]) -> dict[str, Any]:
    function = call.needed_fields("function")
    name, text = function.needed_text("name"), function.text("arguments") or "{}"
    try:
        arguments = fields_of(text.encode())
    except msgspec.DecodeError:
        raise wrong(function.path("arguments"), "must be a JSON object") from None
    made = call.needed_text("id")
    called[made] = name
    return {"functionCall": {"id": made, "name": name, "args": arguments}}


def _result(message: Fields, content: Any, called: dict[str, str]) -> dict[str, Any]:
    call = message.needed_text("tool_call_id")
    if call not in called:
        raise wrong(message.path("tool_call_id"), "names no call before it")
    text = "".join(texts(content, message))
    try:
        response: Any = fields_of(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError):
        response = {"output": text}
    return {"functionResponse": {"id": call, "name": called[call], "response": response}}


def _part(part: Fields) -> dict[str, Any]:
    kind = part.needed_text("type")
    if kind == "text":
        return {"text": part.needed_text("text")}
    url = part.needed_fields("image_url").needed_text("url") if kind == "image_url" else ""
    media, found, data = url.removeprefix("data:").partition(";base64,")
    if not found or not url.startswith("data:"):
        raise unsayable(part.path("type"), GEMINI, "Put the image into the prompt as a data URL.")
    return {"inlineData": {"mimeType": media, "data": data}}
