"""Pages of the documentation as written, in a shell, against an installation that runs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.running import Installation, until
from tests.cli.conftest import Shell
from tests.house.tree import ROOT

FENCE = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)

FILE = re.compile(r"^```toml title=\"([a-z]+\.toml)\"\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["datasets", "lineage", "persons", "import", "facts"])
def test_the_page_runs(page: str, connected: Shell, installation: Installation, tmp_path: Path) -> None:
    if page == "datasets":
        assert installation.ask("talker", "for the page").status == 200
        until(lambda: connected.ok("trace", "list", "--text", "page", "--json").json()["data"], "the trace")
    if page == "persons":
        assert installation.ask("talker", "who am I", user="customer-42").status == 200
        until(lambda: connected.ok("trace", "list", "--user", "customer-42", "--json").json()["data"], "the trace")
    if page == "import":
        files = ROOT / "tests" / "watch" / "exports" / "files"
        shutil.copytree(files / "langfuse", tmp_path / "langfuse-export")
        shutil.copy(files / "mlflow-traces.jsonl", tmp_path / "traces.jsonl")
    command = shutil.which("genaiops", path=str(Path(sys.executable).parent))
    assert command is not None
    written = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    for name, text in FILE.findall(written):
        (tmp_path / name).write_text(text, encoding="utf-8")
    blocks = FENCE.findall(written)
    assert blocks
    variables = {
        **os.environ,
        "GENAIOPS_HOME": str(installation.home.path),
        "PATH": f"{Path(command).parent}:{os.environ['PATH']}",
    }
    for language, text in blocks:
        if "import mlflow\n" in text:
            continue  # MLflow is no dependency; the file that it writes is there
        lines = [["sh", "-c", line] for line in text.splitlines()]
        for words in lines if language == "sh" else [[sys.executable, "-c", text]]:
            ran = subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
            expected = 1 if "dataset diff" in words[-1] or "suite run bridges" in words[-1] else 0
            assert ran.returncode == expected, f"{words[-1]}\n{ran.stdout}\n{ran.stderr}"
