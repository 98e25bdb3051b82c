"""`/api/prices`: a table that only grows."""

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromQuery, JSONBody

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._price_documents import PriceDocument, shown_price
from genaiops.api._services import Serving
from genaiops.api._times import exact_or_none
from genaiops.api._writing import write
from genaiops.core.clock import now_us
from genaiops.domain import Price
from genaiops.hub import NewFees, NewPrice, NewTier


class NewPriceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Decimal amounts of `currency` per million tokens, as text: `"2.50"`. A bucket without a price of its own is
    charged as its parent; audio, and images made, have none, and a call with such tokens costs an unknown amount.

    `model` is the provider's name for it, or a prefix ending in `*`. `tiers`: other rates for a whole call with more
    than so many tokens of input. `services`: class of service to its share of the rates, `{"batch": "0.5"}`.
    `valid_from` null: now."""

    provider: str
    model: str
    input: str
    output: str
    cache_read: str | None = None
    cache_write: str | None = None
    cache_write_1h: str | None = None
    reasoning: str | None = None
    audio_input: str | None = None
    audio_output: str | None = None
    image_input: str | None = None
    image_output: str | None = None
    currency: str = "USD"
    tiers: tuple[NewTier, ...] = ()
    fees: NewFees | None = None
    services: dict[str, str] = {}
    valid_from: str | None = None
    source: str = ""


class ImportRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price table as TOML; null: the one that comes with the program."""

    toml: str | None = None


class PricesController(Controller):
    path = "/prices"
    tags = ("Prices",)

    @get(summary="List prices", guards=[needs("read")], sync_to_thread=True)
    def list(
        self,
        services: Serving,
        history: FromQuery[bool] = False,
        provider: FromQuery[str | None] = None,
        model: FromQuery[str | None] = None,
    ) -> Listing[PriceDocument]:
        """The line in force for each provider and model; with `history` every line there ever was."""
        lines = services.hub.prices.list()
        lines = [line for line in lines if provider in {None, line.provider} and model in {None, line.model}]
        if not history:
            at_us = now_us()
            newest: dict[tuple[str, str], Price] = {}
            for line in lines:
                former = newest.get((line.provider, line.model))
                if line.valid_from_us <= at_us and (former is None or _order(line) > _order(former)):
                    newest[line.provider, line.model] = line
            lines = [*newest.values()]
        return Listing([shown_price(line) for line in lines])

    @post(summary="Set a price", guards=[needs("prices")])
    async def create(
        self, data: JSONBody[NewPriceRequest], services: Serving, caller: Calling
    ) -> Response[PriceDocument]:
        """Adds a line with the next version; calls before its `valid_from` keep the price they had."""

        def work() -> PriceDocument:
            fields = msgspec.structs.asdict(data)
            since = exact_or_none(fields.pop("valid_from"), param="valid_from")
            return shown_price(services.hub.prices.set(NewPrice(**fields, valid_from_us=since), by=caller.actor.id))

        return await write(services, work, status=201)

    @post("/import", summary="Import a price table", guards=[needs("prices")], status_code=200)
    async def import_table(
        self, data: JSONBody[ImportRequest], services: Serving, caller: Calling
    ) -> Response[Listing[PriceDocument]]:
        """Adds the lines that differ from the newest ones; the answer lists them."""

        def work() -> Listing[PriceDocument]:
            added = services.hub.prices.import_table(data.toml, by=caller.actor.id)
            return Listing([shown_price(line) for line in added])

        return await write(services, work)


def _order(line: Price) -> tuple[int, int]:
    """Of lines for the same model the one valid latest counts, then the newest."""
    return line.valid_from_us, line.version
