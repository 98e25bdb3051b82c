"""Templates of promptfoo (Nunjucks): rendered as they are, or put into the language of our prompts where that can say
the same."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from genaiops.arena.promptfoo._files import Refused
from genaiops.arena.promptfoo._nunjucks import NotRendered, Nunjucks

_TAG: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_SECRET: Final = re.compile(r"\benv(?:\.|\[['\"])(\w*(?:KEY|TOKEN|SECRET|PASSW|CREDENTIAL)\w*)", re.IGNORECASE)
_REMEDY: Final = "Mend the template."


def nunjucks_of(env: Any, filters: Mapping[str, Callable[..., Any]]) -> Nunjucks:
    """`env` of the configuration goes before the machine's."""
    own = cast("dict[str, Any]", env if isinstance(env, dict) else {})
    return Nunjucks({**os.environ, **{name: str(value) for name, value in own.items()}}, filters)


def native(text: str) -> str | None:
    """The same as a template of ours; None where ours cannot say it: filters, blocks, calls, `env`."""
    if "{%" in text or "\\{{" in text:
        return None
    text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
    for found in _TAG.finditer(text):
        inner = re.sub(r"\s*\|\s*safe$", "", found[1])
        if _NAME.fullmatch(inner) is None or inner.split(".")[0] in ("env", "this", "else", "true", "false", "none"):
            return None
    return _TAG.sub(lambda found: "{{" + re.sub(r"\s*\|\s*safe$", "", found[1]) + "}}", text)


def template(text: str, path: str) -> str:
    """The same as a template of ours. Refused: filters, blocks, calls, `env`."""
    made = native(text)
    if made is None:
        raise Refused(path, "What grades takes variables by their names only.", "Take filters and blocks out.")
    return made


def names_in(text: str) -> set[str]:
    """The first names of the tags of a template of ours."""
    return {found[1].split(".")[0] for found in _TAG.finditer(text)}


def rendered(value: Any, variables: Mapping[str, Any], path: str, nunjucks: Nunjucks) -> Any:
    """Texts of a value with the variables put in; the rest as it is. Refused says why not."""
    if isinstance(value, str):
        secret = _SECRET.search(value)
        if secret is not None:
            raise Refused(
                path,
                f"env.{secret[1]} would write a secret into the suite.",
                "Name it with apiKeyEnvar, or take it out.",
            )
        try:
            return nunjucks.render(value, variables)
        except NotRendered as error:
            raise Refused(path, f"The template cannot be rendered: {error}.", _REMEDY) from None
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: rendered(each, variables, path, nunjucks) for name, each in fields.items()}
    if isinstance(value, list):
        return [rendered(each, variables, path, nunjucks) for each in cast("Sequence[Any]", value)]
    return value


def mentions_unknown(text: str, variables: Mapping[str, Any]) -> bool:
    """Whether a value names what is no variable: it stays as it is, for it is not meant as a template."""
    heads = (re.match(r"[A-Za-z_]\w*", found[1]) for found in _TAG.finditer(text))
    return any(head is not None and head[0] not in variables and head[0] != "env" for head in heads)
