"""Traces that were exported (`genaiops trace export`, `/api/traces/export`), as rows of cases."""

from collections.abc import Mapping
from typing import Any, Final, cast

_KNOWN: Final = ("model", "operation", "status", "started_at", "environment_id", "application", "session_id")


def is_exported(row: Mapping[str, Any]) -> bool:
    """Whether a row is a whole trace."""
    return "trace_id" in row and isinstance(row.get("spans"), list) and isinstance(row.get("messages"), list)


def exported_row(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """As rows of datasets that are made of traces: `input` (messages), `output`, `metadata`, `trace_id`, and
    `prompt_messages` and `variables` of a prompt. None where nothing of what was asked was kept. Who the end user was
    is left out."""
    turns = [cast("dict[str, Any]", turn) for turn in row["messages"] if isinstance(turn, dict)]
    asked = [_message(turn) for turn in turns if turn.get("direction") == "input"]
    if not asked:
        return None
    said = [str(turn.get("text") or "") for turn in turns if turn.get("direction") == "output"]
    metadata = {name: row[name] for name in _KNOWN if row.get(name) not in (None, "", [], {})}
    if scores := row.get("scores"):
        metadata["scores"] = {
            one["name"]: one["label"] if one["label"] is not None else one["value"]
            for one in cast("list[dict[str, Any]]", scores)
        }
    made = {
        "trace_id": row["trace_id"],
        "input": asked,
        "output": "\n".join(text for text in said if text),
        "metadata": metadata,
    }
    facts = cast("dict[str, Any]", row.get("attributes") or {})
    count = facts.get("genaiops.prompt.messages")
    if isinstance(count, int) and 0 < count <= len(asked):
        variables = facts.get("genaiops.prompt.variables")
        made |= {"prompt_messages": count, **({"variables": variables} if variables else {})}
    return made


def _message(turn: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": turn.get("role") or "user", "content": turn.get("text") or ""}
