"""Whatever is sent, the answer is an answer: never a fault of ours."""

import json
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genaiops.api import _keys, _limits, _people, _price_check, _prices, _targets, _traces, _trust
from tests.api.conftest import Api

PLACES: dict[str, Any] = {
    "/keys": _keys.NewKeyRequest,
    "/actors": _people.NewActorRequest,
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
    f"/traces/{'0' * 31}1/scores": _traces.NewScoreRequest,
}
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
QUERY = st.dictionaries(
    st.sampled_from(["since", "until", "q", "model", "cursor", "limit", "status"]), TEXTS, max_size=3
)
ONCE = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
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


@st.composite
def well_typed(draw: st.DrawFn) -> tuple[str, bytes]:
    """Every field has its type, and nothing else is sure of it."""
    place = draw(st.sampled_from(sorted(PLACES)))
    given_too = {field: ... for field in PLACES[place].__struct_fields__ if draw(st.booleans())}
    return place, msgspec.json.encode(draw(st.builds(PLACES[place], **given_too)))


@ONCE
@given(well_typed())
def test_bodies_of_the_right_types(admin: Api, request_: tuple[str, bytes]) -> None:
    place, body = request_
    answer = admin.send("POST", place, content=body)
    assert answer.status_code < 500, answer.text


@ONCE
@given(st.sampled_from(["/keys", "/traces", "/usage", "/overview", "/artifacts"]), QUERY)
def test_parameters(admin: Api, path: str, query: dict[str, str]) -> None:
    answer = admin.send("GET", path, params=query)
    assert answer.status_code < 500, answer.text


@ONCE
@given(
    st.sampled_from(["/keys/", "/actors/", "/teams/", "/targets/", "/routes/", "/artifacts/", "/traces/", "/budgets/"]),
    st.binary(min_size=1, max_size=12),
)
def test_places(admin: Api, path: str, name: bytes) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in name)
    answer = admin.send("GET", path + quoted)
    assert answer.status_code < 500, answer.text
