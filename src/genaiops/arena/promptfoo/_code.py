"""Code of a configuration: what a reference names, and what it gives when the configuration is read."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.arena.promptfoo._files import FILE, Folder, Refused, mapping
from genaiops.arena.promptfoo._nunjucks import Nunjucks
from genaiops.domain import Script, ScriptLanguage, SuiteCheck
from genaiops.ports.scripts import Scripts

CODE_KINDS: Final[tuple[ScriptLanguage, ...]] = ("javascript", "python", "ruby")
"""Assertions that are code, by the name of their language."""
_REFERENCE: Final = re.compile(
    r"(?:file://)?(?P<file>.+?\.(?P<suffix>m?js|cjs|m?ts|cts|py|rb))(?::(?P<function>[\w.]+))?"
)
_LANGUAGES: Final[Mapping[str, ScriptLanguage]] = {"py": "python", "rb": "ruby"}
_SECONDS: Final = 60.0


class Near(msgspec.Struct, frozen=True):
    """What stands around a configuration. `scripts` None: nobody calls its code here."""

    folder: Folder
    nunjucks: Nunjucks
    scripts: Scripts | None = None

    def called(self, script: Script, given: Mapping[str, Any], path: str) -> Any:
        """What a function gives when the configuration is read. Refused says why it gives nothing."""
        if self.scripts is None:
            raise Refused(
                path, f"{script.called} is code, which is not called here.", "Import the suite where its files are."
            )
        said = self.scripts.call(script, given, _SECONDS)
        if said.error:
            raise Refused(path, f"The code gives nothing: {said.error}", "Mend it.")
        return said.value


def is_code(reference: Any) -> bool:
    return isinstance(reference, str) and _REFERENCE.fullmatch(reference.strip()) is not None


def script_at(
    reference: str, path: str, folder: Folder, function: str, takes: Sequence[str], config: Any = None
) -> Script:
    """`function`: what it is called in Python and Ruby where the reference names none. Refused when it is not there."""
    found = _REFERENCE.fullmatch(reference.strip())
    if found is None:
        raise Refused(path, f"{reference} is no file of code.", "There are .js, .cjs, .mjs, .ts, .py and .rb.")
    language: ScriptLanguage = _LANGUAGES.get(found["suffix"], "javascript")
    return Script(
        language=language,
        file=folder.code(found["file"], path),
        function=found["function"] or ("" if language == "javascript" else function),
        takes=tuple(takes),
        config=mapping(config, f"{path}.config"),
    )


def transforms(raw: Any, path: str, folder: Folder, takes: Sequence[str] = ("output", "context")) -> tuple[Script, ...]:
    """Of a field `transform`: an expression of JavaScript, or a file."""
    if not raw:
        return ()
    if not isinstance(raw, str):
        raise Refused(path, "A transform is a text.", "Write an expression of JavaScript, or file://...")
    if raw.startswith(FILE):
        return (script_at(raw, path, folder, "get_transform", takes),)
    return (Script(language="javascript", code=raw, takes=tuple(takes)),)


def check_of_code(base: str, fields: Mapping[str, Any], path: str, folder: Folder) -> SuiteCheck:
    """The check of an assertion that is code."""
    value, threshold = fields.get("value"), fields.get("threshold")
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{path}.value", f"{base} has no code.", "Write an expression, or file://...")
    if threshold is not None and (not isinstance(threshold, int | float) or isinstance(threshold, bool)):
        raise Refused(f"{path}.threshold", "A threshold is a number.", "Mend it.")
    if value.startswith(FILE):
        script = script_at(value, f"{path}.value", folder, "get_assert", ("output", "context"), fields.get("config"))
    else:
        config = mapping(fields.get("config"), f"{path}.config")
        script = Script(language=cast("ScriptLanguage", base), code=value.rstrip(), config=config)
    options: dict[str, Any] = {"script": msgspec.to_builtins(script)}
    if threshold is not None:
        options["threshold"] = threshold
    return SuiteCheck(metric="script", options=options)


def with_transforms(check: SuiteCheck, scripts: Sequence[Script]) -> SuiteCheck:
    """The check of what these make of the output."""
    if not scripts:
        return check
    first: list[Any] = [msgspec.to_builtins(each) for each in scripts]
    options = dict(check.options)
    if check.metric in ("script", "transformed"):
        options["transform"] = [*first, *options.get("transform", ())]
        return msgspec.structs.replace(check, options=options)
    wrapped = {"transform": first, "metric": check.metric, "options": options}
    return msgspec.structs.replace(check, metric="transformed", options=wrapped)
