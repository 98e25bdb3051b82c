"""Templates of promptfoo (Nunjucks) in the language of our prompts: values, and nothing that computes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from genaiops.arena.promptfoo._files import Refused
from genaiops.core.errors import UsageError
from genaiops.domain import render_template

_TAG: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_REMEDY: Final = "Write the values into the variables, where a template takes them by their names."


def template(text: str, path: str) -> str:
    """The same as a template of ours. Refused: filters, blocks, calls."""
    if "{%" in text:
        raise Refused(path, "A block of Nunjucks ({% ... %}) cannot be taken over.", _REMEDY)
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    for found in _TAG.finditer(text):
        inner = re.sub(r"\s*\|\s*safe$", "", found[1])
        if _NAME.fullmatch(inner) is None:
            what = "reads the environment" if inner.startswith("env") else "computes"
            raise Refused(path, f"{{{{{found[1][:60]}}}}} {what}, which templates here do not.", _REMEDY)
        if inner.startswith("env."):
            raise Refused(path, f"{{{{{inner}}}}} reads the environment, which templates here do not.", _REMEDY)
    return _TAG.sub(lambda found: "{{" + re.sub(r"\s*\|\s*safe$", "", found[1]) + "}}", text)


def rendered(value: Any, variables: Mapping[str, Any], path: str) -> Any:
    """Texts of a value with the variables put in; the rest as it is."""
    if isinstance(value, str):
        if "{{" not in value and "{%" not in value:
            return value
        try:
            return render_template(template(value, path), variables)
        except UsageError as error:
            raise Refused(path, error.message, error.remedy or _REMEDY) from None
    if isinstance(value, dict):
        return {name: rendered(each, variables, path) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [rendered(each, variables, path) for each in cast("Sequence[Any]", value)]
    return value
