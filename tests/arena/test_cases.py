"""Cases from rows: what was made of traces is asked as the conversation that it was."""

from genaiops.arena import cases_of
from genaiops.domain import CaseSource, Suite


def test_rows_of_traces_are_conversations() -> None:
    said = [{"role": "user", "content": "Where is it?"}]
    row = {"trace_id": "0af7", "input": said, "output": "Here.", "expected": "There.", "grade": "bad"}
    [case] = cases_of(Suite(cases=(CaseSource(dataset="d"),)), folder=None, rows=lambda _: [row])
    assert (case.input, case.messages, case.output, case.expected) == ("", tuple(said), "Here.", "There.")
    assert case.metadata == {"trace_id": "0af7", "grade": "bad"}
