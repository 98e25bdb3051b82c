"""Targets that are functions of the suite, and functions that make something else of an answer."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol, cast

import msgspec

from genaiops.arena._parts import templated
from genaiops.domain import Answer, Case, Script, SuiteTarget
from genaiops.ports.scripts import Scripts

MADE: Final = "__prompt_"
"""How variables begin that hold a whole prompt: no function is told of them."""
_SHOWN: Final = 1_000


class Asked(Protocol):
    async def __call__(self, case: Case, repeat: int) -> Answer: ...


def told(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Variables as functions are told of them."""
    return {name: value for name, value in variables.items() if not name.startswith(MADE)}


def by_script(target: SuiteTarget, script: Script, scripts: Scripts, timeout: float) -> Asked:
    async def ask(case: Case, repeat: int) -> Answer:
        prompt = _prompt(target, case)
        given = {
            "prompt": prompt,
            "options": {"id": target.name, "config": {**target.parameters, **script.config}},
            "context": {
                "vars": told(case.variables),
                "prompt": {"raw": prompt, "label": target.name},
                "test": {"vars": told(case.variables), "metadata": case.metadata},
                "repeatIndex": repeat,
            },
        }
        clock = asyncio.get_running_loop().time
        start = clock()
        base = Answer(target=target.name, case=case.id, repeat=repeat, state="answered")
        said = await asyncio.to_thread(scripts.call, script, given, timeout)
        base = msgspec.structs.replace(base, seconds=clock() - start)
        return _failed(base, said.error) if said.error else _answer(base, said.value)

    return ask


def _prompt(target: SuiteTarget, case: Case) -> str:
    case = templated(target, case)
    return json.dumps(list(case.messages), ensure_ascii=False) if case.messages else case.input


def _failed(answer: Answer, why: str) -> Answer:
    late = "it took longer than" in why
    return msgspec.structs.replace(answer, state="timeout" if late else "error", error=why[:_SHOWN], output="")


def _answer(base: Answer, value: Any) -> Answer:
    """A text, or an object with `output` or `error`, tokens and cost."""
    fields = _fields(value)
    if value is None:
        return _failed(base, "The function returned nothing.")
    if not {"output", "error"} & fields.keys():
        return with_output(base, value)
    if fields.get("error"):
        return _failed(base, str(fields["error"]))
    usage = _fields(fields.get("tokenUsage") or fields.get("token_usage"))
    cost = fields.get("cost")
    known = isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < 1e9
    answer = msgspec.structs.replace(
        base,
        input_tokens=_count(usage.get("prompt")),
        output_tokens=_count(usage.get("completion")),
        cost_nano=round(cast("float", cost) * 1e9) if known else None,
        finish_reason=str(fields.get("finishReason") or ""),
    )
    return with_output(answer, fields.get("output"))


def _fields(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def with_output(answer: Answer, value: Any) -> Answer:
    """The answer with that output: a text as it is, all else as JSON."""
    if isinstance(value, str):
        return msgspec.structs.replace(answer, output=value, structured=False)
    text = "" if value is None else json.dumps(value, ensure_ascii=False)
    return msgspec.structs.replace(answer, output=text, structured=value is not None)


def transformed(target: SuiteTarget, ask: Asked, scripts: Scripts, timeout: float) -> Asked:
    """What answers, and then each function of `transform`. One that fails leaves no answer: it is unreadable."""
    if not target.transform:
        return ask

    async def and_then(case: Case, repeat: int) -> Answer:
        answer = await ask(case, repeat)
        if answer.state != "answered":
            return answer
        prompt = _prompt(target, case)
        for script in target.transform:
            value = json.loads(answer.output) if answer.structured else answer.output
            context = {"vars": told(case.variables), "prompt": {"raw": prompt, "label": target.name}}
            given = {"output": value, "json": value, "text": answer.output, "context": context}
            said = await asyncio.to_thread(scripts.call, script, given, timeout)
            why = said.error or ("" if said.value is not None else f"{script.called} returned nothing.")
            if why:
                return msgspec.structs.replace(answer, state="unreadable", error=why[:_SHOWN], output="")
            whole = script.takes[:1] == ("json",) and "output" in _fields(said.value)
            answer = _answer(answer, said.value) if whole else with_output(answer, said.value)
        return answer

    return and_then
