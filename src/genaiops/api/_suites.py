"""`/api/suites`: suites as people write them. Their versions, aliases and differences are those of artifacts."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import JSONBody

from genaiops.api._access import Calling, needs
from genaiops.api._artifacts import AboutRequest, NewVersionRequest, registered
from genaiops.api._documents import Listing, VersionDocument, time_or_none
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.arena import ReadSuite, read_suite, read_suite_document, suite_manifest, suite_schema
from genaiops.arena.counterfactuals import Left, Perturbed, Varied, expanded, perturbed
from genaiops.checks.written import Fault, WrittenForm
from genaiops.core.errors import TooLarge, UsageError
from genaiops.domain import Artifact, Case
from genaiops.hub import Wanted

_MOST_EXPANDED: Final = 100_000


class SuiteSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either a `text` (TOML, YAML or JSON; `form` null: what it looks like) or a `document`."""

    text: str | None = None
    form: WrittenForm | None = None
    document: dict[str, Any] | None = None


class NewSuiteRequest(AboutRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a suite as a `text` (`form` null: what it looks like) or a `document`. `alias`, `reason` and
    `emergency` as of other artifacts."""

    name: str
    text: str | None = None
    form: WrittenForm | None = None
    document: dict[str, Any] | None = None
    alias: str | None = None
    reason: str = ""
    emergency: str | None = None


class ExpandRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`cases` as they stand in a suite, and either `attributes` (attribute -> values; none: all; with
    `intersections` every value with every value of the others; `names` of each group), or `perturbations` and
    `cues`."""

    cases: Annotated[tuple[Case, ...], msgspec.Meta(min_length=1, max_length=1000)]
    attributes: dict[str, tuple[str, ...]] = {}
    intersections: bool = False
    names: int = 1
    perturbations: tuple[str, ...] = ()
    cues: tuple[str, ...] = ()
    seed: int = 0


class ExpandedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`cases` of `families` families; `left`: of which none was made, and why. `language` of the words."""

    cases: Sequence[Case]
    families: int
    left: Sequence[Left]
    language: str


class CheckedSuiteDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`suite` null: it has `faults`, each with the line where there is a text."""

    suite: dict[str, Any] | None
    faults: Sequence[Fault]


class SuiteDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A suite by its newest version. `cases`: those that stand in it; `sources`: from where it draws further ones.
    `aliases`: name -> digest."""

    name: str
    digest: str
    description: str
    cases: int
    sources: int
    targets: Sequence[str]
    checks: Sequence[str]
    aliases: dict[str, str]
    versions: int
    created_at: str | None
    created_by: str


class SuitesController(Controller):
    path = "/suites"
    tags = ("ARENA",)

    @get(summary="List suites", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving, caller: Calling) -> Listing[SuiteDocument]:
        """In order of name, each by its newest version."""
        found = services.hub.artifacts.find(Wanted(kind="suite"), caller.actor)
        return Listing([_document(services, artifact) for artifact in found])

    @get("/schema", summary="The JSON Schema of suites", guards=[needs("read")], sync_to_thread=False)
    def schema(self) -> dict[str, Any]:
        """For editors and generators."""
        return suite_schema()

    @post("/check", summary="Check a suite", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def check(self, data: JSONBody[SuiteSource]) -> CheckedSuiteDocument:
        """Every fault with its path and line. Nothing is kept, and no case is drawn."""
        read = suite_from(data)
        return CheckedSuiteDocument(
            suite=None if read.suite is None else suite_manifest(read.suite), faults=read.faults
        )

    @post("/expand", summary="Cases as families", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def expand(self, data: JSONBody[ExpandRequest]) -> ExpandedDocument:
        """Each case with other people in it, or changed in what should change no answer; nothing is kept."""
        if bool(data.attributes) == bool(data.perturbations or data.cues):
            raise UsageError(
                "A family is made of attributes, or of perturbations and cues.",
                remedy="Give attributes, or perturbations and cues.",
                param="attributes",
            )
        if data.attributes:
            varied = Varied(attributes=data.attributes, intersections=data.intersections, names=data.names)
            found = expanded(data.cases, varied)
        else:
            found = perturbed(data.cases, Perturbed(kinds=data.perturbations, cues=data.cues, seed=data.seed))
        if len(found.cases) > _MOST_EXPANDED:
            raise TooLarge(
                f"There would be {len(found.cases):,} cases, and {_MOST_EXPANDED:,} are told.",
                remedy="Send fewer, or use genaiops suite expand.",
            )
        return ExpandedDocument(cases=found.cases, families=found.families, left=found.left, language=found.language)

    @post(summary="Register a version of a suite", guards=[needs("artifacts")])
    async def register(
        self, data: JSONBody[NewSuiteRequest], services: Serving, caller: Calling
    ) -> Response[VersionDocument]:
        """What is wrong with it is told with its line, and nothing is kept then. A protected alias waits for another
        person's consent: 202 with the header `x-genaiops-approval`."""

        def work() -> VersionDocument:
            fields = msgspec.structs.asdict(data)
            source = SuiteSource(**{field: fields.pop(field) for field in SuiteSource.__struct_fields__})
            manifest = suite_manifest(suite_from(source).checked())
            return registered(services, caller, NewVersionRequest(kind="suite", manifest=manifest, **fields))

        return await write(services, work, status=201)


def suite_from(source: SuiteSource) -> ReadSuite:
    """UsageError unless it is one of the two."""
    if (source.text is None) == (source.document is None):
        raise UsageError("Which suite?", remedy="Give either text or document.", param="text")
    if source.text is not None:
        return read_suite(source.text, source.form)
    return read_suite_document(source.document)


def _document(services: Services, artifact: Artifact) -> SuiteDocument:
    artifacts = services.hub.artifacts
    versions = artifacts.versions(artifact.id)
    newest = versions[-1]
    manifest = newest.manifest
    return SuiteDocument(
        name=artifact.name,
        digest=newest.digest,
        description=manifest.get("description", ""),
        cases=len(manifest.get("case", ())),
        sources=len(manifest.get("cases", ())),
        targets=[target["name"] for target in manifest.get("target", ())],
        checks=[check["name"] for check in manifest.get("check", ())],
        aliases={alias.name: alias.version_id.rpartition("@")[2] for alias in artifacts.aliases(artifact.id)},
        versions=len(versions),
        created_at=time_or_none(newest.created_us),
        created_by=newest.created_by,
    )
