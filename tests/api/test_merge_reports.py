"""Reports of releases and commits, and bundles that hold without an installation."""

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.app.release_bundles import verify_bundle
from genaiops.app.services import Services
from genaiops.core.errors import UsageError
from genaiops.domain import Verdict
from tests.api.conftest import Api

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def release(admin: Api, services: Services, echo: str) -> dict[str, Any]:
    """The second of an application whose first serves dev, with a suite that has passed for it."""
    admin.call("POST", "/applications", {"name": "shop", "purpose": "Answers."}, status=201)
    first = admin.call("POST", "/releases", {"application": "shop", "model": "parrot"}, status=201)
    body = {"application": "shop", "environment": "dev", "release": first["digest"]}
    admin.call("POST", "/deployments", body)
    body = {"application": "shop", "model": "parrot", "parameters": {"seed": 2}, "commit": {"sha": SHA}}
    made: dict[str, Any] = admin.call("POST", "/releases", body, status=201)
    suite = {"target": [{"name": "a", "release": "shop@latest"}], "case": [{"input": "secret words", "expected": "y"}]}
    begun = admin.call("POST", "/runs", {"name": "answers", "document": suite, "commit": SHA}, status=201)
    run = services.runs.store.get(begun["id"])
    verdict = Verdict(outcome="pass", reason="The condition holds.")
    services.runs.store.update(msgspec.structs.replace(run, state="done", verdict=verdict))
    return made


def test_what_a_release_brings(admin: Api, release: dict[str, Any]) -> None:
    said = admin.get(f"/releases/{release['id']}/report")
    assert [each["outcome"] for each in said["suites"]] == ["pass"]
    [told] = said["releases"]
    assert told["verified"]["unchanged"]
    [beside] = told["beside"]
    assert beside["environment_id"] == "dev"
    assert {"parameters.seed", "commit.sha"} <= {change["field"] for change in beside["changes"]}
    assert "model/parrot" in {node["ref"] for node in told["sources"]}
    assert said["lacking"] == ["Nobody has signed it off: no approval names it."]
    assert admin.get(f"/commits/{SHA[:9]}/report")["releases"] == said["releases"]
    assert admin.refused("GET", "/commits/feedfacefeed/report", status=404)["param"] == "commit"
    assert admin.refused("GET", "/commits/x/report", status=400)["param"] == "commit"


@pytest.mark.parametrize(("form", "begins"), [("markdown", "<!-- genaiops report"), ("html", "<!doctype html>")])
def test_it_is_signed(admin: Api, release: dict[str, Any], form: str, begins: str) -> None:
    written = admin.send("GET", f"/releases/{release['id']}/report", params={"format": form}).text
    assert written.startswith(begins)
    assert "1 of 1 runs of suites passed" in written
    assert "PASS" in written
    assert "genaiops-signature" in written


def test_a_bundle_holds_anywhere(admin: Api, release: dict[str, Any], tmp_path: Path) -> None:
    data = admin.send("GET", f"/releases/{release['id']}/bundle").content
    path = tmp_path / "shop.tar.gz"
    path.write_bytes(data)
    found = verify_bundle(path)
    assert found.faults == ()
    assert found.release == release["id"]
    assert b"secret words" not in gzip.decompress(data)
    assert verify_bundle(path, [found.key]).faults == ()
    other = "genaiops/report+00000000+Ae0Hb5D5fS1d2W3e4R5t6Y7u8I9o0P1a2S3d4F5g6H7j"
    with pytest.raises(UsageError):
        verify_bundle(path, [other])
    for name, old, new in (
        ("release.json", b'"seed": 2', b'"seed": 3'),
        ("suites.json", b'"pass"', b'"fail"'),
        ("SHA256SUMS", b"suites.json", b"suites.jsoN"),
    ):
        path.write_bytes(_altered(data, name, old, new))
        assert verify_bundle(path).faults, name
    path.write_bytes(b"no bundle")
    with pytest.raises(UsageError, match="cannot be read"):
        verify_bundle(path)


def _altered(data: bytes, name: str, old: bytes, new: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as before, tarfile.open(fileobj=made, mode="w:gz") as after:
        for entry in before:
            content = before.extractfile(entry)
            assert content is not None
            body = content.read()
            if entry.name == name:
                assert old in body
                body = body.replace(old, new)
            entry.size = len(body)
            after.addfile(entry, io.BytesIO(body))
    return made.getvalue()
