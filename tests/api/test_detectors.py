"""Detectors over HTTP."""

from typing import get_args

from genaiops.checks.pii import PATTERNS
from genaiops.domain import DetectorName
from tests.api.conftest import Api


def test_every_detector_tells_what_it_finds_and_how_good_it_is(admin: Api) -> None:
    found = {one["name"]: one for one in admin.get("/detectors")["data"]}
    assert list(found) == list(get_args(DetectorName))
    pii = found["pii"]
    assert {kind["kind"] for kind in pii["kinds"]} == {pattern.kind for pattern in PATTERNS}
    assert pii["version"].startswith("sha256:")
    recall = next(one for one in pii["figures"] if one["measure"] == "recall")
    assert recall["low"] < recall["value"] == 1
    assert recall["n"] == 1142
    assert found["tools"]["figures"] == [], "what nobody measured has no figures"
    assert [option["name"] for option in found["size"]["options"] if option["required"]] == ["characters"]
    assert found["language"]["tier"] == "model"
    assert admin.get("/detectors/secret") == found["secret"]


def test_a_detector_that_is_not_there(admin: Api) -> None:
    assert "pii" in admin.refused("GET", "/detectors/pi", status=404)["remedy"]
