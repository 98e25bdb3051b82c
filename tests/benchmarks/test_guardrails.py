"""The benchmark counts what is right and wrong as it says, and its texts without data are without data."""

import json
import random
from pathlib import Path

import pytest

from benchmarks.guardrails.__main__ import main
from benchmarks.guardrails.nobody import isbn, nobodys
from benchmarks.guardrails.pii import count, shared
from benchmarks.guardrails.pii_numbers import SHAPES, WANTED, Tally
from benchmarks.guardrails.report import rate
from genaiops.checks.pii import PATTERNS
from genaiops.checks.scanning import Scanner


def test_right_missed_and_wrong() -> None:
    gold = [[(0, 10, "email"), (20, 30, "card")], []]
    found = [[(0, 10, "email"), (20, 25, "card"), (40, 50, "street_address")], [(1, 2, "phone")]]
    counted = count(gold, found)
    assert counted.found == {"email": 1}
    assert counted.missed == {"card": 1}
    assert counted.wrong == {"card": 1, "phone": 1}
    assert shared((0, 10, ""), (1, 10, "")) == pytest.approx(0.9)


def test_wilson() -> None:
    """As Newcombe (1998) has it for 81 of 263."""
    assert rate(81, 263).low == pytest.approx(0.2553, abs=1e-4)
    assert rate(81, 263).high == pytest.approx(0.3662, abs=1e-4)
    assert rate(0, 0).share is None
    assert str(rate(0, 0)) == "-"


def test_a_tally_of_numbers() -> None:
    scanner, tally = Scanner(PATTERNS), Tally()
    wanted = next(one for one in WANTED if one.kind == "br_cpf")
    assert not tally.add(scanner, wanted, "529.982.247-25", SHAPES[0])
    assert tally.add(scanner, wanted, "529.982.247-26", SHAPES[0]).startswith("missed br_cpf")
    assert tally.found[wanted, False] == 1
    assert tally.asked[wanted, False] == 2
    assert tally.right == {"br_cpf": 1}


def test_every_kind_of_the_benchmark_is_one_of_the_table() -> None:
    assert {one.kind for one in WANTED} <= {each.kind for each in PATTERNS}


def test_texts_without_data() -> None:
    made = list(nobodys(random.Random(1)))
    assert made == list(nobodys(random.Random(1)))
    assert len({name for name, _ in made}) == 9
    number = isbn(random.Random(2))
    assert sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(number)) % 10 == 0


def test_costs_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["latency", "--rounds", "1", "--pieces", "1", "--json", str(tmp_path / "a" / "figures.json")])
    assert "ms of CPU a KB" in capsys.readouterr().out
    costs, held = json.loads((tmp_path / "a" / "figures.json").read_text())["tables"]
    assert costs["rows"][0][:2] == ["pii", len(PATTERNS)]
    assert all(row[2] >= 0 for row in held["rows"])
