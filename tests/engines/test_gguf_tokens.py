"""Tokens counted from a GGUF file's own vocabulary, without loading the model."""

from pathlib import Path

import pytest

from genaiops.core.errors import UsageError
from genaiops.engines.gguf_tokens import GgufTokens

TEXTS = {
    "Hello world, what is in 2024?": 12,
    "Grüße aus München: schöne Straßen!": 17,
    "def f(x):\n    return x ** 2\n": 12,
    '{"a": [1, 22, 333]}': 15,
    "日本語のテスト": 13,
    "   three   blanks\n\n\nand lines": 8,
    "can't won't I'll": 6,
}


@pytest.mark.needs_weights("smollm2")
def test_counts_as_the_model_does(models_dir: Path) -> None:
    """The figures are llama.cpp's own for this file (its /tokenize, without special tokens)."""
    [file] = (models_dir / "smollm2").glob("*/model.gguf")
    tokens = GgufTokens(file, "smollm2")
    assert tokens.exact
    assert tokens.name == "the tokenizer of smollm2"
    found = {text: tokens.count(text) for text in TEXTS}
    assert found == TEXTS


def test_a_file_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    for content in (b"", b"GGUF", b"GGUF" + b"\xff" * 40, b"not one"):
        file.write_bytes(content)
        with pytest.raises(UsageError, match="no tokenizer that is known here"):
            GgufTokens(file, "x")
