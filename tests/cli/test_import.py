"""`genaiops import litellm`: what is printed, written, applied, and said."""

from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Shell

CONFIG = """
model_list:
  - model_name: imported
    litellm_params:
      model: openai/some-model
      api_base: http://127.0.0.1:9/v1
      api_key: sk-very-secret
      temperature: 0.2
router_settings:
  num_retries: 0
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return "config.yaml"


def test_without_an_installation_it_prints(shell: Shell, config: str) -> None:
    ran = shell.ok("import", "litellm", config)
    assert yaml.safe_load(ran.out)["routes"] == {"imported": {"targets": {"imported": 1}, "retry": {"attempts": 1}}}
    assert "config.yaml:7: model_list[0].litellm_params.api_key: the secret itself stands in the file" in ran.err
    assert "config.yaml:8: model_list[0].litellm_params.temperature: it has no counterpart here." in ran.err
    assert "very-secret" not in ran.out + ran.err
    found = shell.ok("import", "litellm", config, "--json").json()
    assert [finding["effect"] for finding in found["findings"]] == ["do", "lost"]


def test_what_it_writes_can_be_applied(connected: Shell, config: str) -> None:
    connected.ok("import", "litellm", config, "-o", "genaiops.yaml")
    assert "+ route imported" in connected.ok("apply", "-f", "genaiops.yaml", "--dry-run").out
    ran = connected.ok("import", "litellm", config, "--apply")
    assert "There is no secret IMPORTED_API_KEY yet: genaiops secret set IMPORTED_API_KEY" in ran.err
    assert connected.ok("apply", "-f", "genaiops.yaml").out.startswith("Nothing to do")
    assert connected.ok("model", "show", "imported", "--json").json()["credentials"] == ["IMPORTED_API_KEY"]


def test_another_file(shell: Shell, config: str) -> None:
    Path("other.yaml").write_text("models: []\n")
    ran = shell.run("import", "litellm", "other.yaml")
    assert (ran.status, "no config.yaml of LiteLLM" in ran.err) == (2, True)
