"""What both model servers have in common over HTTP: the key, the routes, health, errors in OpenAI's form."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from genaiops.app.model_server._admission import Busy
from genaiops.core.errors import GenaiopsError, NotFound, Unauthenticated, UsageError
from genaiops.http1 import Exchange

Fields = list[tuple[bytes, bytes]]
Endpoint = Callable[[Exchange], Awaitable[None]]

JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")


class MethodNotAllowed(UsageError):
    status = 405
    default_code = "method_not_allowed"


def error_body(status: int, code: str, message: str) -> tuple[Fields, bytes]:
    """Headers and body of an error for which there is only a status, a code and a sentence."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return [JSON], encode_error(message, kind, code)


def encode_error(message: str, kind: str, code: str | None, param: str | None = None) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": kind, "code": code, "param": param}})


def respond_error(exchange: Exchange, error: GenaiopsError) -> None:
    fields: Fields = [JSON]
    if isinstance(error, Busy):
        fields.append((b"retry-after", b"%d" % error.retry_after))
    exchange.respond(error.status, fields, encode_error(str(error), error.type, error.code, error.param))


def respond_json(exchange: Exchange, value: object) -> None:
    exchange.respond(200, [JSON], msgspec.json.encode(value))


def cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


class Application:
    """The handler of one model server. `endpoints` maps paths to what is POSTed there."""

    def __init__(self, *, model: str, context: int, key: str, endpoints: Mapping[str, Endpoint]) -> None:
        self._model = model
        self._key = b"Bearer " + key.encode()
        self._card = {
            "id": model,
            "object": "model",
            "created": int(time.time()),
            "owned_by": "genaiops",
            "context_length": context,
        }
        self._routes: dict[str, tuple[str, Endpoint]] = {
            path: ("POST", endpoint) for path, endpoint in endpoints.items()
        }
        self._routes["/v1/models"] = ("GET", self._models)
        self._routes[f"/v1/models/{model}"] = ("GET", self._model_card)

    async def __call__(self, exchange: Exchange) -> None:
        try:
            await self._dispatch(exchange)
        except GenaiopsError as error:
            if exchange.started:
                exchange.abort()
            elif not exchange.disconnected:
                respond_error(exchange, error)

    async def _dispatch(self, exchange: Exchange) -> None:
        if exchange.path == "/health":  # open: it tells nothing, and whoever asks may have no key
            respond_json(exchange, {"status": "ok"})
            return
        if not hmac.compare_digest(exchange.header(b"authorization") or b"", self._key):
            raise Unauthenticated(
                "The model server does not know this key.", remedy="Send `authorization: Bearer KEY` with its own key."
            )
        route = self._routes.get(exchange.path)
        if route is None:
            raise NotFound(
                f"The model server has nothing at {exchange.path}.", remedy=f"It has {', '.join(sorted(self._routes))}."
            )
        method, endpoint = route
        if exchange.method != method:
            raise MethodNotAllowed(f"{exchange.path} takes {method}, not {exchange.method}.")
        task = asyncio.current_task()
        if task is not None:
            # A client that left keeps no place in the queue and no thread.
            exchange.on_disconnect(lambda: cancel(task))
        await endpoint(exchange)

    async def _models(self, exchange: Exchange) -> None:
        respond_json(exchange, {"object": "list", "data": [self._card]})

    async def _model_card(self, exchange: Exchange) -> None:
        respond_json(exchange, self._card)


def check_model(asked: str | None, served: str) -> None:
    if asked is not None and asked != served:
        raise NotFound(
            f"This server serves {served!r}, not {asked!r}.",
            code="model_not_found",
            param="model",
            remedy=f"Ask for {served!r}.",
        )


def refusal(error: msgspec.MsgspecError) -> UsageError:
    """The answer to a body that does not decode: what is wrong, and where."""
    text = str(error)
    where = text.rsplit(" - at `$.", 1)
    param = where[1].rstrip("`") if len(where) == 2 else None
    if "unknown field `" in text:
        param = text.split("unknown field `", 1)[1].split("`", 1)[0]
        return UsageError(
            f"This model does not know the parameter {param!r}.",
            code="unknown_parameter",
            param=param,
            remedy="Leave it out.",
        )
    return UsageError(f"The request is not valid: {text}.", param=param)
