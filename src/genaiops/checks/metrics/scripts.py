"""Metrics that a suite brings as code: a function that says whether an answer is right, and one that makes something
else of the answer before another metric looks at it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.checks.metrics._metric import Making, read_options
from genaiops.core.errors import UsageError
from genaiops.domain import JudgeMember, Measure, MetricCard, Sample, Script
from genaiops.ports.metrics import Consulting, Means, Metric

_HAS_TO_RUN: Final = "It calls code of the suite: it is measured by a run."
_NOBODY: Final = "Code of the suite is called where its files are: genaiops suite run FILE --local"
_MADE: Final = "__"
_SHOWN: Final = 500


class _ScriptOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    script: Script | None = None
    transform: tuple[Script, ...] = ()
    threshold: float | None = None
    seconds: float = 30.0


class _TransformedOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    transform: tuple[Script, ...] = ()
    metric: str = "equals"
    options: dict[str, Any] = {}
    seconds: float = 30.0


class _Failed(Exception):
    """A function gave nothing."""


class _Calling:
    """What both have in common."""

    request = True

    def __init__(self, card: MetricCard, scripts: Sequence[Script], inner: Metric | None) -> None:
        self.card = card
        self.scripts = (*scripts, *getattr(inner, "scripts", ()))
        self.lacking = str(getattr(inner, "lacking", ""))
        self.executes = bool(getattr(inner, "executes", False))
        self._inner = inner

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        return [Measure(error=_HAS_TO_RUN) for _ in samples]

    def members(self) -> Sequence[JudgeMember]:
        return cast("Consulting", self._inner).members() if hasattr(self._inner, "members") else ()

    def weights(self) -> Sequence[str]:
        return cast("Consulting", self._inner).weights() if hasattr(self._inner, "weights") else ()

    def labelled(self) -> Sequence[tuple[float, float]]:
        return cast("Consulting", self._inner).labelled() if hasattr(self._inner, "labelled") else ()


class _Scripted(_Calling):
    def __init__(self, card: MetricCard, chosen: _ScriptOptions) -> None:
        super().__init__(card, (*chosen.transform, *([] if chosen.script is None else [chosen.script])), None)
        self._chosen = chosen
        if chosen.script is None:
            self.lacking = "No function is named: options = { script = { language, code } }."

    async def consult(self, sample: Sample, means: Means) -> Measure:
        script = self._chosen.script
        if script is None:
            return Measure(error=self.lacking)
        seconds = self._chosen.seconds
        try:
            output = await _through(self._chosen.transform, sample, means, seconds)
            said = await _called(script, sample, output, means, seconds)
        except _Failed as error:
            return Measure(error=str(error))
        return graded(said, self._chosen.threshold, script)


class _Transformed(_Calling):
    def __init__(self, card: MetricCard, chosen: _TransformedOptions, inner: Metric) -> None:
        super().__init__(card, chosen.transform, inner)
        self._chosen = chosen
        self._made = inner

    async def consult(self, sample: Sample, means: Means) -> Measure:
        try:
            output = await _through(self._chosen.transform, sample, means, self._chosen.seconds)
        except _Failed as error:
            return Measure(error=str(error))
        structured = not isinstance(output, str)
        text = json.dumps(output, ensure_ascii=False) if structured else output
        sample = msgspec.structs.replace(sample, output=text, structured=structured)
        if hasattr(self._made, "consult"):
            return await cast("Consulting", self._made).consult(sample, means)
        return self._made.measure([sample])[0]


async def _through(transform: Sequence[Script], sample: Sample, means: Means, seconds: float) -> Any:
    """The output as the last of these functions returned it."""
    output = output_of(sample)
    for script in transform:
        output = await _called(script, sample, output, means, seconds)
        if output is None:
            raise _Failed(f"{script.called} returned nothing.")
    return output


async def _called(script: Script, sample: Sample, output: Any, means: Means, seconds: float) -> Any:
    if means.scripts is None:
        raise _Failed(_NOBODY)
    given = {"output": output, "context": _context(sample, script)}
    said = await asyncio.to_thread(means.scripts.call, script, given, seconds)
    if said.error:
        raise _Failed(said.error[:_SHOWN])
    return said.value


def output_of(sample: Sample) -> Any:
    """What a function takes for the output: a text, the value where the output was none, the calls where there is no
    text beside them."""
    if sample.structured:
        return json.loads(sample.output)
    if sample.tool_calls and not sample.output:
        return [
            {
                "type": "function",
                "function": {
                    "name": each.name,
                    "arguments": each.text if each.arguments is None else json.dumps(each.arguments),
                },
            }
            for each in sample.tool_calls
        ]
    return sample.output


def _context(sample: Sample, script: Script) -> dict[str, Any]:
    variables = {name: value for name, value in sample.variables.items() if not name.startswith(_MADE)}
    context: dict[str, Any] = {
        "prompt": sample.prompt or sample.input,
        "vars": variables,
        "test": {"vars": variables, "metadata": sample.metadata},
        "metadata": sample.metadata,
        "providerResponse": {
            "output": sample.output,
            "tokenUsage": {"prompt": sample.input_tokens, "completion": sample.output_tokens},
            "finishReason": sample.finish_reason,
        },
    }
    return {**context, "config": script.config} if script.config else context


def graded(said: Any, threshold: float | None, script: Script) -> Measure:
    """1 when it passes: a truth, a number above 0 (from the threshold on), or an object with pass, score and reason."""
    if isinstance(said, str):
        try:
            said = json.loads(said.lower() if said.lower() in ("true", "false") else said)
        except ValueError:
            said = None
    if isinstance(said, bool):
        return Measure(value=float(said), reason="" if said else f"{script.called} returned false.")
    if isinstance(said, int | float):
        passed = said > 0 if threshold is None else said >= threshold
        return Measure(value=float(passed), reason=f"{script.called} returned {said:g}.", parts={"score": float(said)})
    fields = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    passed, score = fields.get("pass", fields.get("pass_")), fields.get("score")
    if not isinstance(passed, bool):
        return Measure(error=f"{script.called} returned no truth, number or object with pass: {_shown(said)}")
    parts = dict[str, float]()
    if isinstance(score, int | float) and not isinstance(score, bool):
        parts["score"] = float(score)
        if threshold is not None and score < threshold and script.language != "javascript":
            passed = False
    reason = fields.get("reason")
    return Measure(value=float(passed), reason=reason[:_SHOWN] if isinstance(reason, str) else "", parts=parts)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:100]


def _script(options: Mapping[str, Any]) -> Consulting:
    chosen = read_options(_ScriptOptions, options, "script")
    card = MetricCard(
        name="script",
        title="A function of the suite",
        version="1",
        threshold=1.0,
        needs=("output",),
        source="1 when the function returns true, a number above 0 (from `threshold` on), or an object whose pass is "
        "true; its score stands beside it. What raises, or returns anything else, is an error.",
        options={
            "script": "language (javascript, python, ruby or command), and code (the body of a function of output and "
            "context) or file (beside the suite) and function",
            "transform": "functions that make something else of the output before (none)",
            "threshold": "of a number that it returns (above 0)",
            "seconds": "for one call (30)",
        },
        about="It has the rights of whoever runs the suite, and runs with --local only.",
    )
    return _Scripted(card, chosen)


def _transformed(options: Mapping[str, Any]) -> Consulting:
    from genaiops.checks.metrics import metric

    chosen = read_options(_TransformedOptions, options, "transformed")
    inner = metric(chosen.metric, chosen.options)
    if inner.card.over == "corpus":
        raise UsageError(
            f"The metric {chosen.metric!r} says nothing of a single answer.",
            remedy="Choose another metric.",
            param="options",
        )
    card = msgspec.structs.replace(
        inner.card,
        name="transformed" if not options else f"transformed {inner.card.name}",
        title="A metric of what a function makes of the output",
        source=f"The function's value in place of the output, then: {inner.card.source}",
        options={
            "transform": "functions, called one after the other, as those of script",
            "metric": "what then looks at it (equals)",
            "options": "of that metric",
            "seconds": "for one call (30)",
        },
    )
    return _Transformed(card, chosen, inner)


MAKING: Final[Mapping[str, Making]] = {"script": _script, "transformed": _transformed}
