"""The model API's paths, and those that are named but not there yet."""

import msgspec

from genaiops.core.errors import NotBuilt, NotFound, UsageError
from genaiops.domain import Operation

CALLS: dict[str, Operation] = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
}
MODELS = "/v1/models"

_TO_COME = {
    "/v1/responses": "Use /v1/chat/completions.",
    "/v1/messages": "Use /v1/chat/completions.",
    "/v1/rerank": "Compare embeddings of /v1/embeddings.",
    "/v1/moderations": "Ask a model through /v1/chat/completions.",
    "/v1/images": "There is no substitute here.",
    "/v1/audio": "There is no substitute here.",
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
    """Where a request goes: an operation, or the models (`model` None: all of them)."""

    operation: Operation | None = None
    model: str | None = None


_CALL_PLACES = {path: Place(operation) for path, operation in CALLS.items()}


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
