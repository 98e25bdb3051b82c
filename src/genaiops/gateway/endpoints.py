"""The model API's paths, and those that are named but not there yet."""

from typing import Literal, cast

import msgspec

from genaiops.core.errors import NotBuilt, NotFound, UsageError
from genaiops.domain import Operation
from genaiops.gateway.cohere_speech import COHERE, COHERE_EMBED, COHERE_EMBED_1, COHERE_RERANK
from genaiops.gateway.gemini_speech import GEMINI, Method, gemini_speech
from genaiops.gateway.speech import MEDIA, MESSAGES, OPENAI, RESPONSES, CountingSpeech, Speech
from genaiops.ports.providers import VideoAction

CALLS: dict[str, tuple[Operation, Speech]] = {
    "/v1/chat/completions": ("chat", OPENAI),
    "/v1/responses": ("chat", RESPONSES),
    "/v1/messages": ("chat", MESSAGES),
    "/v1/completions": ("text_completion", OPENAI),
    "/v1/embeddings": ("embeddings", OPENAI),
    "/v1/rerank": ("rerank", MEDIA),
    "/v1/moderations": ("moderations", MEDIA),
    "/v1/images/generations": ("image_generation", MEDIA),
    "/v1/audio/transcriptions": ("transcription", MEDIA),
    "/v1/audio/speech": ("speech", MEDIA),
    "/v1/embed": ("embeddings", COHERE_EMBED_1),
    "/v2/chat": ("chat", COHERE),
    "/v2/embed": ("embeddings", COHERE_EMBED),
    "/v2/rerank": ("rerank", COHERE_RERANK),
}
MODELS = "/v1/models"
TRACES = "/v1/traces"
"""Where other programs send their traces: the control process takes them."""
COUNT = "/v1/messages/count_tokens"
GEMINI_MODELS = "/v1beta/models"
ROOTS = ("/v1/", "/v1beta/", "/v2/")
"""How paths of the model API begin."""

_METHODS: dict[Method, Operation | None] = {
    "generateContent": "chat",
    "streamGenerateContent": "chat",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
    "countTokens": None,
}

_TO_COME = {
    "/v1/responses": "Nothing is kept here: send the whole conversation to /v1/responses.",
    "/v1/messages": "Send the messages to /v1/messages.",
    "/v1/chat": "Chat in OpenAI's form is at /v1/chat/completions, in Cohere's at /v2/chat.",
    "/v1/images": "New images come from /v1/images/generations.",
    "/v1/audio": "There are /v1/audio/transcriptions and /v1/audio/speech.",
    "/v1/videos/edits": "Make a new video with /v1/videos, or change one with /v1/videos/ID/remix.",
    "/v1/videos/extensions": "Make a new video with /v1/videos, or change one with /v1/videos/ID/remix.",
    "/v1/videos/characters": "Describe them in the prompt of /v1/videos.",
    "/v1/files": "Put the text into the request.",
    "/v1/batches": "Send single calls.",
    "/v1/realtime": "Use a stream of /v1/chat/completions.",
    "/v1/assistants": "Use /v1/chat/completions.",
    "/v1/threads": "Use /v1/chat/completions.",
    "/v1/vector_stores": "There is no substitute here.",
    "/v1/fine_tuning": "There is no substitute here.",
    "/v1/uploads": "Put the text into the request.",
    "/v1beta/files": "Send the data as `inlineData`.",
    "/v1beta/cachedContents": "Send the whole content in `contents`.",
    "/v1beta/batches": "Send single calls.",
    "/v1beta/tunedModels": "GET /v1beta/models lists what can be called.",
}


class WrongMethod(UsageError):
    status = 405
    default_code = "method_not_allowed"

    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__(f"{path} does not take {method}.", remedy=f"Use {allowed}.")
        self.allowed = allowed


VIDEOS = "/v1/videos"
Asking = Literal["list"] | VideoAction


class VideoAsk(msgspec.Struct, frozen=True):
    """What is asked of the videos: of all (`list`), or of one by its `id`, which nobody has checked yet."""

    action: Asking
    id: str = ""


class Place(msgspec.Struct, frozen=True):
    """Where a request goes: an operation, asked for in the words of `speech`, a question how many tokens a prompt has
    (`counts`: in whose words), the models (`model` None: all), or what became of a video."""

    operation: Operation | None = None
    speech: Speech = OPENAI
    model: str | None = None
    video: VideoAsk | None = None
    counts: CountingSpeech | None = None


_CALL_PLACES = {path: Place(*call) for path, call in CALLS.items()}


def speech_at(path: str, *, google: bool = False) -> Speech:
    """In whose words the clients of a path are told of errors, also where there is nothing. `google`: the key came as
    Google's clients send it."""
    if google or path.startswith("/v1beta/") or _is_call_of_google(path):
        return GEMINI
    if path.startswith("/v2/") or path == "/v1/embed":
        return COHERE
    return MESSAGES if path.startswith("/v1/messages") else OPENAI


def _is_call_of_google(path: str) -> bool:
    """`/v1beta/models/NAME:METHOD`; newer clients say `/v1/models/NAME:METHOD`."""
    return path.startswith((MODELS + "/", GEMINI_MODELS + "/")) and path.rpartition(":")[2] in _METHODS


def locate(method: str, path: str, query: bytes = b"", *, google: bool = False) -> Place:
    """NotFound, NotBuilt or WrongMethod when there is nothing for it. `google` as in `speech_at`: `/v1/models` is
    OpenAI's path and Google's."""
    place = _CALL_PLACES.get(path)
    if place is not None:
        if method != "POST":
            raise WrongMethod(method, path, "POST")
        return place
    if path == COUNT:
        if method != "POST":
            raise WrongMethod(method, path, "POST")
        return Place(speech=MESSAGES, counts=MESSAGES)
    if method == "POST" and _is_call_of_google(path):
        return _gemini(path, query)
    for models, speech in ((MODELS, GEMINI if google else OPENAI), (GEMINI_MODELS, GEMINI)):
        if path == models or path.startswith(models + "/"):
            if speech is GEMINI and method == "POST":
                break  # a method of Google's that is not served
            if method not in ("GET", "HEAD"):
                raise WrongMethod(method, path, "GET, HEAD")
            return Place(speech=speech, model=path[len(models) + 1 :] or None)
    if path.startswith(VIDEOS) and path[len(VIDEOS) : len(VIDEOS) + 1] in ("", "/"):
        found = _locate_video(method, path)
        if found is not None:
            return found
    for prefix, instead in _TO_COME.items():
        if path == prefix or path.startswith(prefix + "/"):
            raise NotBuilt(f"{path} is not built yet.", remedy=instead, code="endpoint_not_built")
    raise NotFound(
        f"There is no {path}.",
        remedy=f"The model API has {', '.join(CALLS)}, {VIDEOS}, {COUNT} and {MODELS}; for Google's clients "
        f"{GEMINI_MODELS}, and {GEMINI_MODELS}/MODEL: with {', '.join(_METHODS)}.",
        code="unknown_path",
    )


def _locate_video(method: str, path: str) -> Place | None:
    """None: nothing of the videos has that path."""
    if path == VIDEOS:
        if method == "POST":
            return Place("video_generation", MEDIA)
        if method == "GET":
            return Place("video_job", MEDIA, video=VideoAsk("list"))
        raise WrongMethod(method, path, "POST, GET")
    if any(path == one or path.startswith(one + "/") for one in _TO_COME):
        return None
    match path[len(VIDEOS) + 1 :].split("/"):
        case [name] if name:
            actions: dict[str, Asking] = {"GET": "retrieve", "DELETE": "delete"}
        case [name, "content"] if name:
            actions = {"GET": "content"}
        case [name, "remix"] if name:
            actions = {"POST": "remix"}
        case _:
            return None
    if method not in actions:
        raise WrongMethod(method, path, ", ".join(actions))
    action = actions[method]
    return Place("video_generation" if action == "remix" else "video_job", MEDIA, video=VideoAsk(action, name))


def _gemini(path: str, query: bytes) -> Place:
    """The name of a route may have slashes, and colons, in it."""
    name, _, called = path.partition("/models/")[2].rpartition(":")
    if called == "streamGenerateContent" and b"alt=sse" not in query.split(b"&"):
        raise UsageError(
            "Streams are sent as server-sent events only.", remedy="Add `?alt=sse` to the address.", param="alt"
        )
    known = cast("Method", called)
    speech = gemini_speech(name, known)
    operation = _METHODS[known]
    return Place(operation, speech) if operation is not None else Place(speech=speech, counts=speech)
