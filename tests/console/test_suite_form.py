"""What the fields of a new suite say, as its text."""

from genaiops.console._suite_form import begun, made
from genaiops.domain import Suite


def _kept(name: str, rows: object) -> str:
    raise AssertionError((name, rows))


def test_recorded_calls_bring_nothing_that_is_expected_unless_somebody_says_so() -> None:
    form = {**begun("answering", "talker"), "candidate": "model:talker", "source": "traces", "application": "support"}
    refused = made(form, _kept)
    assert refused.suite is None
    assert "which these need: icontains_any, token_f1. Tick others" in refused.faults["checks"]
    held = made({**form, "answered": "yes"}, _kept).suite
    assert isinstance(held, Suite)
    assert held.cases[0].fields == {"expected": "output"}
    others = {name: value for name, value in form.items() if not name.startswith("check:")} | {"check:refusal": "yes"}
    free = made(others, _kept).suite
    assert isinstance(free, Suite)
    assert [check.metric for check in free.check] == ["refusal"]
