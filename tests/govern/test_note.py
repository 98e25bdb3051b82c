"""Signed notes and checkpoints, byte for byte as C2SP has them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.govern import SigningKey, Verifier, checkpoint_text, read_checkpoint

# The example of Go's package golang.org/x/mod/sumdb/note: a key, what it signed, and the note.
GO_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_NOTE = (
    GO_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_what_go_signs_is_what_is_signed_here() -> None:
    key = SigningKey.read(GO_KEY)
    assert str(key.verifier) == GO_VERIFIER
    assert key.sign(GO_TEXT) == GO_NOTE
    assert key.text() == GO_KEY


def test_a_checkpoint_comes_back() -> None:
    key = SigningKey.new("genaiops/log")
    text = checkpoint_text("genaiops/log", 12, "ab" * 32)
    assert text == "genaiops/log\n12\nq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n"
    signed = read_checkpoint(key.sign(text), (SigningKey.new("genaiops/log").verifier, key.verifier))
    assert (signed.origin, signed.size, signed.root, signed.by) == ("genaiops/log", 12, "ab" * 32, key.verifier)
    assert Verifier.read(str(key.verifier)) == key.verifier


@given(st.data())
def test_a_note_with_any_byte_altered_is_signed_by_nobody_or_no_checkpoint(data: st.DataObject) -> None:
    key = SigningKey("genaiops/log", bytes(range(32)))
    note = key.sign(checkpoint_text("genaiops/log", 12, "ab" * 32))
    place = data.draw(st.integers(0, len(note) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda char: char != note[place]))
    altered = note[:place] + other + note[place + 1 :]
    try:
        signed = read_checkpoint(altered, (key.verifier,))
    except UsageError:
        return
    same = (signed.origin, signed.size, signed.root) == ("genaiops/log", 12, "ab" * 32)
    assert signed.by is None or same, altered


@given(st.text())
def test_any_text_is_a_checkpoint_or_an_error_that_says_so(text: str) -> None:
    with suppress(UsageError):
        assert read_checkpoint(text).size >= 0


@pytest.mark.parametrize("text", ["", "a+b", "a+b+c", GO_VERIFIER.replace("c74f20a3", "c74f20a4"), GO_VERIFIER[:-4]])
def test_what_is_no_verifier_says_so(text: str) -> None:
    with pytest.raises(UsageError, match="is no key that verifies checkpoints"):
        Verifier.read(text)


def test_a_private_key_that_cannot_be_read_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        SigningKey.read(GO_KEY[:-6])
    assert GO_KEY[-20:-6] not in str(caught.value)
