"""A missing need is a skip that says what to do, and a failure in strict mode."""

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
NEEDS_A_SERVER = """
import pytest

@pytest.mark.needs_redis
def test_by_marker(): ...

def test_by_fixture(redis_url): ...

@pytest.mark.needs_weights("no-such-model")
def test_weights(): ...

def test_in_words(require):
    require(1 + 1 == 3, "another arithmetic", "wait for it")

def test_without_needs(require):
    require(True, "nothing", "nothing")
"""
INI = """
[pytest]
asyncio_default_fixture_loop_scope = function
markers =
    needs_redis
    needs_weights
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("GENAIOPS_TEST_REDIS", raising=False)
    monkeypatch.setenv("GENAIOPS_TEST_MODELS", str(pytester.path / "models"))
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makeini(INI)
    pytester.makepyfile(NEEDS_A_SERVER)
    return pytester


def test_a_missing_need_skips_with_its_remedy(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENAIOPS_TEST_STRICT", raising=False)
    result = project.runpytest_inprocess("-rs")
    result.assert_outcomes(passed=1, skipped=4)
    result.stdout.fnmatch_lines_random(
        [
            "*needs a Redis server: set GENAIOPS_TEST_REDIS*",
            "*needs the weights of no-such-model: make weights*",
            "*needs another arithmetic: wait for it*",
        ]
    )


def test_strict_mode_fails_instead(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAIOPS_TEST_STRICT", "1")
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    outcomes = result.parseoutcomes()
    assert outcomes.get("passed") == 1
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 4
    assert "skipped" not in outcomes


def test_pulled_weights_are_found(project: pytest.Pytester) -> None:
    version = project.path / "models" / "no-such-model" / "digest"
    version.mkdir(parents=True)
    (version / "manifest.json").write_text("{}")
    project.runpytest_inprocess("-k", "test_weights").assert_outcomes(passed=1, deselected=4)
