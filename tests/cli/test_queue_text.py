"""Items of queues as a terminal shows them, and how a label of each kind of question is written."""

from genaiops.cli._queue_text import item_lines, label_form

PICTURE = "data:image/png;base64,aGVsbG8hIQ=="


def test_a_picture_does_not_fill_the_terminal() -> None:
    item = {"place": 1, "state": "open", "content": True, "asked": [("", "A red square")], "context": [], "claims": []}
    item |= {"answers": [PICTURE, "text"], "expected": [], "labels": [], "own": None, "settled": None}
    lines = item_lines(item, [])
    assert "left: [image/png, 7 bytes; the console shows it]" in lines
    assert "right: text" in lines


def test_a_label_is_written_as_its_question_asks() -> None:
    assert label_form([{"name": "better", "kind": "preference"}]) == "better=left|right|tie|both_bad"
    choice = {"name": "grade", "kind": "choice", "options": [{"name": "bad"}, {"name": "good"}]}
    scale = {"name": "stars", "kind": "scale", "least": 1, "most": 5}
    assert label_form([choice, scale]) == "grade=bad|good stars=1..5"
    assert label_form([{"name": "facts", "kind": "claims"}]) == "facts.1=supported|refuted|not_enough_evidence"
    assert label_form([{"name": "fix", "kind": "correction", "optional": True}]) == "QUESTION=ANSWER"
