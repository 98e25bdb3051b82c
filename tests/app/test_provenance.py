"""Which certificate marks images, and what is said when none can."""

import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.app import config, provenance
from genaiops.app.doctor_provenance import check_provenance
from genaiops.app.home import Home
from genaiops.app.image_proof import prove_image
from genaiops.app.provenance import ensure, open_marker, provenance_state
from genaiops.app.settings import ProvenanceOptions, Settings
from genaiops.core.errors import ConfigError, NotFound, UsageError
from genaiops.engines.c2pa_manifest import CHAIN_FILE, KEY_FILE, Origin, is_installed, own_credentials, sign
from tests.conftest import Require
from tests.engines.test_c2pa_manifest import IMAGES


def given(home: Path, **options: Any) -> tuple[Settings, Home]:
    return Settings(home=str(home), provenance=ProvenanceOptions(**options)), Home(home)


@pytest.fixture
def library(require: Require) -> None:
    require(is_installed(), "c2pa-python", "make dev")


@pytest.mark.usefixtures("library")
def test_a_start_makes_a_certificate_once(tmp_path: Path) -> None:
    settings, home = given(tmp_path, organisation="Example Ltd")
    assert open_marker(settings, home) is None
    assert "no certificate yet" in provenance_state(settings, home).problem
    ensure(settings, home)
    made = (home.provenance / CHAIN_FILE).read_text()
    ensure(settings, home)
    assert (home.provenance / CHAIN_FILE).read_text() == made
    assert stat.S_IMODE(home.provenance.stat().st_mode) == 0o700
    state = provenance_state(settings, home)
    assert (state.active, state.own, state.mode, state.problem) == (True, True, "auto", "")
    assert state.certificate is not None
    assert state.certificate.organisation == "Example Ltd"
    assert state.root.startswith("-----BEGIN CERTIFICATE-----")
    marker = open_marker(settings, home)
    assert marker is not None
    assert not marker.required
    (finding,) = check_provenance(settings, home)
    assert (finding.status, "signed by Example Ltd" in finding.message) == ("ok", True)


@pytest.mark.usefixtures("library")
def test_a_given_certificate_is_taken_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    own_credentials(tmp_path / "theirs", "An authority")
    files = {"certificate": f"theirs/{CHAIN_FILE}", "key": f"theirs/{KEY_FILE}"}
    settings, home = given(tmp_path, **files)
    ensure(settings, home)
    assert not home.provenance.exists()
    state = provenance_state(settings, home)
    assert (state.active, state.own, state.root) == (True, False, "")
    settings, home = given(tmp_path, **files, root=f"theirs/{KEY_FILE}")
    assert "is no certificate" in provenance_state(settings, home).problem
    (finding,) = check_provenance(settings, home)
    assert finding.status == "warn"
    ensure(settings, home)  # images go out as they are
    required = msgspec.structs.replace(settings.provenance, images="required")
    settings = msgspec.structs.replace(settings, provenance=required)
    with pytest.raises(ConfigError):
        ensure(settings, home)
    (finding,) = check_provenance(settings, home)
    assert (finding.status, "none goes out" in finding.message) == ("fail", True)


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "is_installed", lambda: False)
    settings, home = given(tmp_path)
    ensure(settings, home)
    assert open_marker(settings, home) is None
    (finding,) = check_provenance(settings, home)
    assert (finding.status, "pip install 'genaiops[c2pa]'" in finding.message) == ("ok", True)
    settings, home = given(tmp_path, images="required")
    with pytest.raises(ConfigError, match="not installed"):
        ensure(settings, home)
    marker = open_marker(settings, home)
    assert marker is not None
    assert marker.required
    settings, home = given(tmp_path, images="off")
    assert open_marker(settings, home) is None
    assert not home.provenance.exists()


@pytest.mark.parametrize("options", ["certificate = 'a.pem'", "key = 'a.pem'", "root = 'a.pem'"])
def test_a_certificate_has_its_key(tmp_path: Path, options: str) -> None:
    (tmp_path / "genaiops.toml").write_text(f"[provenance]\n{options}\n")
    with pytest.raises(ConfigError, match=r"provenance\.(certificate|key) is missing"):
        config.read({"home": str(tmp_path)}, {})


@pytest.mark.usefixtures("library")
def test_an_image_is_proven_by_whoever_is_trusted(tmp_path: Path) -> None:
    settings, home = given(tmp_path / "home")
    ensure(settings, home)
    credentials = own_credentials(home.provenance, "genaiops")
    signed, _ = sign(IMAGES["image/png"], "image/png", Origin("m", "p", "1", request="req_1"), credentials)
    file, root = tmp_path / "a.png", tmp_path / "root.pem"
    file.write_bytes(signed)
    root.write_text(credentials.root)
    proof = prove_image(file, (), str(home.path), None)
    assert (proof.outcome, dict(proof.facts)["request"]) == ("pass", "req_1")
    assert prove_image(file, (root,), str(tmp_path / "none"), None).outcome == "pass"
    unknown = prove_image(file, (), str(tmp_path / "none"), None)
    assert (unknown.outcome, "--root" in unknown.said) == ("warn", True)
    file.write_bytes(signed.replace(b"IDAT", b"IDAZ"))
    assert prove_image(file, (root,), None, None).outcome == "fail"
    with pytest.raises(UsageError, match="cannot be read as a certificate"):
        prove_image(file, (file,), None, None)
    with pytest.raises(NotFound):
        prove_image(tmp_path / "gone.png", (), None, None)
    with pytest.raises(UsageError, match="no image"):
        prove_image(root, (), None, None)
