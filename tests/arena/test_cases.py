"""Cases from rows: what was made of traces is asked as the conversation that it was."""

import pytest

from genaiops.arena import asked, cases_of
from genaiops.core.errors import UsageError
from genaiops.domain import CaseSource, Suite, SuiteTarget


def test_rows_of_traces_are_conversations() -> None:
    said = [{"role": "user", "content": "Where is it?"}]
    row = {"trace_id": "0af7", "input": said, "output": "Here.", "expected": "There.", "grade": "bad"}
    [case] = cases_of(Suite(cases=(CaseSource(dataset="d"),)), folder=None, rows=lambda _: [row])
    assert (case.input, case.messages, case.output, case.expected) == ("", tuple(said), "Here.", "There.")
    assert case.metadata == {"trace_id": "0af7", "grade": "bad"}


def test_a_prompt_that_is_asked_again_is_not_said_twice() -> None:
    """A version of another wording gets what the client said, a bare model what the model got then."""
    brought, own = {"role": "system", "content": "For Ann."}, {"role": "user", "content": "Where is it?"}
    row = {"trace_id": "0af7", "input": [brought, own], "prompt_messages": 1, "variables": {"who": "Ann"}}
    alone = {**row, "trace_id": "0af8", "input": [brought]}
    case, only = cases_of(Suite(cases=(CaseSource(dataset="d"),)), folder=None, rows=lambda _: [row, alone])
    for target in (SuiteTarget(name="a", application="app/x@dev"), SuiteTarget(name="b", prompt="x@dev")):
        body = asked(target, case)
        assert body["messages"] == [own]
        assert body["genaiops"]["variables"] == {"who": "Ann"}
        assert "messages" not in asked(target, only)
    assert asked(SuiteTarget(name="c", model="m"), case)["messages"] == [brought, own]


def test_exported_traces_know_the_prompt() -> None:
    turn = {"role": "user", "direction": "input", "text": "Hi"}
    facts = {"genaiops.prompt.messages": 1, "genaiops.prompt.variables": {"who": "Ann"}}
    row = {"trace_id": "0af7", "spans": [], "messages": [turn], "attributes": facts}
    [case] = cases_of(Suite(cases=(CaseSource(dataset="d"),)), folder=None, rows=lambda _: [row])
    assert (case.prompt_messages, case.variables) == (1, {"who": "Ann"})


def test_a_column_that_no_row_has_is_told() -> None:
    source = CaseSource(dataset="d", fields={"input": "q", "expected": "zzz"})
    rows = [{"q": "2+2?", "a": "4"}, {"q": "3+3?", "note": "x"}]
    with pytest.raises(UsageError, match="no row has a column 'zzz', which fields take for expected") as told:
        cases_of(Suite(cases=(source,)), folder=None, rows=lambda _: rows)
    assert told.value.remedy == "There are: q, a, note."


def test_columns_become_variables() -> None:
    source = CaseSource(dataset="d", fields={"variables:who": "name", "variables:what": "none"})
    [case] = cases_of(Suite(cases=(source,)), folder=None, rows=lambda _: [{"name": "Ann", "expected": "Hi"}])
    assert (case.variables, case.expected, case.metadata) == ({"who": "Ann"}, "Hi", {})
