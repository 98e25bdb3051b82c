"""What guards said, on the command line: from the records of a worker's life to tables, files and marks."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest
from msgspec.structs import replace

from genaiops.core.clock import now_us
from genaiops.core.ids import new_span_id, new_trace_id
from genaiops.domain import GuardEvent
from genaiops.engines import spool_files
from tests.app.running import Installation, until
from tests.cli.conftest import Shell
from tests.watch.calls import ANSWER, REQUEST, admitted, settled

POLICY = "spooled"
MAIL = GuardEvent(
    policy=f"{POLICY}@sha256:ab",
    rule="mail",
    detector="pii",
    direction="in",
    action="redact",
    kinds={"email": 2},
    duration_us=150,
)


@pytest.fixture(scope="module")
def trace_id(installation: Installation) -> str:
    """A call that a worker of another life recorded: redacted, and two rules more."""
    trace = new_trace_id()
    call = replace(
        admitted(1), trace_id=trace, span_id=new_span_id(), start_us=now_us(), reserved=(), environment_id="dev"
    )
    said = (
        MAIL,
        replace(MAIL, rule="size", detector="size", action="allow", kinds={}, error="late"),
        replace(MAIL, rule="words", direction="out", action="block", shadow=True, kinds={"rude": 1}),
    )
    writer = spool_files.open_writer(installation.home.spool, column=9, life_us=now_us())
    writer.append(call, REQUEST)
    writer.append(replace(settled(1, ()), trace_id=trace, end_us=now_us(), charged=(), guard=said), ANSWER)
    writer.close()
    return trace.hex()


@pytest.fixture
def connected(shell: Shell, installation: Installation, trace_id: str, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("GENAIOPS_HOME", str(installation.home.path))
    until(lambda: shell.run("trace", "show", trace_id).status == 0, "the spool to be folded")
    return shell


def test_tables(connected: Shell, trace_id: str) -> None:
    shown = connected.ok("policy", "verdicts", "--policy", POLICY)
    assert shown.column("RULE") == ["spooled/words", "spooled/size", "spooled/mail"]
    assert shown.column("ACTION") == ["would block", "allow", "redact"]
    assert shown.column("FOUND") == ["rude", "late", "email x2"]
    assert set(shown.column("TRACE")) == {trace_id}
    found = connected.ok("policy", "verdicts", "--policy", POLICY, "--in-force", "--direction", "in", "--json").json()
    assert [each["rule"] for each in found["data"]] == ["size", "mail"]
    assert connected.ok("policy", "verdicts", "--policy", "nothing").err.startswith("No guard said anything")
    figures = connected.ok("policy", "figures", "--policy", POLICY)
    assert figures.column("REDACTED") == ["1", "0", "0"]
    assert figures.column("SHADOW") == ["-", "-", "block 1"]
    assert figures.column("LOOKED AT") == ["unknown"] * 3


def test_marks(connected: Shell, trace_id: str) -> None:
    verdict = connected.ok("policy", "verdicts", "--rule", "mail", "--policy", POLICY, "--json").json()["data"][0]
    said = connected.ok("policy", "mark", trace_id, verdict["id"], "false_alarm", "--note", "an example").out
    assert said == "mail: false alarm. It is a test case of guard-cases now.\n"
    rows = connected.ok("policy", "figures", "--policy", POLICY, "--rule", "mail").column("FALSE ALARMS")
    assert rows == ["100% (21% to 100%, n=1)"]
    assert connected.ok("policy", "mark", trace_id, verdict["id"], "nothing").out.startswith("mail: not marked.")
    assert connected.run("policy", "mark", trace_id, "0" * 16, "right").status == 2


def test_files(connected: Shell, trace_id: str, tmp_path: Path) -> None:
    lines, table = tmp_path / "verdicts.jsonl", tmp_path / "verdicts.parquet"
    connected.ok("policy", "verdicts", "--policy", POLICY, "--output", str(lines))
    connected.ok("policy", "verdicts", "--policy", POLICY, "--output", str(table), "--format", "parquet")
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [each["rule"] for each in rows] == ["words", "size", "mail"]
    read = pyarrow.parquet.read_table(table).to_pylist()
    assert [(each["trace_id"], each["action"], each["shadow"]) for each in read] == [
        (trace_id, "block", True),
        (trace_id, "allow", False),
        (trace_id, "redact", False),
    ]
    assert json.loads(read[2]["kinds"]) == {"email": 2}
