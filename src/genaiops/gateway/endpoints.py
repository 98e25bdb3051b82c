"""The model API's paths, and those that are named but not there yet."""

import msgspec

from genaiops.core.errors import NotBuilt, NotFound, UsageError
from genaiops.domain import Operation
from genaiops.gateway.speech import MEDIA, MESSAGES, OPENAI, RESPONSES, Speech

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
}
MODELS = "/v1/models"

_TO_COME = {
    "/v1/responses": "Nothing is kept here: send the whole conversation to /v1/responses.",
    "/v1/messages": "Send the messages to /v1/messages; its answer has the usage.",
    "/v1/images": "New images come from /v1/images/generations.",
    "/v1/audio": "There are /v1/audio/transcriptions and /v1/audio/speech.",
    "/v1/videos": "Images come from /v1/images/generations; jobs that make videos are not run here.",
    "/v1/files": "Put the text into the request.",
    "/v1/batches": "Send single calls.",
    "/v1/realtime": "Use a stream of /v1/chat/completions.",
    "/v1/assistants": "Use /v1/chat/completions.",
    "/v1/threads": "Use /v1/chat/completions.",
    "/v1/vector_stores": "There is no substitute here.",
    "/v1/fine_tuning": "There is no substitute here.",
    "/v1/uploads": "Put the text into the request.",
}


class WrongMethod(UsageError):
    status = 405
    default_code = "method_not_allowed"

    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__(f"{path} does not take {method}.", remedy=f"Use {allowed}.")
        self.allowed = allowed


class Place(msgspec.Struct, frozen=True):
    """Where a request goes: an operation, asked for in the words of `speech`, or the models (`model` None: all)."""

    operation: Operation | None = None
    speech: Speech = OPENAI
    model: str | None = None


_CALL_PLACES = {path: Place(*call) for path, call in CALLS.items()}


def speech_at(path: str) -> Speech:
    """In whose words the clients of a path are told of errors, also where there is nothing."""
    return MESSAGES if path.startswith("/v1/messages") else OPENAI


def locate(method: str, path: str) -> Place:
    """NotFound, NotBuilt or WrongMethod when there is nothing for it."""
    place = _CALL_PLACES.get(path)
    if place is not None:
        if method != "POST":
            raise WrongMethod(method, path, "POST")
        return place
    if path == MODELS or path.startswith("/v1/models/"):
        if method not in ("GET", "HEAD"):
            raise WrongMethod(method, path, "GET, HEAD")
        return Place(model=path[len(MODELS) + 1 :] or None)
    for prefix, instead in _TO_COME.items():
        if path == prefix or path.startswith(prefix + "/"):
            raise NotBuilt(f"{path} is not built yet.", remedy=instead, code="endpoint_not_built")
    raise NotFound(
        f"There is no {path}.",
        remedy=f"The model API has {', '.join(CALLS)} and {MODELS}.",
        code="unknown_path",
    )
