"""Prompts of promptfoo: texts, files, tables and functions; and what each of them is for a case."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from genaiops.arena._scripts import MADE
from genaiops.arena.promptfoo._code import Near, is_code, script_at
from genaiops.arena.promptfoo._files import FILE, Refused, load_yaml
from genaiops.arena.promptfoo._javascript import js_json, js_text
from genaiops.arena.promptfoo._templates import names_in, native, rendered
from genaiops.domain import Script

Chat = tuple[dict[str, Any], ...]
_FILES: Final = re.compile(r"[\w./*{}, -]+\.(?:txt|json|jsonl|ya?ml|md|j2|csv|m?js|cjs|ts|py)(?::\w+)?")
_ELSEWHERE: Final = ("langfuse://", "portkey://", "helicone://")


class Prompt(msgspec.Struct, frozen=True):
    """A template, or a function that gives one."""

    path: str
    label: str = ""
    text: str = ""
    script: Script | None = None


class Asked(msgspec.Struct, frozen=True):
    """Whom a prompt is for. `chat`: messages are taken out of its text."""

    id: str
    label: str
    chat: bool


def read_prompts(raw: Any, path: str, near: Near) -> list[Prompt]:
    """Of one entry of `prompts`. Refused says what is no prompt."""
    label, config = "", None
    if isinstance(raw, dict):
        fields = cast("dict[str, Any]", raw)
        label, config = str(fields.get("label") or ""), fields.get("config")
        raw = fields.get("raw", fields.get("id"))
    if isinstance(raw, list | dict):
        return [Prompt(path, label, json.dumps(raw, ensure_ascii=False))]
    if not isinstance(raw, str):
        raise Refused(path, "A prompt is a text, or an object with raw.", "Write it as a text.")
    if raw.startswith(_ELSEWHERE):
        raise Refused(path, f"{raw} is kept by somebody else.", "Write its text into a file.")
    if raw.startswith("exec:"):
        script = Script(language="command", code=raw.removeprefix("exec:").strip(), takes=("context",))
        return [Prompt(path, label or raw, script=script)]
    if not raw.startswith(FILE) and ("\n" in raw or _FILES.fullmatch(raw) is None):
        return [Prompt(path, label, raw)]
    if not raw.startswith(FILE) and "*" not in raw and not is_code(raw) and not (near.folder.path / raw).is_file():
        return [Prompt(path, label, raw)]
    return [each for file in near.folder.matching(raw, path) for each in _of_file(file, label, config, path, near)]


def _of_file(file: str, label: str, config: Any, path: str, near: Near) -> Iterator[Prompt]:
    if is_code(file):
        script = script_at(file, path, near.folder, "", ("context",), config)
        if script.language != "javascript" and not script.function:
            script = _as_program(script)
        yield Prompt(path, label or file.removeprefix(FILE), script=script)
        return
    text, suffix = near.folder.text(file, path), Path(file).suffix.lower()
    if suffix == ".csv":
        yield from _of_table(text, label, path)
    elif suffix == ".txt":
        for part in re.split(r"(?m)^---\s*$", text):
            if part.strip():
                yield Prompt(path, label, part.strip())
    elif suffix == ".jsonl":
        for line in text.splitlines():
            if line.strip():
                yield Prompt(path, label, line)
    elif suffix in (".yaml", ".yml"):
        found = near.folder.data(file, path)
        yield Prompt(path, label, found if isinstance(found, str) else js_json(found))
    elif text.strip():
        yield Prompt(path, label, text.strip() if suffix == ".json" else text)


def _as_program(script: Script) -> Script:
    """A file of Python without a function is begun, with the context as its argument."""
    interpreter = "python3" if script.language == "python" else "ruby"
    return Script(language="command", code=f"{interpreter} {script.file}", takes=("context",), config=script.config)


def _of_table(text: str, label: str, path: str) -> Iterator[Prompt]:
    if "," not in text:
        lines = [line for line in text.splitlines() if line.strip()]
        for line in lines[bool(lines and lines[0].strip().lower() == "prompt") :]:
            yield Prompt(path, label, line)
        return
    for row in csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True):
        if row.get("prompt"):
            yield Prompt(path, row.get("label") or label, row["prompt"])


def own_template(prompt: Prompt, tests: Sequence[Mapping[str, Any]]) -> str | Chat | None:
    """The prompt as a template of ours for all of these variables; None where it has to be rendered case by case."""
    if prompt.script is not None:
        return None
    chat = chat_of(prompt.text)
    texts = [prompt.text] if chat is None else [each.get("content") for each in chat]
    if chat is None and prompt.text.lstrip()[:1] in ("{", "["):
        return None  # a text of JSON takes variables in JSON's own way
    made = [native(each) if isinstance(each, str) else each for each in texts]
    if any(isinstance(was, str) and now is None for was, now in zip(texts, made, strict=True)):
        return None
    used = {name for each in made if isinstance(each, str) for name in names_in(each)}
    if any(not isinstance(variables.get(name), str | int) for variables in tests for name in used):
        return None
    if chat is None:
        return cast("str", made[0])
    return tuple({**message, "content": now} for message, now in zip(chat, made, strict=True))


def for_case(
    prompt: Prompt, variables: Mapping[str, Any], asked: Asked, near: Near, around: tuple[str, str] = ("", "")
) -> str | list[dict[str, Any]]:
    """What is asked of a case. Refused where the function or the template gives nothing. `around`: before and after."""
    variables = {name: each for name, each in variables.items() if not name.startswith(MADE)}
    text = prompt.text if prompt.script is None else _called(prompt, variables, asked, near)
    text = f"{around[0]}{text}{around[1]}"
    if "_conversation" in text:
        raise Refused(
            prompt.path, "Conversations over several tests are not taken over.", "Write them as one test with messages."
        )
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if isinstance(parsed, list | dict):
        said = json.dumps(rendered(parsed, variables, prompt.path, near.nunjucks), ensure_ascii=False, indent=2)
    else:
        said = rendered(text, variables, prompt.path, near.nunjucks)
    chat = chat_of(said) if asked.chat else None
    return said if chat is None else list(chat)


def _called(prompt: Prompt, variables: Mapping[str, Any], asked: Asked, near: Near) -> str:
    script = cast("Script", prompt.script)
    provider = {"id": asked.id, "label": asked.label}
    context = {"vars": dict(variables), "provider": provider, "config": script.config}
    said = near.called(script, {"context": context}, prompt.path)
    if isinstance(said, dict) and "prompt" in said:
        said = cast("dict[str, Any]", said)["prompt"]
    if said is None:
        raise Refused(prompt.path, f"{script.called} returned nothing.", "Return a text, or a list of messages.")
    return said if isinstance(said, str) else js_json(said) if isinstance(said, list | dict) else js_text(said)


def chat_of(text: str) -> Chat | None:
    """The messages of a text that is a list of them, as JSON or YAML."""
    start = text.lstrip()
    if start[:1] not in ("[", "-"):
        return None
    try:
        raw = json.loads(text) if start.startswith("[") else load_yaml(text)
    except Exception:  # noqa: BLE001 (a text that begins so, and is neither)
        return None
    if not isinstance(raw, list) or not raw:
        return None
    items = cast("list[Any]", raw)
    if not all(isinstance(each, dict) and "role" in each for each in items):
        return None
    return tuple(cast("dict[str, Any]", each) for each in items)
