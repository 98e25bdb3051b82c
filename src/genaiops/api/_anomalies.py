"""`/api/usage/anomalies`: spend that is far above what it was at the same time of former days."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, get
from msgspec import Meta

from genaiops.api._access import needs
from genaiops.api._documents import Listing
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._services import Serving
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import UsageError
from genaiops.core.money import from_nano
from genaiops.watch import SPENDERS, Spend, spend_anomalies


class AnomaliesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose spend."""

    by: Annotated[str, Meta(description=f"any of {', '.join(SPENDERS)}, separated by commas; by default all")] = ""


class SpendDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What `id` spent from `since` to `until`, beside the median (`usual`) of the same time of `days` former days. More
    than `limit` is `above`; `unknown` when there are too few days, or when `unknown_calls` had no price. Amounts as
    decimal text in the prices' currency."""

    by: str
    id: str
    window: Literal["hour", "day"]
    since: str
    until: str
    spent: str
    unknown_calls: int
    usual: str | None
    limit: str | None
    score: float | None
    days: int
    state: Literal["above", "usual", "unknown"]


class AnomaliesController(Controller):
    path = "/usage/anomalies"
    tags = ("Figures",)

    @get(
        summary="Spend that is unusual",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: AnomaliesQuery},
        operation_class=described(AnomaliesQuery),
    )
    def anomalies(self, request: Request[Any, Any, Any], services: Serving) -> Listing[SpendDocument]:
        """The last hour and the last day of whoever spent something, what is above first."""
        by = _kinds(read_query(request, AnomaliesQuery).by)
        return Listing([_shown(one) for one in spend_anomalies(services.telemetry, by, now_us=now_us())])


def _kinds(text: str) -> list[str]:
    names = list(dict.fromkeys(filter(None, (part.strip() for part in text.split(",")))))
    for name in names:
        if name not in SPENDERS:
            raise UsageError(f"by: {name!r} spends nothing.", remedy=f"There are: {', '.join(SPENDERS)}.", param="by")
    return names or list(SPENDERS)


def _shown(one: Spend) -> SpendDocument:
    return SpendDocument(
        by=one.by,
        id=one.id,
        window=one.window,
        since=to_iso(one.since_us),
        until=to_iso(one.until_us),
        spent=from_nano(one.spent_nano),
        unknown_calls=one.unknown_calls,
        usual=None if one.usual_nano is None else from_nano(one.usual_nano),
        limit=None if one.limit_nano is None else from_nano(one.limit_nano),
        score=None if one.score is None else round(one.score, 2),
        days=one.days,
        state=one.state,
    )
