"""Common faults of prompts, told before a model is asked: by rules, from the text alone.

lint_prompt    a manifest -> what is wrong with it
RULES          every rule by its id, with its severity and the reason for it
faulty         whether findings are a refusal

A rule knows words, not meaning: a prompt without findings may be bad, and a finding may be wrong. What decides is a
suite.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from genaiops.checks.prompts import _answers, _variables, _words
from genaiops.checks.prompts._finding import RULES, LintRule, LintSeverity, PromptFinding, found
from genaiops.checks.prompts._read import Prompt, read_prompt
from genaiops.domain import PromptManifest

_CHECKS: Final[Sequence[Callable[[Prompt], Iterator[PromptFinding]]]] = (
    _variables.templates,
    _variables.variables,
    _variables.inputs,
    _words.secrets,
    _words.personal_data,
    _words.left_over,
    _words.messages,
    _words.repeated,
    _words.vague,
    _answers.formats,
    _answers.lengths,
    _answers.ways_out,
    _answers.examples,
    _answers.sizes,
)
_ORDER: Final = ("error", "warning", "note")


def lint_prompt(manifest: PromptManifest, *, window: int | None = None) -> tuple[PromptFinding, ...]:
    """What is wrong, the worst first, then in order of the places. Includes are best put in before (`domain.link`):
    what stands in them is not read otherwise. `window`: tokens of the model's context (None: nobody knows)."""
    prompt = read_prompt(manifest, window)
    findings = [one for check in _CHECKS for one in check(prompt)]
    unique = {(one.rule, one.place, one.line, one.message): one for one in findings}
    return tuple(sorted(unique.values(), key=lambda one: (_ORDER.index(one.severity), one.place, one.line or 0)))


def faulty(findings: Iterable[PromptFinding], *, strict: bool = False) -> bool:
    """Whether there is an error among them; `strict`: or a warning."""
    return any(one.severity == "error" or (strict and one.severity == "warning") for one in findings)


__all__ = ["RULES", "LintRule", "LintSeverity", "PromptFinding", "faulty", "found", "lint_prompt"]
