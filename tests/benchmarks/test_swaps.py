"""The simulation of golden sets: lines are reproducible, and a swap is told from no change."""

from benchmarks.arena.swaps import LEVEL, line, share


def test_a_line_alone_gives_the_same_figures() -> None:
    unchanged = line((10, 1, 2), (0.0, 0.0), 5)
    assert unchanged == line((10, 1, 2), (0.0, 0.0), 5)
    assert min(unchanged) > LEVEL
    assert max(line((10, 1, 1), (1.0, 0.0), 2)) <= LEVEL


def test_a_share_has_its_interval() -> None:
    assert share([0.5] * 9 + [0.01], 0.05) == "10.00 % (0.25 to 44.50)"
