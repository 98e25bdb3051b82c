"""Google's contents as the messages of a chat.

Google calls a function by name and may leave out the id of a call; chat needs one. A call without an id gets `call_N`,
the same whenever the conversation comes, and a result without one belongs to the oldest open call of its name.
"""

from typing import Any

import msgspec

from genaiops.dialects.fields import CHAT, Fields, unsayable, wrong

OWN_ID = "call_"
"""How ids of calls begin that are not Google's own."""

_SOUNDS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3"}
_NAMES = {"application/pdf": "document.pdf", "text/plain": "document.txt"}
"""A chat `file` needs a name."""

_KINDS = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
_PART_HINTS = ("mediaResolution", "partMetadata")


class _Calls:
    """The function calls of a conversation, until their results have come."""

    def __init__(self) -> None:
        self._open: list[tuple[str, str]] = []
        self._made = 0

    def made(self, name: str, given: str | None) -> str:
        call = given or f"{OWN_ID}{self._made}"
        self._made += 1
        self._open.append((call, name))
        return call

    def answered(self, name: str, given: str | None, path: str) -> str:
        for at, (call, called) in enumerate(self._open):
            if call == given or (given is None and called == name):
                del self._open[at]
                return call
        raise wrong(path, f"is the result of a call of {name!r} that no content before it made")


def messages_of(request: Fields, *, strict: bool) -> list[dict[str, Any]]:
    """The messages that `systemInstruction` and `contents` are. `strict`: without what OpenAI does not document."""
    out: list[dict[str, Any]] = []
    system = request.fields("systemInstruction")
    if system is not None:
        out.append({"role": "system", "content": _system(system)})
    calls = _Calls()
    contents = request.each("contents")
    if not contents:
        raise wrong("contents", "is missing or empty")
    for content in contents:
        role = content.text("role") or "user"
        if role in ("user", "function"):
            out.extend(_user(content, calls))
        elif role == "model":
            out.append(_model(content, calls, strict=strict))
        else:
            raise wrong(content.path("role"), "must be user or model")
        content.close()
    return out


def _system(system: Fields) -> Any:
    system.take("role")
    texts: list[str] = []
    for part in system.each("parts"):
        texts.append(part.needed_text("text"))
        part.close(_PART_HINTS)
    system.close()
    return _content([{"type": "text", "text": text} for text in texts])


def _content(parts: list[dict[str, Any]]) -> Any:
    """One part of text is plain text, which every server takes."""
    if not parts:
        return ""
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts


def _user(content: Fields, calls: _Calls) -> list[dict[str, Any]]:
    """Results of functions first, as messages of their own, then what the user says."""
    results: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    for part in content.each("parts"):
        kind = _kind(part)
        if kind == "functionResponse":
            results.append(_result(part.needed_fields(kind), calls))
        elif kind == "functionCall":
            raise wrong(part.path(kind), "is no part of what a user says")
        else:
            parts.append(_part(part, kind))
        part.only("thought", False)
        part.close((*_PART_HINTS, "thoughtSignature"))
    return [*results, {"role": "user", "content": _content(parts)}] if parts or not results else results


def _kind(part: Fields) -> str:
    """Which of the fields of a part is set."""
    found = [name for name in _KINDS if part.peek(name) is not None]
    if len(found) == 1:
        return found[0]
    part.close((*_KINDS, *_PART_HINTS, "thought", "thoughtSignature"))  # names what chat has no words for
    raise wrong(part.at, f"must have one of {', '.join(_KINDS)}")


def _part(part: Fields, kind: str) -> dict[str, Any]:
    if kind == "text":
        return {"type": "text", "text": part.needed_text("text")}
    part.refuse("videoMetadata")
    return _blob(part.needed_fields(kind)) if kind == "inlineData" else _file(part.needed_fields(kind))


def _blob(blob: Fields) -> dict[str, Any]:
    media, data = blob.needed_text("mimeType"), blob.needed_text("data")
    name = blob.text("displayName")
    # Google takes both alphabets of base64; a data URL has the first one.
    url = f"data:{media};base64,{data.replace('-', '+').replace('_', '/')}"
    blob.close()
    major = media.partition("/")[0]
    if major == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    if media in _SOUNDS:
        return {"type": "input_audio", "input_audio": {"data": url.partition(",")[2], "format": _SOUNDS[media]}}
    if major == "video":
        return {"type": "video_url", "video_url": {"url": url}}
    if major == "audio":
        raise unsayable(blob.path("mimeType"), CHAT, "Send WAV or MP3.")
    return {"type": "file", "file": {"filename": name or _NAMES.get(media, "document"), "file_data": url}}


def _file(file: Fields) -> dict[str, Any]:
    """An address that anybody can read. What was uploaded to Google, Google alone can."""
    url, media = file.needed_text("fileUri"), file.text("mimeType") or ""
    file.take("displayName")
    path = file.path("fileUri")
    file.close()
    if not url.startswith(("http://", "https://")) or "/v1beta/files/" in url:
        raise unsayable(path, CHAT, "Send the data itself as `inlineData`.")
    major = media.partition("/")[0]
    if major == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    if major == "video":
        return {"type": "video_url", "video_url": {"url": url}}
    raise unsayable(path, CHAT, "Name the `mimeType` of an image or a video, or send the data itself as `inlineData`.")


def _result(result: Fields, calls: _Calls) -> dict[str, Any]:
    name, given = result.needed_text("name"), result.text("id")
    response = result.object("response") or {}
    call = calls.answered(name, given, result.path("id" if given else "name"))
    result.refuse("parts", "Send media beside the result, as parts of their own.")
    result.only("willContinue", False)
    result.close(("scheduling",))
    return {"role": "tool", "tool_call_id": call, "content": _said(response)}


def _said(response: dict[str, Any]) -> str:
    """A result as text: `{"output": TEXT}`, which is how Google has a result that is no object, is its text."""
    text = response.get("output")
    if len(response) == 1 and isinstance(text, str):
        try:
            bare = not isinstance(msgspec.json.decode(text), dict)
        except (msgspec.DecodeError, RecursionError):
            bare = True
        if bare:
            return text
    return msgspec.json.encode(response).decode()


def _model(content: Fields, calls: _Calls, *, strict: bool) -> dict[str, Any]:
    """Thoughts, then text, then calls: chat has one place for each, and each keeps its order."""
    texts: list[str] = []
    thoughts: list[str] = []
    made: list[dict[str, Any]] = []
    signature: str | None = None
    for part in content.each("parts"):
        kind = _kind(part)
        signed = part.text("thoughtSignature")
        if kind == "functionCall":
            made.append(_call(part.needed_fields(kind), calls, None if strict else signed))
        elif kind == "text":
            text = part.needed_text("text")
            (thoughts if part.flag("thought") else texts).append(text)
            signature = signed or signature
        else:
            raise unsayable(part.path(kind), CHAT, "Media that a model made cannot go back to another one.")
        part.close(("thought", *_PART_HINTS))
    out: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts or not made else None}
    if made:
        out["tool_calls"] = made
    if thoughts and not strict:
        out["reasoning_content"] = "".join(thoughts)
    if signature and not strict:
        out["extra_content"] = {"google": {"thought_signature": signature}}
    return out


def _call(call: Fields, calls: _Calls, signature: str | None) -> dict[str, Any]:
    name = call.needed_text("name")
    arguments = msgspec.json.encode(call.object("args") or {}).decode()
    made: dict[str, Any] = {
        "id": calls.made(name, call.text("id")),
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    if signature:
        made["extra_content"] = {"google": {"thought_signature": signature}}
    call.close()
    return made
