"""The embedded models under the supervisor: a registry out of reach, and real models that are killed and come back."""

import os
import signal
from pathlib import Path

import pytest

from tests.app.running import Installation, request, until

NO_REGISTRY = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "0",
    "PIP_NO_INPUT": "1",
}


@pytest.mark.slow
def test_a_registry_out_of_reach_leaves_the_rest_running(tmp_path: Path) -> None:
    with Installation(tmp_path, variables=NO_REGISTRY) as installation:
        installation.start().add_echo()
        said = "\n".join(line["message"] for line in installation.lines)
        assert "smollm2 is not started" in said
        assert "genaiops model pull smollm2" in said
        assert any(what.startswith("smollm2: ") for what in installation.lines[-1]["off"])
        assert installation.ask().status == 200
        assert request(f"{installation.url}/readyz").status == 200
        assert installation.stop() == 0


@pytest.mark.slow
@pytest.mark.needs_weights("smollm2", "minilm")
def test_real_models_that_are_killed_come_back(tmp_path: Path, models_dir: Path) -> None:
    (tmp_path / "models").symlink_to(models_dir)
    with Installation(tmp_path) as installation:
        installation.start()
        url, key = installation.url, installation.key
        answer = installation.ask("smollm2", "Say hello.", max_tokens=8)
        assert answer.status == 200
        assert answer.body["usage"]["completion_tokens"] > 0
        embedded = request(f"{url}/v1/embeddings", key=key, body={"model": "minilm", "input": "hello"})
        assert len(embedded.body["data"][0]["embedding"]) == 384
        before = addresses(installation)
        for name in ("smollm2", "minilm"):
            pid = installation.named(name).pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            installation.wait_ready(name, restarts=1)
        until(lambda: installation.ask("smollm2", "Say hello.", max_tokens=4).status == 200, "an answer")
        assert request(f"{url}/readyz").status == 200
        assert installation.stop() == 0
        assert installation.start().ask("smollm2", "Say hello.", max_tokens=4).status == 200
        assert addresses(installation) == before
        installation.stop()


def addresses(installation: Installation) -> dict[str, str | None]:
    with installation.hub() as hub:
        return {target.id: target.base_url for target in hub.targets.list()}
