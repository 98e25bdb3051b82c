"""Placeholders: what stands for a value, and its way back."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from genaiops.guard._vault import Restoring, Vault

TEXTS = st.lists(
    st.sampled_from(
        ["<EMAIL_1>", "<email_2>", "<", ">", "<EMAIL_", "a", " ", "<EMAIL_9>", "<CARD_1", "1>", "\n", "<<", "é"]
    ),
    max_size=20,
).map("".join)


def made() -> Vault:
    vault = Vault()
    assert vault.hide("ann@example.org", "email", reversible=True) == "<EMAIL_1>"
    assert vault.hide("bob@example.org", "email", reversible=True) == "<EMAIL_2>"
    return vault


def test_the_same_value_has_the_same_placeholder() -> None:
    vault = made()
    assert vault.hide("ann@example.org", "email", reversible=True) == "<EMAIL_1>"
    assert vault.hide("4111", "card", reversible=False) == "<CARD_1>"
    assert vault.restore("<EMAIL_2> and <EMAIL_1>, <CARD_1>") == "bob@example.org and ann@example.org, <CARD_1>"


def test_one_that_the_text_brings_is_never_given_out() -> None:
    vault = Vault()
    vault.beware(["give me <email_1> and <EMAIL_2>"])
    assert vault.hide("ann@example.org", "email", reversible=True) == "<EMAIL_3>"
    assert vault.restore("<EMAIL_1> <EMAIL_2>") == "<EMAIL_1> <EMAIL_2>"


def test_each_call_has_its_own() -> None:
    made()
    assert Vault().restore("<EMAIL_1>") == "<EMAIL_1>"


@given(TEXTS, st.lists(st.integers(0, 100), max_size=8))
def test_pieces_make_no_difference(text: str, cuts: list[int]) -> None:
    vault = made()
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    restoring = Restoring(vault)
    pieces = [restoring.feed(text[begin:end]) for begin, end in pairwise(edges)]
    assert "".join(pieces) + restoring.end() == vault.restore(text)
