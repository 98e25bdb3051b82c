"""`/v1/secrets`: places of secrets by an engine, in one thread beside the event loop.

Its rules load for seconds, the first time for some twenty, so they load behind the start: the classifiers answer
meanwhile, and who asks for secrets is told that it is too early.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import msgspec
from msgspec import Struct

from genaiops.app.model_server._admission import Admission
from genaiops.app.model_server._http import refusal, respond_json
from genaiops.core.errors import ConfigError, Unavailable
from genaiops.engines.kingfisher import KingfisherSecrets, Place
from genaiops.http1 import Exchange

_log = logging.getLogger("genaiops.model_server")

BODY_LIMIT: Final = 16 << 20


class SecretsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    text: str


class SecretsEndpoint:
    """`await endpoint(exchange)`."""

    def __init__(self, make: Callable[[], KingfisherSecrets], *, waiting: int) -> None:
        self._admission = Admission("secrets", waiting)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="secrets")
        self._made: Future[KingfisherSecrets] = self._thread.submit(make)
        self._made.add_done_callback(_tell)

    async def __call__(self, exchange: Exchange) -> None:
        body = await exchange.body(BODY_LIMIT)
        try:
            request = msgspec.json.decode(body, type=SecretsRequest)
        except msgspec.MsgspecError as error:
            raise refusal(error) from error
        secrets = self._ready()
        async with self._admission.turn():
            found = await asyncio.get_running_loop().run_in_executor(self._thread, secrets.find, request.text)
        respond_json(exchange, [Place(each.start, each.end, each.kind) for each in found])

    def _ready(self) -> KingfisherSecrets:
        if not self._made.done():
            raise Unavailable(
                "The rules for secrets are being loaded.", remedy="Try again in a minute.", code="secrets_loading"
            )
        error = self._made.exception()
        if isinstance(error, ConfigError):
            raise Unavailable(error.message, remedy=error.remedy, code="secrets_missing")
        if error is not None:
            raise Unavailable(f"The rules for secrets do not load: {error}.", code="secrets_missing")
        return self._made.result()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def _tell(made: Future[KingfisherSecrets]) -> None:
    if made.cancelled():
        return
    error = made.exception()
    if error is not None:
        _log.error("secrets cannot be found by an engine: %s", error)
    else:
        _log.info("secrets are found by %s", made.result().name)
