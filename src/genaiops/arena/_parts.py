"""What a request is made of: the system's word, examples, passages, the question; cut to what the target takes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeGuard, cast

import msgspec

from genaiops.checks.judging import is_picture
from genaiops.checks.tokens import Estimator
from genaiops.domain import Case, Shot, SuiteTarget, render_template

_ESTIMATED = Estimator()
_ALONE: Final = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}")


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Texts of a request by what they are for. What a prompt or an application of the gateway brings itself is not
    among them."""

    system: tuple[str, ...] = ()
    shots: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    question: tuple[str, ...] = ()


def templated(target: SuiteTarget, case: Case) -> Case:
    """The case with as many examples and passages as the target takes, as its template has it. UsageError when that is
    no template."""
    case = cut(target, case)
    if not target.template:
        return case
    shots = tuple(msgspec.structs.replace(shot, input=_example(target, case, shot)) for shot in case.shots)
    values = {"input": case.input, **case.variables}
    if isinstance(target.template, str):
        whole = _ALONE.fullmatch(target.template)
        found = None if whole is None else values.get(whole[1])
        if _is_chat(found):
            return msgspec.structs.replace(case, messages=tuple(found), shots=shots)
        text = render_template(target.template, values)
        return msgspec.structs.replace(case, input=text, messages=(), shots=shots)
    rendered = tuple(
        {**message, "content": render_template(message["content"], values)}
        if isinstance(message.get("content"), str)
        else message
        for message in target.template
    )
    return msgspec.structs.replace(case, messages=rendered, shots=shots)


def _is_chat(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return (
        isinstance(value, list)
        and bool(cast("list[Any]", value))
        and all(isinstance(each, dict) and "role" in each for each in cast("list[Any]", value))
    )


def _example(target: SuiteTarget, case: Case, shot: Shot) -> str:
    """What is asked in an example, as the template would ask it."""
    template = target.template
    if not isinstance(template, str):
        asked = [message.get("content") for message in template if message.get("role") == "user"]
        template = asked[-1] if asked and isinstance(asked[-1], str) else "{{input}}"
    return render_template(template, {**case.variables, "input": shot.input})


def cut(target: SuiteTarget, case: Case) -> Case:
    """With as many examples and passages as the target takes."""
    shots = case.shots if target.shots is None else case.shots[: target.shots]
    context = case.context if target.passages is None else case.context[: target.passages]
    if target.context_tokens is not None:
        context = context[: _within(context, target.context_tokens)]
    if len(shots) == len(case.shots) and len(context) == len(case.context):
        return case
    return msgspec.structs.replace(case, shots=shots, context=context)


def _within(passages: Sequence[str], budget: int) -> int:
    """How many of the first passages fit, whole."""
    for number, passage in enumerate(passages):
        budget -= _ESTIMATED.estimate(passage)
        if budget < 0:
            return number
    return len(passages)


def messages(target: SuiteTarget, case: Case) -> list[dict[str, Any]]:
    """Of the case, behind the target's system message, the examples and the context, where it has any. Examples stand
    before the first message that is not the system's."""
    given = [{"role": "system", "content": target.system}] if target.system else []
    shots = [
        message
        for shot in case.shots
        for message in ({"role": "user", "content": shot.input}, {"role": "assistant", "content": shot.output})
    ]
    if case.messages:
        lead = next((n for n, each in enumerate(case.messages) if each.get("role") != "system"), len(case.messages))
        return [*given, *case.messages[:lead], *shots, *case.messages[lead:]]
    text = case.input
    if case.context:
        passages = "\n\n".join(case.context)
        text = f"{passages}\n\n{text}"
    return [*given, *shots, {"role": "user", "content": text}]


def parts_of(target: SuiteTarget, case: Case) -> Parts:
    """Of the request that `messages` makes. What a case's messages say is its question, but for the system's word."""
    case = templated(target, case)
    shots = tuple(text for shot in case.shots for text in (shot.input, shot.output))
    system = [target.system] if target.system else []
    if not case.messages:
        return Parts(system=tuple(system), shots=shots, context=case.context, question=(case.input,))
    texts = [(each.get("role"), each.get("content")) for each in case.messages]
    system += [text for role, text in texts if role == "system" and isinstance(text, str)]
    question = tuple(text for role, text in texts if role != "system" and isinstance(text, str))
    return Parts(system=tuple(system), shots=shots, question=question)


def text_of(content: Any) -> str:
    """The words of a message's content: a text, or parts."""
    if isinstance(content, str):
        return content
    texts = [part.get("text") for part in _parts_in(content)]
    return "".join(each for each in texts if isinstance(each, str))


def asked_media(case: Case) -> tuple[str, ...]:
    """The pictures that a case shows beside its input: parts of its users' messages, variables that are a picture."""
    found = [each for each in case.variables.values() if isinstance(each, str) and is_picture(each)]
    for message in case.messages:
        if message.get("role") == "user":
            found += [url for part in _parts_in(message.get("content")) if (url := picture_url(part))]
    return tuple(dict.fromkeys(found))


def picture_url(part: Mapping[str, Any]) -> str:
    """The data URL or address of a part that is a picture; else nothing."""
    given: Any = part.get("image_url")
    url: Any = cast("Mapping[str, Any]", given).get("url") if isinstance(given, Mapping) else given
    return url if isinstance(url, str) else ""


def _parts_in(content: Any) -> list[Mapping[str, Any]]:
    if not isinstance(content, list | tuple):
        return []
    return [part for part in cast("Sequence[Any]", content) if isinstance(part, Mapping)]
