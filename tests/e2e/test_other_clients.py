"""LiteLLM's SDK and LangChain's clients against a running installation with the embedded models. They are heavy and
want other versions than ours, so they live in an environment of their own, which the first run installs."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.gateway.peers import python_environment
from genaiops.domain import Target
from tests.app.running import Installation, environment, request, until

CLIENTS = (
    "litellm==1.106.2",
    "mcp==2.3.0",  # LiteLLM imports it where tools are
    "langchain-openai==1.7.3",
    "langchain-anthropic==1.7.7",
    "langchain-cohere==0.6.0",
    "pytest==9.2.0",
)
SECONDS = 300.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("clients")
    shutil.copytree(models_dir.resolve(), home / "models", copy_function=os.symlink)
    ranker = Target(
        id="ranker", provider="echo", model="ranker", upstream_model="ranker", operations=("rerank",), created_us=0
    )
    with Installation(home) as installation:
        installation.start().add_echo()
        installation.add_echo("caller", tool="look_up", text='{"city": "Oslo"}')
        installation.add_echo("shaped", tool="City", text='{"city": "Oslo"}')
        installation.add_echo("json", text='{"city": "Oslo"}')
        installation.add_echo("busy", status="429")
        installation.add_echo("away", status="503")
        with installation.hub() as hub:
            hub.targets.create(ranker, by="admin")
        url, key = installation.url, installation.key
        until(lambda: request(f"{url}/v1/models/ranker", key=key).status == 200, "the target ranker")
        until(lambda: request(f"{url}/readyz").status == 200, "the embedded models")
        yield installation


@pytest.mark.slow
@pytest.mark.needs_weights("smollm2")
@pytest.mark.needs_weights("minilm")
@pytest.mark.parametrize("script", ["litellm_sdk.py", "langchain_clients.py"])
def test_other_clients(running: Installation, script: str, tmp_path: Path) -> None:
    python = python_environment("clients", *CLIENTS)
    variables = {
        "GENAIOPS_URL": running.url,
        "GENAIOPS_API_KEY": running.key,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches its prices
        "LANGSMITH_TRACING": "false",
    }
    alone = [
        "-c",
        os.devnull,
        "--rootdir",
        str(tmp_path),
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-q",
        "--tb=short",
        "-W",
        "ignore",
    ]
    done = subprocess.run(
        [str(python), "-m", "pytest", *alone, str(Path(__file__).parent / "others" / script)],
        capture_output=True,
        text=True,
        env=environment(variables),
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
