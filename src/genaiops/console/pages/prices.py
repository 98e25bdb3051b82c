"""Prices: the lines in force, with where they come from."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get

from genaiops.console._visit import Visiting
from genaiops.domain import Price


@get("/gateway/prices", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    lines = visit.services.hub.prices.list()
    return visit.page(
        "prices.html",
        title="Gateway",
        nav="gateway",
        tab="prices",
        prices=in_force(lines, visit.now_us),
        lines=len(lines),
        used={(target.provider, target.upstream_model) for target in visit.services.hub.targets.list()},
    )


def in_force(lines: Sequence[Price], now_us: int) -> list[Price]:
    """Of each provider and model the line that counts at that time: the latest that is valid by then."""
    found: dict[tuple[str, str], Price] = {}
    for line in sorted(lines, key=lambda line: (line.valid_from_us, line.version)):
        if line.valid_from_us <= now_us:
            found[line.provider, line.model] = line
    return [found[key] for key in sorted(found)]


HANDLERS: list[Any] = [show]
