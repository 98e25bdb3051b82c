"""Metrics: one family a file, each with a card that says its unit, range, direction, source and version.

`METRICS` is the menu. A plugin adds to it by the entry-point group `genaiops.checks`: a name, and a function that makes
the metric from its options.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, TypeGuard, cast

from genaiops.checks.metrics._metric import Making, OfAll, OfEach, lacks, read_options
from genaiops.core.errors import NotFound
from genaiops.core.suggesting import suggestion
from genaiops.domain import MetricCard, Script
from genaiops.ports.metrics import Among, Metric

GROUP: Final = "genaiops.checks"

METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "matching": (
        "equals",
        "contains",
        "icontains",
        "contains_any",
        "icontains_any",
        "contains_all",
        "icontains_all",
        "starts_with",
        "ends_with",
        "regex",
    ),
    "attacks": ("attack",),
    "answers": ("exact_match", "fuzzy_match", "token_f1", "numeric", "refusal", "language"),
    "form": ("is_json", "json_equals", "json_schema", "is_xml", "word_count", "length"),
    "overlap": ("bleu", "corpus_bleu", "gleu", "corpus_gleu", "chrf", "corpus_chrf", "ter", "corpus_ter"),
    "rouge": ("rouge1", "rouge2", "rougeL", "rougeLsum"),
    "meteor": ("meteor",),
    "meteor_1_5": ("meteor_1_5",),
    "edit": ("levenshtein", "levenshtein_ratio", "wer", "cer", "corpus_wer", "corpus_cer"),
    "judges": ("judge",),
    "meaning": ("bertscore", "groundedness", "injection", "similarity", "toxicity"),
    "calibration": ("ece",),
    "classes": ("accuracy", "f1", "mcc", "precision", "recall"),
    "counterfactual": ("counterfactual_difference", "counterfactual_text", "invariance"),
    "fairness": (
        "accuracy_difference",
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "disparate_impact",
        "equal_opportunity_difference",
        "equalized_odds_difference",
    ),
    "figures": ("mae", "mse", "r2", "rmse"),
    "probabilities": ("auc_roc", "brier", "log_loss"),
    "ranks": ("hit_rate", "map", "mrr", "ndcg_at_k", "precision_at_k", "recall_at_k"),
    "spurious": ("spurious_correlation",),
    "stereotypes": ("bbq_bias", "icat"),
    "tools": (
        "step_count",
        "tool_arguments",
        "tool_call_f1",
        "tool_names",
        "tool_sequence",
        "tools_used",
        "valid_tool_calls",
    ),
    "usage": ("cost", "energy", "finish_reason", "latency", "tokens"),
    "execution": ("code", "sql"),
    "given": ("given",),
    "images": ("psnr", "ssim"),
    "features": ("clip_score", "fid"),
    "endpoint": ("endpoint",),
    "together": ("together",),
    "scripts": ("script", "transformed"),
    "graded": ("graded",),
    "best": ("best", "highest"),
    "embedding": ("embedding",),
    "trajectory": ("skill_used", "tool_path"),
    "markup": ("is_html", "xml_elements"),
    "statements": ("is_sql",),
    "perplexity": ("perplexity", "perplexity_score"),
    "guarded": ("guarded",),
    "webhook": ("webhook",),
}
"""File of this folder -> names of its metrics. Files are imported when one of theirs is asked for."""

__all__ = [
    "GROUP",
    "METRICS",
    "OfAll",
    "OfEach",
    "cards",
    "executes",
    "is_among",
    "lacks",
    "looks_at_request",
    "metric",
    "metric_names",
    "program",
    "read_options",
    "scripts_in",
    "unready",
]


@cache
def _places() -> Mapping[str, str]:
    return {name: file for file, names in METRICS.items() for name in names}


@cache
def _plugins() -> Mapping[str, Any]:
    return {each.name: each for each in entry_points(group=GROUP) if each.name not in _places()}


def metric_names() -> Sequence[str]:
    """All, in order."""
    return sorted({*_places(), *_plugins()})


def metric(name: str, options: Mapping[str, Any] | None = None) -> Metric:
    """NotFound when there is none of that name, UsageError when it does not take these options."""
    return _making(name)(options or {})


def unready(found: Metric) -> str:
    """What has to be installed before a metric can say anything, as a sentence. Empty: nothing."""
    return str(getattr(found, "lacking", ""))


def looks_at_request(found: Metric) -> bool:
    """Whether it looks at what the target was asked and offered, and not only at the case."""
    return bool(getattr(found, "request", False))


def scripts_in(found: Metric) -> Sequence[Script]:
    """Code of the suite that it calls."""
    return tuple(getattr(found, "scripts", ()))


def is_among(found: object) -> TypeGuard[Among]:
    """Whether it holds the answers of all targets against each other."""
    return hasattr(found, "consult_among")


def executes(found: Metric) -> bool:
    """Whether it runs programs that were answered, which takes a sandbox."""
    return bool(getattr(found, "executes", False))


def program(found: Metric) -> str:
    """The program of somebody else that says its figures, by its name here. Empty: none."""
    return str(getattr(found, "program", ""))


def cards() -> Sequence[MetricCard]:
    """Of all metrics that are installed, as they are without options."""
    return [metric(name).card for name in metric_names()]


def _making(name: str) -> Making:
    place = _places().get(name)
    if place is not None:
        menu: Mapping[str, Making] = import_module(f"{__name__}.{place}").MAKING
        return menu[name]
    plugin = _plugins().get(name)
    if plugin is not None:
        return cast("Making", plugin.load())
    raise NotFound(f"There is no metric {name!r}.", remedy=suggestion(name, metric_names()), param="metric")
