"""Prompts as files: YAML, JSON or TOML of a manifest, or Markdown whose front matter says everything but the messages.

---
variables: {company: string}
---
# system
You answer for {{company}}.
# user
...
"""

import re
import tomllib
from typing import Any, cast

from genaiops.cli._described import parse_yaml, read_texts, to_yaml
from genaiops.core.errors import UsageError

_FRONT = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_ROLE = re.compile(r"^# (system|developer|user|assistant)[ \t]*$", re.MULTILINE)


def read_prompt(name: str) -> dict[str, Any]:
    """The manifest in a file, or on standard input (`-`). UsageError when it holds none."""
    ((file, text),) = read_texts(name)
    if file.endswith(".toml"):
        return _of_toml(file, text)
    front = _FRONT.match(text)
    if front is None and not file.endswith((".md", ".markdown")):
        found = parse_yaml(file, text)
        if isinstance(found, dict):
            return cast("dict[str, Any]", found)
        if not isinstance(found, str):
            raise UsageError(f"{file} holds no prompt.", remedy="Give an object with messages, or Markdown.")
    fields: Any = parse_yaml(file, front[1]) if front is not None else {}
    if not isinstance(fields, dict | None):
        raise UsageError(f"{file}: the front matter is no object.", remedy="Write `name: value` lines there.")
    body = text[front.end() :] if front is not None else text
    return {**cast("dict[str, Any]", fields or {}), "messages": _messages(body)}


def _of_toml(file: str, text: str) -> dict[str, Any]:
    """UsageError with the line; other kinds of files are TOML here, so that people write prompts so, too."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{file}: this cannot be read as TOML: {error}.",
            remedy="Mend that place, or write it as YAML (.yaml), JSON or Markdown (.md).",
        ) from error


def write_prompt(manifest: dict[str, Any]) -> str:
    """The manifest as YAML that `read_prompt` reads; its pins are made anew when it is pushed."""
    return to_yaml({name: value for name, value in manifest.items() if name != "includes"})


def _messages(body: str) -> list[dict[str, str]]:
    """A line `# role` begins a message; a text without any is one of the system."""
    first, *rest = _ROLE.split(body)
    if not rest:
        return [{"role": "system", "content": first.strip("\n")}]
    if first.strip():
        raise UsageError("There is text before the first role.", remedy="Write a line `# system` above it.")
    return [{"role": role, "content": content.strip("\n")} for role, content in zip(rest[::2], rest[1::2], strict=True)]
