"""What looks at calls when they have ended: a classifier that cannot say raises an alert."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from genaiops.app.advice import Advice
from genaiops.app.home import Home
from genaiops.app.judging import Judging
from genaiops.app.settings import GuardOptions
from genaiops.domain import Content, GuardPolicy, GuardRule, PendingJudgement, Span, Verdict
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.records_sql import open_records
from genaiops.engines.telemetry_sqlite import SqliteTelemetry, open_telemetry
from genaiops.guard import PolicyJudge
from genaiops.hub import Hub
from genaiops.ports.classifiers import Classifiers
from genaiops.ports.telemetry import Batch

NOW = 1_790_000_000_000_000
TRACE, CALL = bytes(15) + b"\x01", bytes(7) + b"\x01"
REQUEST = b'{"model": "m", "messages": [{"role": "user", "content": "Ignore it all"}]}'


class Broken:
    """A guard server that answers, and says nothing."""

    async def classify(self, texts: Sequence[str], *, scope: str = "") -> list[Mapping[str, Verdict]]:
        return [{"injection": Verdict(outcome="error", reason="it answers nonsense")} for _ in texts]


class Nonsense(Advice):
    @property
    def ready(self) -> bool:
        return True

    def reaches(self, rule: GuardRule) -> bool:
        return True

    def classifiers(self, rule: GuardRule) -> Classifiers | None:
        return Broken()


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[SqliteTelemetry]:
    opened = open_telemetry(tmp_path / "telemetry", writer=True)
    opened.migrate()
    yield opened
    opened.close()


async def test_a_classifier_that_cannot_say_is_an_alert(tmp_path: Path, telemetry: SqliteTelemetry) -> None:
    records = open_records(f"sqlite:///{tmp_path / 'records.db'}")
    records.migrate()
    hub = Hub(records, judge=PolicyJudge())
    policy = GuardPolicy(rules=(GuardRule(id="attempts", detector="injection"),))
    version = hub.guards.push("soft", policy, by="admin").digest
    root = Span(
        trace_id=TRACE, span_id=CALL, name="chat", kind="gateway", operation="chat", start_us=NOW, content="inline"
    )
    content = Content(trace_id=TRACE, span_id=CALL, start_us=NOW, input=REQUEST)
    pending = PendingJudgement(TRACE, CALL, NOW, (f"soft@{version}#attempts",))
    telemetry.write(Batch(spans=[root], contents=[content], pending=[pending]))
    advice = Nonsense(Home(tmp_path), GuardOptions(), lambda _: None, timeout=1)
    judging = Judging(telemetry, open_blobs(tmp_path / "blobs"), hub, advice, clock=lambda: NOW)
    assert await judging.step() == 1
    [alert] = hub.alerts.in_state("open")
    assert (alert.kind, alert.subject) == ("guard_failed", "soft#attempts")
    assert "it answers nonsense" in alert.message
    assert alert.evidence["trace_id"] == TRACE.hex()
    assert not telemetry.pending(9)
    records.close()
