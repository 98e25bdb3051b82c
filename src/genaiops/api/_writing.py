"""Writes: the records first, then the workers; the answer says whether it is in force already."""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from litestar import Response

from genaiops.api._services import Services
from genaiops.core.errors import GenaiopsError

_log = logging.getLogger("genaiops.api")

T = TypeVar("T")

PUBLISHED = "x-genaiops-published"


async def write(services: Services, work: Callable[[], T], *, status: int = 200) -> Response[T]:
    """Do it, then answer with what came of it: `status` when every live worker has it in force, 202 when it will be."""
    made = await asyncio.to_thread(work)
    published = await _publish(services)
    headers = {PUBLISHED: "true" if published else "false"}
    return Response(made, status_code=status if published else 202, headers=headers)


async def _publish(services: Services) -> bool:
    try:
        return await services.publisher.publish_and_wait()
    except (GenaiopsError, OSError) as error:
        # The write is done and stays done: saying it failed would make people do it twice. The control process tries
        # to publish again by itself.
        _log.error("a write could not be published yet: %s", error)
        return False
