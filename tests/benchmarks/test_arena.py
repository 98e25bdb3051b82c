"""The benchmark of suites: what is measured is a run that judged every case, and the table says what was found."""

from pathlib import Path

import pytest

from benchmarks.arena.__main__ import Figures, echo, main, missed, parse, table
from benchmarks.arena.reading import read
from benchmarks.arena.subjects import PEERS, Ours
from benchmarks.gateway.machine import BenchmarkError


def figures(cpu_ms: float) -> Figures:
    return Figures(cpu_ms=cpu_ms, cases_per_s=10, cases_per_cpu_s=1000 / cpu_ms, whole_s=2, whole_cpu_s=1)


@pytest.mark.parametrize("wrong", [["nothing"], ["--peers", "nobody"], ["--cases", "100"], ["--rounds", "0"]])
def test_what_cannot_be_measured_is_said(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err


def test_the_table_has_medians_and_ratios_and_bars_that_do_not_hold_are_named() -> None:
    found = {"genaiops": [figures(1), figures(0.2), figures(0.5)], "slow": [figures(5)], "near": [figures(1)]}
    assert "| CPU a case, ms | 0.5 | 5 (10.0x) | 1 (2.0x) |" in table(found)
    assert missed(found) == ["near takes 2.0 times as much a case; the bar is 5"]
    assert "2.00 ms" in missed({"genaiops": [figures(2)]})[0]
    assert parse([]).measures == ("runner", "reading")
    assert set(parse([]).peers) == set(PEERS)


def test_ours_judges_every_case_that_the_echo_answers(tmp_path: Path) -> None:
    with echo() as port:
        assert Ours(tmp_path / "run", port, 20).run().wall_s > 0
    with pytest.raises(BenchmarkError, match="of 20 passed"):
        Ours(tmp_path / "nobody", port, 20).run()


@pytest.mark.slow
def test_reading_names_its_steps() -> None:
    steps = read(rounds=1)
    assert "comparison: tables, gate and first page, of a run that goes on" in steps
    assert all(ms >= 0 for ms in steps.values())
