"""Evals of OpenAI's `evals`: an eval of its registry (YAML, samples as JSON lines) becomes a suite."""

from genaiops.arena.openai_evals._registry import eval_names, is_openai_eval
from genaiops.arena.openai_evals._suite import Wish, read_openai_eval

__all__ = ["Wish", "eval_names", "is_openai_eval", "read_openai_eval"]
