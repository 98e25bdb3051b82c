"""`genaiops up` and `genaiops doctor` as people type them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.app.running import Installation, environment, request


def run(*arguments: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "genaiops", *arguments],
        capture_output=True,
        text=True,
        env=environment(variables),
        check=False,
        timeout=60,
    )


def test_help_names_what_there_is() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "up " in done.stdout
    assert "doctor " in done.stdout


def test_a_wrong_word_is_told_the_nearest() -> None:
    done = run("doktor")
    assert done.returncode == 2
    assert "doctor" in done.stderr


BAD_STARTS: Mapping[str, tuple[tuple[str, ...], Mapping[str, str], str, str]] = {
    "port that is none": (("--port", "70000"), {}, "listen.port is 70000 in --port", "docs/configuration.md"),
    "no such file": (("--config", "/no.toml"), {}, "/no.toml, which --config names", "Check the path"),
    "unknown variable": ((), {"GENAIOPS_GATEWAY_WORKER": "2"}, "GENAIOPS_GATEWAY_WORKER", "GENAIOPS_GATEWAY_WORKERS?"),
    "unknown model": ((), {"GENAIOPS_EMBEDDED_MODELS": "smolm2"}, "smolm2", "smollm2"),
    "home that cannot be": (("--home", "/proc/nothing"), {}, "/proc/nothing cannot be used", "--home"),
}


@pytest.mark.parametrize("case", BAD_STARTS)
def test_a_start_that_cannot_be(tmp_path: Path, case: str) -> None:
    flags, variables, what, remedy = BAD_STARTS[case]
    home = () if "--home" in flags else ("--home", str(tmp_path))
    done = run("up", *home, *flags, variables=variables)
    assert done.returncode in {2, 3}
    lines = done.stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert what in lines[0]
    assert lines[1].startswith("remedy: ")
    assert remedy in lines[1]
    assert len(lines) == 2, "no stack"


def test_an_error_as_json(tmp_path: Path) -> None:
    done = run("up", "--json", "--home", str(tmp_path), "--port", "70000")
    error = json.loads(done.stderr)["error"]
    assert error["code"] == "invalid_configuration"
    assert error["param"] == "listen.port"


def test_debug_shows_the_stack(tmp_path: Path) -> None:
    done = run("--debug", "up", "--home", str(tmp_path), "--port", "70000")
    assert "Traceback" in done.stderr
    assert done.returncode != 0


def test_the_gateway_alone(tmp_path: Path) -> None:
    """Model calls, the REST API and the figures; no console, no embedded models, and it says so."""
    with Installation(tmp_path / "home", "--only", "gateway") as installation:
        installation.start().add_echo()
        assert installation.ask().status == 200
        assert installation.status()["status"] == "ok"
        assert request(f"{installation.url}/metrics").status == 200
        assert request(f"{installation.url}/login").status == 404
        assert {process.name for process in installation.state.processes} == {"worker-0", "control"}
        assert any("--only gateway" in what for what in installation.lines[-1]["off"])
        done = run("doctor", "--json", "--home", str(tmp_path / "home"))
        report = json.loads(done.stdout)
        assert done.returncode == 0, report
        messages = " ".join(finding["message"] for finding in report["findings"])
        assert "worker-0 serves since" in messages
        assert f"{installation.state.port} on 127.0.0.1 is ours" in messages
        assert installation.stop() == 0


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A data directory without anything running, as the doctor finds it."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


def doctor(home: Path, *flags: str, variables: Mapping[str, str] | None = None) -> tuple[int, dict[str, list[str]]]:
    """(exit status, status -> messages with remedies)."""
    done = run("doctor", "--json", "--home", str(home), *flags, variables=variables)
    found: dict[str, list[str]] = {"ok": [], "warn": [], "fail": []}
    for finding in json.loads(done.stdout)["findings"]:
        assert bool(finding["remedy"]) == (finding["status"] != "ok"), finding
        found[finding["status"]].append(f"{finding['check']}: {finding['message']} {finding['remedy']}")
    return done.returncode, found


def test_the_doctor_before_the_first_start(installed: Path) -> None:
    status, found = doctor(installed, variables={"GENAIOPS_PORT": "0"})
    assert status == 0
    assert not found["fail"]
    assert any("genaiops model pull smollm2" in line for line in found["warn"])
    assert not list(installed.iterdir()), "it changes nothing"


def test_what_the_doctor_finds(installed: Path) -> None:
    (installed / "admin.key").write_text("gok_x")
    (installed / "admin.key").chmod(0o644)
    (installed / "secrets.enc").write_bytes(b"x")
    (installed / "records.db").write_bytes(b"this is no database, but it is long enough to be looked at" * 20)
    (installed / "telemetry").mkdir()
    installed.chmod(0o755)
    status, found = doctor(installed, variables={"GENAIOPS_PORT": "0", "GENAIOPS_EMBEDDED_ENABLED": "false"})
    assert status == 1
    failures = "\n".join(found["fail"])
    assert f"chmod 600 {installed / 'admin.key'}" in failures
    assert "secrets.key is gone" in failures
    assert "records: " in failures
    assert "telemetry: " in failures
    assert any(f"chmod 700 {installed}" in line for line in found["warn"])


def test_the_doctor_names_a_bad_configuration(installed: Path) -> None:
    (installed / "genaiops.toml").write_text("[listen]\nprot = 1\n")
    status, found = doctor(installed)
    assert status == 1
    assert "Did you mean listen.port?" in found["fail"][0]


def test_the_doctor_for_people(installed: Path) -> None:
    done = run("doctor", "--home", str(installed), variables={"GENAIOPS_PORT": "0"})
    assert f"ok    python         {sys.version.split()[0]}" in done.stdout
    assert "-> The next start fetches them" in done.stdout
    assert os.linesep in done.stdout
