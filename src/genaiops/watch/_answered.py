"""What an answer was made with, as its trace says it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from genaiops.domain import Content
from genaiops.ports.telemetry import Trace
from genaiops.watch._documents import root_of
from genaiops.watch._spans import PROMPT_NAME, PROMPT_VERSION


def answered_with(trace: Trace) -> list[str]:
    """References to versions and models: `release/app@sha256:...`, `prompt/x@sha256:...`, `model/smollm2`."""
    root = root_of(trace)
    found = [ref for content in trace.contents.values() for ref in _versions(content, root.application or "")]
    found += [f"model/{span.target_id}" for span in trace.spans if span.target_id and span.status == "ok"]
    if root.request_model and not root.request_model.startswith("app/"):
        found.append(f"model/{root.request_model}")
    return list(dict.fromkeys(found))


def _versions(content: Content, application: str) -> Iterator[str]:
    release = _text(content, "genaiops.release")
    if application and release.startswith("sha256:"):
        yield f"release/{application}@{release}"
    name, version = _text(content, PROMPT_NAME), _text(content, PROMPT_VERSION)
    if name and version.startswith("sha256:"):
        yield f"prompt/{name}@{version}"


def _text(content: Content, name: str) -> str:
    raw = (content.attributes or {}).get(name)
    value: Any = None if raw is None else msgspec.json.decode(raw)
    return value if isinstance(value, str) else ""
