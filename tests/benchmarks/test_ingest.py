"""The measures run against a real installation, and the table says what was found."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.ingest.__main__ import count, main, parse
from benchmarks.ingest.measures import BATCH, MEASURES, Measured
from benchmarks.ingest.results import LINES, Results, table
from benchmarks.ingest.spans import ids, request
from benchmarks.ingest.subjects import PEERS


def test_spans_are_two_kilobytes_and_have_the_ids_that_are_looked_for() -> None:
    body = request(3, BATCH)
    assert 1800 < len(body) / BATCH < 2200
    sent = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    assert {span.span_id.hex() for span in sent} == ids(3, BATCH)
    assert not ids(3, BATCH) & ids(4, BATCH)


@pytest.mark.parametrize("wrong", [["--peers", "nobody"], ["--only", "nothing"], ["--spans", "10"], ["--rounds", "0"]])
def test_what_cannot_be_measured_is_said(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err


def test_the_table_has_medians_and_ratios() -> None:
    def round_of(subject: str, stored: float, load: float) -> Measured:
        figures = dict.fromkeys((name for name, _ in LINES["speed"]), 7.5) | {"stored_a_second": stored}
        return Measured(subject=subject, measure="speed", load=load, figures=figures)

    rounds = [round_of("genaiops", one, 1.0) for one in (4000.0, 100.0, 5000.0)] + [round_of("phoenix", 50.0, 2.0)]
    text = table(Results({"processor": "2 x"}, {"genaiops": "up", "phoenix": "serve"}, rounds, {"mlflow": "no wheel"}))
    assert "| spans stored a second | 4,000 | 50 (0.013x) |" in text
    assert "mlflow could not be measured: no wheel" in text
    assert "1.0, 1.0, 1.0, 2.0" in text


@pytest.mark.slow
def test_ours_in_one_round() -> None:
    """Without a bar: how fast it is depends on the machine; that nothing is lost does not."""
    results = count(parse(["--peers", "", "--rounds", "1", "--spans", "2000", "--settle", "60"]))
    found = {one.measure: one.figures for one in results.rounds}
    assert set(found) == set(MEASURES)
    assert found["speed"]["missing"] == 0
    assert found["kill"]["answered"] >= 1000
    assert found["kill"]["lost"] == 0
    assert found["gateway"]["at_full_failed"] == 0
    assert set(PEERS) == {"phoenix", "mlflow"}
