"""`markup` with the options of a rule: where a finding leads, what it takes along, and what of it people read."""

from collections.abc import Callable
from typing import Any, cast

from genaiops.checks.markup import addresses, carried, label, leads_out
from genaiops.core.errors import UsageError
from genaiops.domain import Finding, GuardRule

Counts = Callable[[Finding, str, frozenset[str]], bool]
"""Whether a finding with that text counts for a rule; the words of the conversation are known."""


def counts_of(rule: GuardRule) -> Counts | None:
    """By the options `hosts` (where markup may lead) and `carries` (only what takes data along); None: without any.
    UsageError for options that are none."""
    options = rule.options
    unknown = sorted(options.keys() - {"hosts", "carries"})
    hosts, carries = options.get("hosts"), options.get("carries", False)
    listed = isinstance(hosts, list) and all(isinstance(one, str) and one for one in cast("list[Any]", hosts))
    if unknown or not (hosts is None or listed) or not isinstance(carries, bool):
        raise UsageError(
            f"The rule {rule.id!r} has options that are none of `markup`"
            + (f": {', '.join(unknown)}." if unknown else "."),
            remedy='Write `options = { hosts = ["example.org", "*.example.org"], carries = true }`, or one of them.',
            param=f"rules.{rule.id}.options",
        )
    names = None if hosts is None else tuple(cast("list[str]", hosts))
    if names is None and not carries:
        return None

    def counts(finding: Finding, value: str, known: frozenset[str]) -> bool:
        if names is not None and not leads_out(value, finding.kind, names):
            return False
        return not carries or any(carried(each.text, known).told for each in addresses(value))

    return counts


def around_label(value: str) -> tuple[tuple[int, int, str], ...]:
    """What is cut so that only the text that people read stays; empty: it has none."""
    found = label(value)
    return () if found is None else ((0, found[0], ""), (found[1], len(value), ""))
