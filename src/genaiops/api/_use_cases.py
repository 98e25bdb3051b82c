"""`/api/use-cases`: what applications are for, and the KPIs that gate their releases."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._services import Services, Serving
from genaiops.api._times import moment
from genaiops.api._writing import write
from genaiops.arena import KpiLine
from genaiops.checks.use_cases import ReadUseCase, read_use_case, read_use_case_document, use_case_schema
from genaiops.checks.written import Fault, WrittenForm
from genaiops.core.clock import to_iso
from genaiops.core.errors import UsageError
from genaiops.domain import KpiFigure, UseCase
from genaiops.hub import HeldUseCase


class UseCaseSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either a `text` (TOML, YAML or JSON; `form` null: what it looks like) or a `document`."""

    text: str | None = None
    form: WrittenForm | None = None
    document: dict[str, Any] | None = None


class UseCaseRequest(UseCaseSource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A use case as a `text` or a `document`. Without an owner it is the caller's. `reason` and `emergency`: where the
    policy of consent protects it."""

    reason: str = ""
    emergency: str | None = None


class UndoRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`version`: the digest of the version that is to hold (6 digits are enough); null: that which held before."""

    version: str | None = None


class FigureRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure of a KPI that no suite measures; `at` as ISO 8601 or how long ago (`24h`; null: now)."""

    kpi: str
    value: float
    at: str | None = None
    note: Annotated[str, msgspec.Meta(max_length=4000)] = ""


class CheckedUseCaseDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`use_case` null: it has `faults`, each with the line where there is a text. `warnings`: what could not be looked
    at, as a suite is not there yet."""

    use_case: UseCase | None
    faults: Sequence[Fault]
    warnings: Sequence[str]


class FigureDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody reported: `by` is an actor's id, `by_name` what they are called."""

    kpi: str
    value: float
    at: str
    note: str
    by: str
    by_name: str


class KpiDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A KPI and how it stands: met, not_met, inconclusive or not_measured. `gates`: a suite measures it, and it holds
    releases up. `of` in words what was measured, `release` its id and `where` it stands. `low` and `high`: one-sided
    bounds; `more`: how many cases beside would likely decide. `command`: what is missing."""

    use_case: str
    kpi: str
    about: str
    status: str
    gates: bool
    asked: str
    direction: str
    target: float
    unit: str
    baseline: float | None
    suite: str
    check: str
    slice: str
    of: str
    release: str
    where: str
    run: str
    at: str | None
    value: float | None
    n: int | None
    low: float | None
    high: float | None
    more: int | None
    reported_by: str
    reported_by_name: str
    reason: str
    command: str


class UseCaseDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A use case as it holds: its `version`, since when, and who set it; `by_name` and `owner_name` are what they are
    called. `standing`: how many lines of its KPIs stand how."""

    name: str
    version: str
    since: str
    by: str
    by_name: str
    owner_name: str
    use_case: UseCase
    standing: Mapping[str, int]


class WholeUseCase(UseCaseDocument, frozen=True, kw_only=True):
    """The same with each KPI, and the `text` as it was written ("": it came as a document)."""

    text: str
    kpis: Sequence[KpiDocument]


class HistoryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Which version held from then on, and who let it. `version` null: it was retired."""

    at: str
    by: str
    by_name: str
    version: str | None


_RELEASE = Annotated[str | None, QueryParameter(description="APPLICATION@DIGEST or @latest; null: newest, and in prod")]
_SUITE = Annotated[str | None, QueryParameter(description="only what this suite measures")]


class UseCasesController(Controller):
    path = "/use-cases"
    tags = ("ARENA",)

    @get(summary="List use cases", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[UseCaseDocument]:
        """In order of name, with how many of their KPIs are met."""
        return Listing(
            [
                _shown(services, UseCaseDocument, each, _lines(services, each, None))
                for each in services.hub.use_cases.list()
            ]
        )

    @get("/schema", summary="The JSON Schema of use cases", guards=[needs("read")], sync_to_thread=False)
    def schema(self) -> dict[str, Any]:
        """For editors and generators."""
        return use_case_schema()

    @post("/check", summary="Check a use case", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def check(self, data: JSONBody[UseCaseSource], services: Serving) -> CheckedUseCaseDocument:
        """Every fault with its path and line. Nothing is kept."""
        read = services.kpis.read(_read(data), services.hub)
        warnings = () if read.use_case is None else services.kpis.unknown(read.use_case, services.hub)
        return CheckedUseCaseDocument(use_case=read.use_case, faults=read.faults, warnings=warnings)

    @put("/{name:str}", summary="Set a use case", guards=[needs("use_cases")])
    async def set(
        self, name: FromPath[str], data: JSONBody[UseCaseRequest], services: Serving, caller: Calling
    ) -> Response[WholeUseCase]:
        """It becomes a version, and holds from now on; releases are gated by its KPIs at once. The same again changes
        nothing. 400 for a KPI that its suite can never show."""

        def work() -> WholeUseCase:
            use_case = services.kpis.read(_read(data), services.hub).checked()
            held = services.hub.use_cases.put(
                name, use_case, text=data.text or "", reason=data.reason, emergency=data.emergency, by=caller.actor.id
            )
            return _shown(services, WholeUseCase, held, _lines(services, held, None))

        return await write(services, work)

    @get("/{name:str}", summary="One use case", guards=[needs("read")], sync_to_thread=True)
    def one(self, name: FromPath[str], services: Serving, release: _RELEASE = None) -> WholeUseCase:
        """With each KPI: by what run it was measured of what release, its value with bounds, and what is missing."""
        held = services.hub.use_cases.get(name)
        return _shown(services, WholeUseCase, held, _lines(services, held, release))

    @delete("/{name:str}", summary="Retire a use case", guards=[needs("use_cases")], status_code=200)
    async def retire(self, name: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """It gates nothing any more; its versions stay, and setting it again brings it back."""
        return await write(services, lambda: services.hub.use_cases.retire(name, by=caller.actor.id))

    @get("/{name:str}/history", summary="How a use case was changed", guards=[needs("read")], sync_to_thread=True)
    def history(self, name: FromPath[str], services: Serving) -> Listing[HistoryDocument]:
        """Newest first. Two versions are compared by `/api/version-diff`."""
        return Listing(
            [
                HistoryDocument(
                    at=to_iso(move.at_us),
                    by=move.by,
                    by_name=services.hub.actors.name_of(move.by),
                    version=move.version_id,
                )
                for move in services.hub.use_cases.history(name)
            ]
        )

    @post("/{name:str}/undo", summary="Set a use case back", guards=[needs("use_cases")], status_code=200)
    async def undo(
        self, name: FromPath[str], data: JSONBody[UndoRequest], services: Serving, caller: Calling
    ) -> Response[WholeUseCase]:
        """An earlier version holds again; once more without a version brings the change back."""

        def work() -> WholeUseCase:
            held = services.hub.use_cases.set_back(name, data.version or "", by=caller.actor.id)
            return _shown(services, WholeUseCase, held, _lines(services, held, None))

        return await write(services, work)

    @get("/{name:str}/figures", summary="Figures that were reported", guards=[needs("read")], sync_to_thread=True)
    def figures(self, name: FromPath[str], services: Serving) -> Listing[FigureDocument]:
        """Newest first."""
        services.hub.use_cases.get(name)
        return Listing([_figure(services, each) for each in services.hub.use_cases.figures(name)])

    @post("/{name:str}/figures", summary="Report a figure", guards=[needs("use_cases")], status_code=201)
    async def report(
        self, name: FromPath[str], data: JSONBody[FigureRequest], services: Serving, caller: Calling
    ) -> Response[FigureDocument]:
        """Of a KPI that no suite measures; 409 for one that a suite does."""

        def work() -> FigureDocument:
            at_us = None if data.at is None else moment(data.at, now_us=services.hub.clock(), param="at")
            made = services.hub.use_cases.report(
                name, data.kpi, data.value, at_us=at_us, note=data.note, by=caller.actor.id
            )
            return _figure(services, made)

        return await write(services, work, status=201)

    @get("/{name:str}/checks", summary="KPIs as checks", guards=[needs("read")], sync_to_thread=True)
    def checks(
        self, name: FromPath[str], services: Serving, caller: Calling, suite: _SUITE = None
    ) -> dict[str, dict[str, Any]]:
        """Name of a KPI -> the check that measures it, with its target as the floor: what a suite out of a program or a
        notebook declares."""
        del caller
        held = services.hub.use_cases.get(name)
        wanted = {kpi.name for kpi in held.use_case.kpi if suite is None or kpi.suite.partition("@")[0] == suite}
        return {kpi: dict(check) for kpi, check in services.kpis.checks(held).items() if kpi in wanted}


def kpi_document(services: Services, line: KpiLine) -> KpiDocument:
    """A line as it is shown: times in ISO 8601."""
    by = line.reported.by if line.reported is not None else ""
    others = ("at", "reported_by", "reported_by_name")
    same = {name: getattr(line, name) for name in KpiDocument.__struct_fields__ if name not in others}
    return KpiDocument(
        **same,
        at=None if line.at_us is None else to_iso(line.at_us),
        reported_by=by,
        reported_by_name=services.hub.actors.name_of(by) if by else "",
    )


def _read(source: UseCaseSource) -> ReadUseCase:
    """UsageError unless it is one of the two."""
    if (source.text is None) == (source.document is None):
        raise UsageError("Which use case?", remedy="Give either text or document.", param="text")
    return (
        read_use_case(source.text, source.form) if source.text is not None else read_use_case_document(source.document)
    )


def _lines(services: Services, held: HeldUseCase, release: str | None) -> Sequence[KpiLine]:
    if release is None:
        return services.kpis.standing(held, services.kpis.releases(held, services.hub))
    application, _, reference = release.partition("@")
    found = services.hub.releases.resolve(application, reference or "latest")
    if application not in held.use_case.applications:
        raise UsageError(
            f"{application!r} does not serve {held.name!r}.",
            remedy=f"It is served by: {', '.join(held.use_case.applications) or 'none'}.",
            param="release",
        )
    return services.kpis.standing(held, {found.id: ""})


def _shown(services: Services, kind: Any, held: HeldUseCase, lines: Sequence[KpiLine]) -> Any:
    more: dict[str, Any] = {}
    if kind is WholeUseCase:
        more = {"kpis": [kpi_document(services, line) for line in lines], "text": held.version.text}
    return kind(
        name=held.name,
        version=held.version.id,
        since=to_iso(held.since_us),
        by=held.by,
        by_name=services.hub.actors.name_of(held.by),
        owner_name=services.hub.actors.name_of(held.use_case.owner),
        use_case=held.use_case,
        standing=Counter(line.status for line in lines),
        **more,
    )


def _figure(services: Services, figure: KpiFigure) -> FigureDocument:
    return FigureDocument(
        kpi=figure.kpi,
        value=figure.value,
        at=to_iso(figure.at_us),
        note=figure.note,
        by=figure.by,
        by_name=services.hub.actors.name_of(figure.by),
    )
