"""What of queues is written at the command line, and how it is read."""

import re
from collections.abc import Sequence
from typing import Any, cast

from genaiops.cli._output import Row
from genaiops.cli._session import Session
from genaiops.core.errors import NotFound, UsageError

_QUESTION = re.compile(r"([^:=?]+):([a-z]+)(\?)?(?:=(.*))?", re.DOTALL)
_DATA = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,([A-Za-z0-9+/=]+)")
_RANGE = re.compile(r"(\d+)-(\d+)(?:~(\d+))?")
_ANSWER = re.compile(r"([a-z][a-z0-9_]*)(?:\.(\d+))?=(.*)", re.DOTALL)


def read_question(text: str) -> dict[str, Any]:
    """`grade:choice=bad=0,good=1`, `stars:scale=1-5~1`, `fix:correction?`, `better:preference`."""
    found = _QUESTION.fullmatch(text)
    if found is None:
        raise UsageError(
            f"question: {text[:80]!r} cannot be read.",
            remedy="Write NAME:KIND, such as grade:choice=bad=0,good=1 or stars:scale=1-5 or fix:correction?",
            param="question",
        )
    name, kind, optional, more = found.groups()
    question: dict[str, Any] = {"name": name, "kind": kind, "optional": optional is not None}
    if kind == "scale" and more:
        bounds = _RANGE.fullmatch(more)
        if bounds is None:
            raise UsageError(
                f"question: {more[:40]!r} is no range.", remedy="Write 1-5, or 1-5~1 to tolerate 1.", param="question"
            )
        question |= {"least": int(bounds[1]), "most": int(bounds[2]), "tolerance": int(bounds[3] or 0)}
    elif more:
        question["options"] = [_option(each) for each in more.split(",")]
    return question


def _option(text: str) -> dict[str, Any]:
    name, sign, worth = text.strip().partition("=")
    if not sign:
        return {"name": name}
    try:
        return {"name": name, "worth": float(worth)}
    except ValueError:
        raise UsageError(
            f"question: {worth[:40]!r} is no worth.", remedy="Write a number from 0 to 1.", param="question"
        ) from None


def read_answers(texts: Sequence[str]) -> dict[str, Any]:
    """`grade=good`, `stars=4`, `facts.1=supported` or `facts.1=refuted;SOURCE` of the first claim."""
    found: dict[str, Any] = {}
    claims: dict[str, dict[int, Any]] = {}
    for text in texts:
        match = _ANSWER.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{text[:80]!r} is no answer.", remedy="Write QUESTION=ANSWER, such as grade=good.", param="answers"
            )
        name, number, value = match.groups()
        if number is None:
            found[name] = value
            continue
        verdict, _, source = value.partition(";")
        claims.setdefault(name, {})[int(number)] = {"verdict": verdict, "source": source.strip()}
    return {**found, **{name: _claims(name, each) for name, each in claims.items()}}


def _claims(name: str, by_number: dict[int, Any]) -> list[Any]:
    if sorted(by_number) != list(range(1, len(by_number) + 1)):
        raise UsageError(
            f"{name}: verdicts on the claims {', '.join(map(str, sorted(by_number)))}.",
            remedy=f"Give one for each, from {name}.1 on.",
            param="answers",
        )
    return [by_number[number] for number in sorted(by_number)]


def question_text(question: Row) -> str:
    """In the form of `read_question`."""
    text = f"{question['name']}:{question['kind']}{'?' if question.get('optional') else ''}"
    if question["kind"] == "scale":
        apart = f"~{question['tolerance']}" if question.get("tolerance") else ""
        return f"{text}={question.get('least', 1)}-{question.get('most', 5)}{apart}"
    options = [
        each["name"] if each.get("worth") is None else f"{each['name']}={each['worth']:g}"
        for each in question.get("options", ())
    ]
    return f"{text}={','.join(options)}" if options else text


def share_text(found: Row) -> str:
    """`0.85 (0.70 to 0.94), n 40`."""
    if found.get("value") is None:
        return found.get("why") or "unknown"
    bounds = "" if found.get("low") is None else f" ({found['low']:.2f} to {found['high']:.2f})"
    return f"{found['value']:.2f}{bounds}, n {found.get('n', found.get('items', 0))}"


def item_lines(item: Row, questions: Sequence[Row]) -> list[str]:
    """An item for people to read."""
    if not item["content"]:
        return [f"item {item['place']}: erased"]
    lines = [f"item {item['place']} ({item['state']})"]
    lines += [f"{role or 'asked'}: {text}" for role, text in item["asked"]]
    lines += [f"context: {text}" for text in item["context"]]
    names = ("left", "right") if len(item["answers"]) == 2 else ("answer",)
    lines += [f"{name}: {_DATA.sub(_picture, text)}" for name, text in zip(names, item["answers"], strict=True)]
    lines += [f"expected: {text}" for text in item["expected"]]
    if any(each["kind"] == "claims" for each in questions):
        lines += [f"claim {number}: {text}" for number, text in enumerate(item["claims"], 1)]
    for label in (*item["labels"], *([item["own"]] if item["own"] else ())):
        lines.append(label_line(label))
    if item["settled"]:
        lines.append(f"settled by {label_line(item['settled'])}")
    return lines


def label_form(questions: Sequence[Row]) -> str:
    """How a label is written: `better=left|right|tie|both_bad`."""
    return " ".join(_form(each) for each in questions if not each.get("optional")) or "QUESTION=ANSWER"


def _form(question: Row) -> str:
    name = question["name"]
    options = "|".join(each["name"] for each in question.get("options", ()))
    said = {
        "choice": f"{name}={options}",
        "scale": f"{name}={question.get('least', 1)}..{question.get('most', 5)}",
        "preference": f"{name}=left|right|tie|both_bad",
        "claims": f"{name}.1=supported|refuted|not_enough_evidence",
    }
    return said.get(question["kind"], f"{name}=TEXT")


def _picture(found: re.Match[str]) -> str:
    """In place of a picture's bytes, which would fill the terminal."""
    return f"[{found[1]}, {len(found[2].rstrip('=')) * 3 // 4:,} bytes; the console shows it]"


def label_line(label: Row) -> str:
    if label["state"] != "done":
        return f"{label['by']}: {label['state']}"
    said = ", ".join(f"{name} {_said(value)}" for name, value in label["answers"].items())
    comment = f" ({label['comment']})" if label["comment"] else ""
    return f"{label['by']}: {said}{comment}"


def _said(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(f"{each['verdict']} {each['source']}".strip() for each in cast("list[Row]", value))
    return str(value)


def found_run(session: Session, text: str) -> str:
    """The id of a run; latest: of the newest."""
    if text != "latest":
        return text
    found = session.client.get("/api/runs", {"kind": "evaluation", "limit": 1})["data"]
    if not found:
        raise NotFound("There is no run.", remedy="Run a suite first: genaiops suite run", param="run")
    return found[0]["id"]
