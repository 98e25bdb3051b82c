"""What counts the tokens of texts for a model: its own tokenizer where it is on this machine, else an estimate."""

import functools
from pathlib import Path

from genaiops.arena import Counting
from genaiops.checks.tokens import Estimator
from genaiops.core.errors import GenaiopsError
from genaiops.engines.weights import locate


class Estimated:
    """Tokens by pieces of text, for models whose tokenizer is not here."""

    exact = False
    name = f"an estimate ({Estimator.name})"

    def count(self, text: str) -> int:
        return Estimator().estimate(text)


def counting_for(model: str, home: Path) -> Counting:
    """`model`: a name that clients call. Routes and models of providers are estimated: theirs is not here."""
    try:
        installed = locate(model, home) if model else None
        if installed is not None and installed.manifest.kind == "chat":
            return _own(installed.directory / installed.manifest.tokenizer, model)
    except GenaiopsError:
        pass  # not one of ours, or of a vocabulary that is not read
    return Estimated()


@functools.lru_cache(maxsize=2)
def _own(file: Path, model: str) -> Counting:
    from genaiops.engines.gguf_tokens import GgufTokens

    return GgufTokens(file, model)
