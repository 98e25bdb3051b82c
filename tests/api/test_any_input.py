"""Whatever is sent, the answer is an answer: never a fault of ours."""

import json
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from genaiops.api import (
    _alerts,
    _applications,
    _artifacts,
    _dataset_additions,
    _datasets,
    _deployments,
    _erasures,
    _estimates,
    _experiments,
    _fact_documents,
    _findings,
    _fingerprints,
    _guard_figures,
    _guard_trials,
    _guards,
    _keys,
    _limits,
    _lineage,
    _people,
    _price_check,
    _prices,
    _prompts,
    _queue_documents,
    _redteam,
    _releases,
    _run_wish,
    _scores,
    _selections,
    _suites,
    _targets,
    _tasks,
    _tenants,
    _traces,
    _trends,
    _trust,
    _use_cases,
)
from tests.api.conftest import Api
from tests.examples import examples

PLACES: dict[str, Any] = {
    "/keys": _keys.NewKeyRequest,
    "/actors": _people.NewActorRequest,
    "/tenants": _tenants.NewTenantRequest,
    "/teams": _people.NewTeamRequest,
    "/environments": _people.NewEnvironmentRequest,
    "/targets": _targets.NewTargetRequest,
    "/routes": _targets.NewRouteRequest,
    "/prices": _prices.NewPriceRequest,
    "/prices/import": _prices.ImportRequest,
    "/prices/check": _price_check.CorrectionRequest,
    "/budgets": _limits.NewBudgetRequest,
    "/limits": _limits.RateLimitRequest,
    "/issuers": _trust.NewIssuerRequest,
    "/artifacts": _artifacts.NewVersionRequest,
    "/prompts/lint": _prompts.LintRequest,
    "/prompts/budget": _prompts.BudgetRequest,
    "/prompts/render": _prompts.RenderRequest,
    f"/traces/{'0' * 31}1/scores": _traces.NewScoreRequest,
    f"/traces/{'0' * 31}1/verdicts/{'0' * 16}/mark": _guard_figures.MarkRequest,
    "/datasets": _datasets.NewDatasetVersionRequest,
    "/datasets/chunks": _datasets.RowsRequest,
    "/datasets/missing": _datasets.ChunksRequest,
    "/datasets/aliases": _datasets.DatasetAliasRequest,
    "/datasets/from-traces": _datasets.ExamplesRequest,
    "/fingerprints/pieces": _fingerprints.PieceRequest,
    "/fingerprints/missing": _fingerprints.MissingPiecesRequest,
    "/lineage": _lineage.NewEdgeRequest,
    "/applications": _applications.NewApplicationRequest,
    "/releases": _releases.NewReleaseRequest,
    "/suites": _suites.NewSuiteRequest,
    "/suites/check": _suites.SuiteSource,
    "/use-cases/check": _use_cases.UseCaseSource,
    "/suites/expand": _suites.ExpandRequest,
    "/redteam/suites": _redteam.RedTeamRequest,
    "/suites/look": _trends.LookRequest,
    "/runs": _run_wish.RunRequest,
    "/runs/run_0/selection": _selections.DecisionRequest,
    "/runs/run_0/selection/comparison": _selections.SelectionRequest,
    "/deployments": _deployments.DeployRequest,
    "/experiments": _experiments.ExperimentRequest,
    "/experiments/forecast": _experiments.ForecastRequest,
    "/experiments/none/start": _experiments.StartRequest,
    "/experiments/none/stop": _experiments.StopRequest,
    "/experiments/none/decide": _experiments.DecideRequest,
    "/scores": _scores.ScoreRequest,
    "/erasures": _erasures.ErasureRequest,
    "/erasures/preview": _erasures.PersonRequest,
    "/prices/estimate": _estimates.EstimateRequest,
    "/alerts/alr_0/close": _alerts.AlertRequest,
    "/findings": _findings.NewFindingRequest,
    "/findings/bia_0/close": _findings.FindingChange,
    "/tasks/held_0000000000000001/refuse": _tasks.TaskDecisionRequest,
    "/queues": _queue_documents.NewQueueRequest,
    "/queues/answers/items": _queue_documents.ItemsRequest,
    "/queues/answers/dataset": _queue_documents.ExportRequest,
    "/queues/answers/next": _queue_documents.BesideRequest,
    "/queues/answers/items/1/settle": _queue_documents.LabelRequest,
    "/datasets/add": _dataset_additions.AdditionRequest,
    "/guards/check": _guards.CheckGuardRequest,
    "/guards/diff": _guards.DiffGuardsRequest,
    "/guards/test": _guard_trials.TryGuardRequest,
    "/guards/replay": _guard_trials.ReplayRequest,
    "/facts/check": _fact_documents.FactsRequest,
    "/facts/queue": _fact_documents.FactQueueRequest,
}
NOT_HERE = {"/state"}
"""Applying a state that happens to be empty removes what other tests stand on; it has tests of its own."""
UNTYPED = {
    place
    for place in PLACES
    if place.startswith(
        (
            "/applications",
            "/artifacts",
            "/datasets",
            "/facts",
            "/fingerprints",
            "/guards",
            "/lineage",
            "/prices/estimate",
            "/prompts",
            "/redteam",
            "/queues",
            "/releases",
            "/runs",
            "/suites",
            "/use-cases",
        )
    )
}
"""Rows have no type, and digests by the thousand take long to draw; `test_bodies` sends to these."""
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["dev", "default", "admin", "echo", "openai", "api", "25 USD", "1e999 USD", "2999-01-01", "HS256"]),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TEXTS, inner, max_size=2),
        st.fixed_dictionaries({"kind": st.sampled_from(["team", "key", "environment"]), "id": TEXTS}),
    ),
    max_leaves=4,
)
OPEN: dict[str, Any] = {field: st.dictionaries(TEXTS, VALUES, max_size=3) for field in ("manifest", "variables")}
"""Fields that may hold anything."""
QUERY = st.dictionaries(
    st.sampled_from(["since", "until", "q", "model", "cursor", "limit", "status"]), TEXTS, max_size=3
)
ONCE = settings(
    max_examples=examples(120),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    place = draw(st.sampled_from(sorted(PLACES)))
    fields = PLACES[place].__struct_fields__
    return place, {field: draw(VALUES) for field in fields if draw(st.booleans())}


@ONCE
@given(requests())
def test_bodies(admin: Api, request_: tuple[str, dict[str, Any]]) -> None:
    place, body = request_
    answer = admin.send("POST", place, content=json.dumps(body).encode())
    assert answer.status_code < 500, answer.text


def test_every_place_that_takes_a_body_is_tried(client: TestClient[Litestar]) -> None:
    taking = {
        route.path.removeprefix("/api")
        for route in client.app.routes
        for handler in getattr(route, "route_handlers", ())
        if "POST" in handler.http_methods and "data" in handler.parsed_fn_signature.parameters and "{" not in route.path
    }
    assert taking - NOT_HERE <= PLACES.keys()


@st.composite
def well_typed(draw: st.DrawFn) -> tuple[str, bytes]:
    """Every field has its type, and nothing else is sure of it."""
    place = draw(st.sampled_from(sorted(PLACES.keys() - UNTYPED)))
    given_too = {field: OPEN.get(field, ...) for field in PLACES[place].__struct_fields__ if draw(st.booleans())}
    given_too.update((field, OPEN[field]) for field in PLACES[place].__struct_fields__ if field in OPEN)
    made = draw(st.builds(PLACES[place], **given_too))  # hypothesis takes a default's factory for the default
    return place, msgspec.json.encode(made, enc_hook=lambda default: default.factory())


@ONCE
@given(well_typed())
def test_bodies_of_the_right_types(admin: Api, request_: tuple[str, bytes]) -> None:
    place, body = request_
    answer = admin.send("POST", place, content=body)
    assert answer.status_code < 500, answer.text


@ONCE
@given(st.sampled_from(["/keys", "/traces", "/usage", "/usage/anomalies", "/overview", "/artifacts", "/scores"]), QUERY)
def test_parameters(admin: Api, path: str, query: dict[str, str]) -> None:
    answer = admin.send("GET", path, params=query)
    assert answer.status_code < 500, answer.text


@ONCE
@given(
    st.sampled_from(
        ["/keys/", "/actors/", "/teams/", "/targets/", "/routes/", "/artifacts/", "/traces/", "/budgets/", "/lineage/"]
    ),
    st.binary(min_size=1, max_size=12),
)
def test_places(admin: Api, path: str, name: bytes) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in name)
    answer = admin.send("GET", path + quoted)
    assert answer.status_code < 500, answer.text
