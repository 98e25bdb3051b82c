"""A log as a suite whose target was recorded, and what it answered: scores are those of the log, errors stay errors."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any, Final, cast

import msgspec

from genaiops.arena._suite_text import read_suite_document, suite_manifest
from genaiops.arena.inspect_logs._log import Log, attached, mapping, texts_of
from genaiops.core.errors import UsageError
from genaiops.domain import Answer, Case, Suite, SuiteCheck, SuiteTarget, ToolCall

_LETTERS: Final[Mapping[str, float]] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_WORDS: Final[Mapping[str, float]] = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_UNNAMED: Final = re.compile(r"[^A-Za-z0-9_.:/@ -]")
_LONGEST: Final = 2000


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """`answers`: one a case. `environment`: what ran it. `complete` False: the log ended with an error, or was
    cancelled. Times in microseconds since 1970."""

    name: str
    suite: Suite
    answers: tuple[Answer, ...]
    environment: dict[str, str]
    complete: bool
    error: str = ""
    started_us: int | None = None
    ended_us: int | None = None
    notes: tuple[str, ...] = ()


def taken_over(log: Log, *, floor: float | None = None) -> Taken:
    """`floor`: that of every score's check. UsageError when it has no samples."""
    about: Mapping[str, Any] = log.header["eval"]
    if not log.samples:
        raise UsageError(
            "The log has no samples.", remedy="Run the task with --log-samples, or give the whole log.", param="file"
        )
    target = _name(str(about.get("model") or "recorded"))
    several = len({sample.get("epoch", 1) for sample in log.samples}) > 1
    seen: set[str] = set()
    cases: list[Case] = []
    answers: list[Answer] = []
    letters: dict[str, bool] = {}
    for sample in log.samples:
        scores, explained = dict[str, float](), dict[str, str]()
        for name, value, graded, why in _scores(sample):
            scores[name] = value
            letters[name] = letters.get(name, True) and graded
            if why:
                explained[name] = why[:_LONGEST]
        case = _case(sample, scores, explained, several=several)
        if case.id in seen:
            raise UsageError(f"The log has the sample {case.id!r} twice.", remedy="Give one log at a time.")
        seen.add(case.id)
        cases.append(case)
        answers.append(_answer(sample, target, case))
    checks = tuple(
        SuiteCheck(name=name, metric="given", options={"score": name}, threshold=1.0 if graded else None, floor=floor)
        for name, graded in letters.items()
    )
    suite = Suite(
        description=f"Taken over from a log of Inspect: {about.get('task')}, {about.get('created', '')}"[:4000],
        case=tuple(cases),
        target=(SuiteTarget(name=target, recorded=True),),
        check=checks,
    )
    return Taken(
        name=_name(str(about.get("task_display_name") or about.get("task") or "inspect")),
        suite=read_suite_document(suite_manifest(suite)).checked(),
        answers=tuple(answers),
        environment=_environment(log, about),
        complete=log.header.get("status") == "success",
        error=_error(log),
        started_us=_time(log, "started_at"),
        ended_us=_time(log, "completed_at"),
        notes=() if checks else ("The log has no scores.",),
    )


def _case(
    sample: Mapping[str, Any], scores: Mapping[str, float], explained: Mapping[str, str], *, several: bool
) -> Case:
    """Epochs are cases of one cluster: they are not independent, and each has scores of its own."""
    name, epoch = str(sample.get("id")), sample.get("epoch", 1)
    attachments: Mapping[str, Any] = sample.get("attachments") or {}
    given = attached(sample.get("input"), attachments)
    target: Any = sample.get("target", ())
    metadata: dict[str, Any] = {**(sample.get("metadata") or {}), "scores": dict(scores)}
    if explained:
        metadata["explanations"] = dict(explained)
    return Case(
        id=(f"{name}/{epoch}" if several else name)[:200],
        input=given if isinstance(given, str) else "",
        messages=() if isinstance(given, str) else tuple(_messages(given)),
        expected=tuple(map(str, cast("list[Any]", target))) if isinstance(target, list) else str(target),
        output=None if sample.get("error") else _completion(sample, attachments),
        cluster=name[:200] if several else "",
        metadata=metadata,
    )


def _messages(given: Any) -> Iterator[dict[str, Any]]:
    for message in cast("list[Any]", given) if isinstance(given, list) else ():
        if isinstance(message, dict):
            fields = cast("dict[str, Any]", message)
            yield {"role": str(fields.get("role", "user")), "content": texts_of(fields.get("content"))}


def _completion(sample: Mapping[str, Any], attachments: Mapping[str, Any]) -> str:
    output: Mapping[str, Any] = sample.get("output") or {}
    return texts_of(attached(output.get("completion") or "", attachments))


def _answer(sample: Mapping[str, Any], target: str, case: Case) -> Answer:
    error: Any = sample.get("error")
    seconds = sample.get("working_time") or sample.get("total_time")
    choices: Sequence[Any] = mapping(sample.get("output")).get("choices") or ()
    first: Mapping[str, Any] = choices[0] if choices else {}
    limit: Any = sample.get("limit")
    usage = [mapping(each) for each in mapping(sample.get("model_usage")).values()]
    return Answer(
        target=target,
        case=case.id,
        state="error" if error else "answered",
        error=str(mapping(error).get("message", error))[:_LONGEST] if error else "",
        output=case.output or "",
        tool_calls=tuple(_calls(first.get("message") or {})),
        finish_reason=f"limit: {mapping(limit).get('type')}" if limit else str(first.get("stop_reason") or ""),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        input_tokens=_tokens(usage, ("input_tokens", "input_tokens_cache_read", "input_tokens_cache_write")),
        output_tokens=_tokens(usage, ("output_tokens",)),
    )


def _tokens(usage: Sequence[Any], names: Sequence[str]) -> int | None:
    return sum(int(each.get(name) or 0) for each in usage for name in names) if usage else None


def _calls(message: Mapping[str, Any]) -> Iterator[ToolCall]:
    for call in message.get("tool_calls") or ():
        about = mapping(call)
        arguments: Any = about.get("arguments")
        known = dict(mapping(arguments)) if isinstance(arguments, dict) else None
        yield ToolCall(name=str(about.get("function", "")), arguments=known)


def _scores(sample: Mapping[str, Any]) -> Iterator[tuple[str, float, bool, str]]:
    """(name, value, whether it is right or wrong, why)"""
    for name, score in mapping(sample.get("scores")).items():
        about = mapping(score)
        value: Any = about.get("value") if about else score
        why = str(about.get("explanation") or "")
        parts: Mapping[str, Any] = {str(name): value}
        if isinstance(value, dict):
            parts = {f"{name}/{key}": each for key, each in cast("dict[str, Any]", value).items()}
        elif isinstance(value, list):
            parts = {f"{name}/{number}": each for number, each in enumerate(cast("list[Any]", value))}
        for part, each in parts.items():
            number = _number(each)
            if number is not None:
                yield part, number, isinstance(each, bool | str) and number in (0.0, 0.5, 1.0), why


def _number(value: Any) -> float | None:
    """As inspect_ai's `value_to_float`. None: it is no score (NaN is how Inspect writes one that is missing)."""
    if isinstance(value, str):
        if value in _LETTERS:
            return _LETTERS[value]
        if value.lower() in _WORDS:
            return _WORDS[value.lower()]
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and isfinite(value) else None


def _environment(log: Log, about: Mapping[str, Any]) -> dict[str, str]:
    revision: Any = about.get("revision")
    commit = cast("dict[str, Any]", revision).get("commit") if isinstance(revision, dict) else None
    packages: Mapping[str, Any] = about.get("packages") or {}
    said = {
        "harness": f"inspect_ai {packages.get('inspect_ai', '')}".strip(),
        "task": f"{about.get('task')}@{about.get('task_version', '')}",
        "model": str(about.get("model") or ""),
        "inspect run": str(about.get("run_id") or ""),
        "commit": str(commit or ""),
        "status": str(log.header.get("status") or ""),
    }
    return {name: value for name, value in said.items() if value}


def _error(log: Log) -> str:
    error: Any = log.header.get("error")
    message = cast("dict[str, Any]", error).get("message", "") if isinstance(error, dict) else ""
    return str(message)[:_LONGEST]


def _time(log: Log, name: str) -> int | None:
    try:
        return int(datetime.fromisoformat(str(mapping(log.header.get("stats")).get(name))).timestamp() * 1e6)
    except ValueError:
        return None


def _name(text: str) -> str:
    return _UNNAMED.sub("-", text).lstrip("_.:/@ -")[:120] or "inspect"
