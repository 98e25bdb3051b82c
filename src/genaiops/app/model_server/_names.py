"""`/v1/names`: names by a model of spaCy, in the shape of Presidio's analyzer, in one thread beside the event loop."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec
from msgspec import Struct

from genaiops.app.model_server._admission import Admission
from genaiops.app.model_server._http import refusal, respond_json
from genaiops.core.errors import ConfigError, Unavailable
from genaiops.engines.names import SpacyNames
from genaiops.http1 import Exchange

_log = logging.getLogger("genaiops.model_server")

BODY_LIMIT: Final = 4 << 20
ENTITIES: Final = {"person": "PERSON", "location": "LOCATION", "organisation": "ORGANIZATION"}
"""Our kinds as Presidio calls them."""


class NamesRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """`entities` empty: all. spaCy gives no scores: each name that it says has 1."""

    text: str
    language: str = "en"
    entities: list[str] = []
    score_threshold: float = 0.0


class NamesEndpoint:
    """`await endpoint(exchange)`. A model that cannot be had is told to whoever asks; the classifiers run without."""

    def __init__(self, make: Callable[[], SpacyNames], *, waiting: int) -> None:
        self._names: SpacyNames | None = None
        self._missing: ConfigError | None = None
        try:
            self._names = make()
        except ConfigError as error:
            _log.error("names cannot be found: %s %s", error.message, error.remedy or "")
            self._missing = error
        self._admission = Admission("names", waiting)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="names")

    async def __call__(self, exchange: Exchange) -> None:
        body = await exchange.body(BODY_LIMIT)
        try:
            request = msgspec.json.decode(body, type=NamesRequest)
        except msgspec.MsgspecError as error:
            raise refusal(error) from error
        names = self._names
        if names is None:
            why = "" if self._missing is None else self._missing.message
            raise Unavailable(
                f"Names cannot be found: {why}",
                remedy=None if self._missing is None else self._missing.remedy,
                code="names_missing",
            )
        async with self._admission.turn():
            found = await asyncio.get_running_loop().run_in_executor(self._thread, names.find, request.text)
        answer: list[dict[str, Any]] = [
            {"start": each.start, "end": each.end, "score": 1.0, "entity_type": ENTITIES[each.kind]}
            for each in found
            if not request.entities or ENTITIES[each.kind] in request.entities
        ]
        respond_json(exchange, answer)

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
