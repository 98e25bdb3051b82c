"""Assertions that ask a model: to grade, to choose the best, or for embeddings."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

import msgspec

from genaiops.arena.promptfoo._files import FILE, Refused, load_yaml, mapping
from genaiops.arena.promptfoo._given import JUDGE, Given, Maker
from genaiops.arena.promptfoo._providers import target_of
from genaiops.arena.promptfoo._templates import template
from genaiops.domain import JudgeMember, SuiteCheck

_AGENTS: Final = ("codex", "agent-sdk", "opencode", "openinterpreter")
_SCORES: Final = {"subset": "A", "superset": "B", "agree": "C", "disagree": "D", "differButFactual": "E"}
_EMBEDDINGS: Final = frozenset({"embedding", "embeddings", "feature-extraction", "sentence-similarity"})
_KINDS: Final[Mapping[str, str]] = {
    "llm-rubric": "rubric",
    "agent-rubric": "rubric",
    "trajectory:goal-success": "goal",
    "g-eval": "g_eval",
    "factuality": "factuality",
    "model-graded-factuality": "factuality",
    "model-graded-closedqa": "closed_qa",
    "answer-relevance": "answer_relevance",
    "context-recall": "context_recall",
    "context-relevance": "context_relevance",
    "context-faithfulness": "context_faithfulness",
    "conversation-relevance": "conversation_relevance",
}
_VALUED: Final = frozenset({"rubric", "goal", "g_eval", "factuality", "closed_qa", "context_recall"})
_UNBOUND: Final = frozenset({"factuality", "closed_qa"})
"""Kinds whose threshold promptfoo does not look at."""


def _grade(kind: str, given: Given) -> SuiteCheck:
    options: dict[str, Any] = {"kind": kind, "by": _plain(_judge(given))}
    prompts = _prompts(kind, given)
    if any(each is not None for each in prompts):
        options["prompt"] = prompts
    if kind == "factuality" and given.options.get("factuality"):
        worth = mapping(given.options["factuality"], f"{given.path}.factuality")
        unknown = sorted(worth.keys() - _SCORES.keys())
        if unknown or not all(isinstance(each, int | float) for each in worth.values()):
            raise given.refused("", "options.factuality has a name or a worth that is none.")
        options["scores"] = {_SCORES[name]: float(each) for name, each in worth.items()}
    if kind == "conversation_relevance":
        window = mapping(given.fields.get("config"), f"{given.path}.config").get("windowSize")
        if window is not None:
            if not isinstance(window, int) or isinstance(window, bool) or window < 1:
                raise given.refused("config.windowSize", "A window is a whole number from 1 on.")
            options["window"] = window
    if kind == "answer_relevance":
        options["vectors"] = _vectors(given)
    return SuiteCheck(
        metric="graded",
        options=options,
        expected=_expected(kind, given) if kind in _VALUED else None,
        threshold=None if kind in _UNBOUND else given.threshold,
    )


def _expected(kind: str, given: Given) -> str | tuple[str, ...]:
    value = given.value
    if kind == "goal" and isinstance(value, dict):
        value = cast("dict[str, Any]", value).get("goal")
    if kind == "g_eval" and isinstance(value, list):
        found = tuple(_text(each) for each in cast("list[Any]", value))
        if not found:
            raise given.refused("value", "g-eval has no criterion.", "Write one.")
        return found
    if value is None and kind == "rubric":
        return ""
    if value is None or value == "":
        raise given.refused("", f"{given.base} has no value.", "Write value: ...")
    return _text(value)


def _prompts(kind: str, given: Given) -> tuple[Any, ...]:
    """The user's, one for each call."""
    raw: Any = given.fields.get("rubricPrompt") or given.options.get("rubricPrompt")
    if not raw:
        return ()
    path = f"{given.path}.rubricPrompt"
    if kind == "g_eval":
        if not isinstance(raw, dict):
            return ()  # promptfoo takes no other for it
        steps = cast("dict[str, Any]", raw)
        return tuple(_prompt(steps[name], given, path) if steps.get(name) else None for name in ("steps", "evaluate"))
    if kind == "context_faithfulness":
        if not isinstance(raw, list):
            raise Refused(path, "The prompts of context-faithfulness are a list of two.", "Write both.")
        listed = [
            mapping(each, path).get("content") if isinstance(each, dict) else each for each in cast("list[Any]", raw)
        ]
        return tuple(_prompt(each, given, path) if each else None for each in listed[:2])
    return (_prompt(raw, given, path),)


def _prompt(raw: Any, given: Given, path: str) -> str | tuple[dict[str, Any], ...]:
    if isinstance(raw, str) and raw.startswith(FILE):
        raw = given.folder.data(raw, path)
    if isinstance(raw, str) and raw.lstrip()[:1] in ("[", "-"):
        try:
            read: Any = json.loads(raw) if raw.lstrip()[0] == "[" else load_yaml(raw)
        except Exception:  # noqa: BLE001 (a text that begins so, and is neither)
            read = None
        raw = cast("Any", read) if isinstance(read, list) and read else raw
    if isinstance(raw, str):
        return template(raw, path)
    messages = cast("list[Any]", raw) if isinstance(raw, list) else []
    if not messages or not all(isinstance(each, dict) and "role" in each for each in messages):
        raise Refused(path, "A prompt that grades is a text, or a list of messages.", "Mend it.")
    return tuple(_templated(each, path) for each in messages)


def _templated(value: Any, path: str) -> Any:
    if isinstance(value, str):
        return template(value, path)
    if isinstance(value, dict):
        return {name: _templated(each, path) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_templated(each, path) for each in cast("Sequence[Any]", value)]
    return value


def _judge(given: Given) -> JudgeMember:
    """Who grades: the assertion's provider, the test's, or nobody's in particular."""
    raw = _provider(given, "text")
    name = _id(raw)
    if given.base == "agent-rubric" and any(each in name for each in _AGENTS):
        fields = mapping(raw, f"{given.path}.provider") if isinstance(raw, dict) else {}
        told = mapping(fields.get("config"), f"{given.path}.provider.config")
        raw, name = told.get("model"), str(told.get("model") or "")
        raw = f"openai:{raw}" if raw else None
    if given.base == "agent-rubric":
        given.grading.note("agent-rubric: a model grades by the answer; no agent looks at files, as promptfoo's does.")
    if not name or _is_embedding(name):
        if not given.grading.judge:
            given.grading.note(
                f"Nobody is named who grades: {JUDGE}, promptfoo's default, is asked through the gateway. "
                "defaultTest.options.provider names another."
            )
        return JudgeMember(model=given.grading.judge or JUDGE)
    target = target_of(raw, f"{given.path}.provider", given.folder)
    if target.python or target.request or target.script or target.transform:
        raise given.refused("provider", f"The provider {name} cannot grade here.", "Name a model that chats.")
    return JudgeMember(model=target.model, url=target.url, secret=target.secret, parameters=target.parameters)


def _provider(given: Given, kind: str) -> Any:
    """`provider` of the assertion, else of the test; one of several by kind is that kind's."""
    raw: Any = given.fields.get("provider") or given.options.get("provider")
    if isinstance(raw, dict) and "id" not in raw and {"text", "embedding", "classification", "moderation"} & raw.keys():
        return cast("dict[str, Any]", raw).get(kind)
    return cast("Any", raw)


def _id(raw: Any) -> str:
    if isinstance(raw, dict):
        fields = cast("dict[str, Any]", raw)
        return str(fields.get("id") or next(iter(fields), ""))
    return str(raw or "")


def _is_embedding(name: str) -> bool:
    return bool(_EMBEDDINGS & set(name.split(":")))


def _vectors(given: Given) -> dict[str, Any]:
    """Whose embeddings: a provider of embeddings that is named, else the local encoder."""
    raw = _provider(given, "embedding")
    name = _id(raw)
    if not _is_embedding(name):
        given.grading.note(
            f"{given.base}: embeddings are the local encoder's; thresholds of other models fit it only roughly."
        )
        return {}
    model = name.split(":", 2)[2] if name.count(":") >= 2 else ""
    config = (
        mapping(cast("dict[str, Any]", raw).get("config"), f"{given.path}.provider.config")
        if isinstance(raw, dict)
        else {}
    )
    if not model:
        raise given.refused("provider", f"The provider {name} names no model.", "Write openai:embedding:MODEL.")
    base = config.get("apiBaseUrl") or (f"https://{config['apiHost']}/v1" if config.get("apiHost") else "")
    if not base:
        return {"by": {"model": model}}
    secret = str(config.get("apiKeyEnvar") or ("OPENAI_API_KEY" if name.startswith("openai:") else ""))
    by = {"url": f"{str(base).rstrip('/')}/embeddings", "secret": secret, "parameters": {"model": model}}
    return {"by": {key: each for key, each in by.items() if each}}


def _similar(measure: str, given: Given) -> SuiteCheck:
    value = given.value
    if value is None or value == []:
        raise given.refused("", f"{given.base} has no value.", "Write value: ...")
    listed = cast("list[Any]", value) if isinstance(value, list) else [value]
    expected = tuple(_text(each) for each in listed)
    whose = _vectors(given)
    threshold = 0.75 if given.threshold is None else given.threshold
    return SuiteCheck(
        metric="embedding" if whose or measure != "cosine" else "similarity",
        options={**({"measure": measure} if whose or measure != "cosine" else {}), **whose},
        expected=expected[0] if len(expected) == 1 else expected,
        threshold=threshold,
    )


def _best(given: Given) -> SuiteCheck:
    if not isinstance(given.value, str) or not given.value:
        raise given.refused("value", "select-best takes a text: by what the best is chosen.", "Write value: ...")
    raw: Any = given.fields.get("rubricPrompt") or given.options.get("rubricPrompt")
    options: dict[str, Any] = {"by": _plain(_judge(given))}
    if raw:
        options["prompt"] = _prompt(raw, given, f"{given.path}.rubricPrompt")
    return SuiteCheck(metric="best", options=options, expected=given.value)


def _highest(given: Given) -> SuiteCheck:
    """Its parts are the other assertions of its test, which are not known here."""
    value = mapping(given.value, f"{given.path}.value")
    unknown = sorted(value.keys() - {"method", "weights", "threshold"})
    if unknown or value.get("method", "average") not in ("average", "sum"):
        raise given.refused("value", "max-score takes method (average or sum), weights and threshold.")
    return SuiteCheck(metric="highest", options=value)


def _plain(member: JudgeMember) -> dict[str, Any]:
    return cast("dict[str, Any]", msgspec.to_builtins(member))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


GRADED: Final[Mapping[str, Maker]] = {
    **{name: partial(_grade, kind) for name, kind in _KINDS.items()},
    "similar": partial(_similar, "cosine"),
    "similar:cosine": partial(_similar, "cosine"),
    "similar:dot": partial(_similar, "dot"),
    "similar:euclidean": partial(_similar, "euclidean"),
    "select-best": _best,
    "max-score": _highest,
}
