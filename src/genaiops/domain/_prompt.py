"""Prompts: chat messages with declared variables, and what goes with them into a request."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from genaiops.core.errors import UsageError
from genaiops.domain._template import Block, Nodes, Path, Value, Writer, expand, parse, references

VariableType = Literal["string", "number", "boolean", "list", "object"]
MessageRole = Literal["system", "developer", "user", "assistant", "tool"]
Visibility = Literal["organisation", "team"]

LARGEST_PROMPT: Final = 262_144
"""Bytes of a manifest as JSON."""
MOST_RENDERED: Final = 1_048_576
"""Characters that a prompt's texts have together, variables put in."""
_KINDS: Mapping[VariableType, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list, tuple),
    "object": (dict,),
}
_ARTICLES: Mapping[VariableType, str] = {
    "string": "a string",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list",
    "object": "an object",
}
_NOT_PARAMETERS: Final = frozenset(
    {"model", "messages", "tools", "response_format", "stream", "stream_options", "user", "metadata", "genaiops"}
)

Name = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class PromptVariable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`fields`: what an object has, or each item of a list (without them its items are strings, numbers and booleans).
    `max_length` counts a string's characters or a list's items. With a `default` a variable is not required."""

    name: Name
    type: VariableType = "string"
    required: bool = True
    default: Any = None
    description: str = ""
    max_length: Annotated[int, Meta(ge=1, le=MOST_RENDERED)] | None = None
    fields: "tuple[PromptVariable, ...]" = ()


class PromptMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A message of OpenAI's chat; every text in `content` is a template."""

    role: MessageRole
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class PromptManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a version of a prompt is. `tools`, `response_format`, `parameters` and `model` go into a request that says
    nothing else. `includes`: each reference in the texts (`support/tone@prod`), and the version that it was pinned to
    (`prompt/support/tone@sha256:...`)."""

    messages: Annotated[tuple[PromptMessage, ...], Meta(min_length=1, max_length=200)]
    variables: Annotated[tuple[PromptVariable, ...], Meta(max_length=200)] = ()
    tools: tuple[dict[str, Any], ...] = ()
    response_format: dict[str, Any] | None = None
    parameters: dict[str, Any] = {}
    model: str | None = None
    includes: dict[str, str] = {}


class PromptVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version as the gateway's workers need it. `manifest` is JSON of a PromptManifest whose includes are put in.
    `team_id`: the only team whose keys may use it (None: everybody's)."""

    name: str
    digest: str
    aliases: tuple[str, ...] = ()
    team_id: str | None = None
    manifest: bytes


class PromptUse(msgspec.Struct, frozen=True, array_like=True):
    """What a call was made of: the prompt's name, its version's digest, the alias that was asked for, the variables.
    `messages`: how many of the call's messages, from the first, are the prompt's; 0 where a dialect merges them."""

    name: str
    version: str
    alias: str | None = None
    variables: dict[str, Any] = {}
    messages: int = 0


def prompt_manifest(raw: Mapping[str, Any]) -> PromptManifest:
    """The manifest that these values say. `variables` may also be an object, name -> declaration or type.

    UsageError (code `prompt_invalid` or `template_invalid`) names the field at fault. Every variable in the texts must
    be declared, but for those that includes bring: see `link`."""
    value: dict[str, Any] = dict(raw)
    declared = value.get("variables")
    if isinstance(declared, dict):
        value["variables"] = [_declaration(*pair) for pair in cast("dict[str, Any]", declared).items()]
    try:
        found = msgspec.convert(value, PromptManifest)
    except (msgspec.ValidationError, TypeError) as error:
        text = str(error).replace("`$.", "`")
        raise _wrong(f"The prompt is not well formed: {text}.", "Mend that field.") from None
    _check_variables(found.variables, "")
    wrong = sorted(_NOT_PARAMETERS & found.parameters.keys())
    if wrong:
        raise _wrong(
            f"{wrong[0]!r} is no parameter.", "It has a field of its own, or belongs to the call.", "parameters"
        )
    for message in found.messages:
        for text in _texts(message.content):
            parse(text)
    return found


def includes_of(manifest: PromptManifest) -> tuple[str, ...]:
    """The references in its texts, each once, in order."""
    found: dict[str, None] = {}
    for message in manifest.messages:
        for text in _texts(message.content):
            found.update((include.reference, None) for include in references(parse(text)))
    return tuple(found)


def link(manifest: PromptManifest, included: Callable[[str], PromptManifest]) -> PromptManifest:
    """The manifest with its includes put in, and their variables. `included` gives the linked one of a reference.

    UsageError when an included prompt is not a single text, when two declare a variable differently, when a template
    uses what nobody declares, or when it all is too large."""
    variables = {variable.name: variable for variable in manifest.variables}
    size = 0

    def count(text: str) -> str:
        nonlocal size
        size += len(text)
        if size > LARGEST_PROMPT:
            raise _wrong(f"With its includes the prompt has more than {LARGEST_PROMPT} characters.", "Shorten it.")
        return text

    def text_of(reference: str) -> str:
        found = included(reference)
        if len(found.messages) != 1 or not isinstance(found.messages[0].content, str):
            raise _wrong(
                f"{reference!r} cannot be included: it is not a single message of text.",
                "Include a prompt of one message.",
            )
        for variable in found.variables:
            if variables.setdefault(variable.name, variable) != variable:
                raise _wrong(
                    f"{reference!r} declares the variable {variable.name!r} in another way.",
                    "Declare it alike, or give one of the two another name.",
                    "variables",
                )
        return count(found.messages[0].content)

    messages = tuple(
        msgspec.structs.replace(
            message, content=_mapped(message.content, lambda template: expand(count(template), text_of))
        )
        for message in manifest.messages
    )
    linked = msgspec.structs.replace(manifest, messages=messages, variables=tuple(variables.values()), includes={})
    for message in linked.messages:
        for template in _texts(message.content):
            _check_used(parse(template), variables, None)
    return linked


class ReadyPrompt:
    """A linked manifest, its templates parsed: `check` the variables, then `render` the messages."""

    __slots__ = ("_messages", "_variables", "digest", "manifest", "name")

    def __init__(self, name: str, digest: str, manifest: PromptManifest) -> None:
        self.name = name
        self.digest = digest
        self.manifest = manifest
        self._variables = {variable.name: variable for variable in manifest.variables}
        self._messages = [
            (msgspec.to_builtins(msgspec.structs.replace(message, content=None)), _mapped(message.content, parse))
            for message in manifest.messages
        ]

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values of all variables. UsageError (param `genaiops.variables.NAME`) names the one that is missing,
        unknown, too long or of another type."""
        return _checked(given, self._variables, f"The prompt {self.name!r}", "genaiops.variables")

    def render(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The messages with checked values put in. UsageError (code `prompt_too_large`)."""
        writer = Writer(values, MOST_RENDERED)
        rendered: list[dict[str, Any]] = []
        for fields, content in self._messages:
            rendered.append({**fields, "content": _mapped(content, writer.render)} if content is not None else fields)
        return rendered


def _declaration(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return {"name": name, "type": value}
    return {"name": name, **cast("dict[str, Any]", value or {})} if isinstance(value, dict | None) else value


def _wrong(message: str, remedy: str, param: str = "manifest") -> UsageError:
    return UsageError(message, remedy=remedy, code="prompt_invalid", param=param)


def _texts(content: Any) -> list[str]:
    found: list[str] = []
    _mapped(content, found.append)
    return found


def _mapped(content: Any, work: Callable[[Any], Any]) -> Any:
    """A copy in which each text (a string, parsed nodes) is what `work` makes of it; the types of parts stay."""
    if isinstance(content, str | tuple):
        return work(content)
    if isinstance(content, list):
        return [_mapped(item, work) for item in cast("list[Any]", content)]
    if isinstance(content, dict):
        fields = cast("dict[str, Any]", content)
        return {name: value if name == "type" else _mapped(value, work) for name, value in fields.items()}
    return content


def _check_variables(variables: tuple[PromptVariable, ...], at: str) -> None:
    seen: set[str] = set()
    for variable in variables:
        path = f"{at}{variable.name}"
        if variable.name in seen or variable.name == "this":
            why = "means the item of a loop" if variable.name == "this" else "is declared twice"
            raise _wrong(f"The variable {path!r} {why}.", "Give it another name.", "variables")
        seen.add(variable.name)
        if variable.fields and variable.type not in ("list", "object"):
            raise _wrong(
                f"{path!r} is {_ARTICLES[variable.type]}, which has no fields.", "Leave them out.", "variables"
            )
        _check_variables(variable.fields, f"{path}.")
        if variable.default is not None:
            try:
                _value(variable.default, variable, path, "variables")
            except UsageError as error:
                raise _wrong(
                    f"The default of {path!r} does not fit: {error.message}", "Mend it.", "variables"
                ) from None


def _check_used(nodes: Nodes, variables: Mapping[str, PromptVariable], this: PromptVariable | None) -> None:
    """`this`: the list whose items a loop goes through."""
    for node in nodes:
        if not isinstance(node, Value | Block):
            continue
        found = _declared(node.path, variables, this, node.line)
        if isinstance(node, Block):
            if node.kind == "each" and (found is None or found.type != "list"):
                raise _wrong(
                    f"{'.'.join(node.path)!r} in {{{{#each}}}} is no list.", "Declare it as a list.", "variables"
                )
            _check_used(node.body, variables, found if node.kind == "each" else this)
            _check_used(node.otherwise, variables, this)


def _declared(
    path: Path, variables: Mapping[str, PromptVariable], this: PromptVariable | None, line: int
) -> PromptVariable | None:
    """What a path names; None: the whole item of a list."""
    first, *names = path
    found = this if first == "this" else variables.get(first)
    if found is None:
        if first == "this":
            raise _wrong(
                f"Line {line}: {{{{this}}}} stands in no loop.", "Use it between {{#each list}} and {{/each}}."
            )
        raise _wrong(
            f"The variable {first!r} is used and not declared.",
            f"Declare it: variables: {{{first}: {{type: string}}}}.",
            "variables",
        )
    if first == "this" and not names:
        return None
    for name in names:
        fields = {field.name: field for field in found.fields if found.type == "object" or first == "this"}
        if name not in fields:
            raise _wrong(
                f"{'.'.join(path)!r} is used, and {found.name!r} declares no field {name!r}.",
                f"Declare it among the fields of {found.name!r}.",
                "variables",
            )
        found = fields[name]
        first = ""
    return found


def _checked(given: Mapping[str, Any], declared: Mapping[str, PromptVariable], who: str, param: str) -> dict[str, Any]:
    for name in given:
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise UsageError(
                f"{who} has no variable {name!r}.",
                remedy=f"Its variables are: {known}.",
                code="unknown_variable",
                param=f"{param}.{name}",
            )
    values: dict[str, Any] = {}
    for name, variable in declared.items():
        value = given.get(name, UNSET)
        if isinstance(value, UnsetType) or (value is None and not variable.required):
            if variable.default is None and variable.required:
                raise UsageError(
                    f"{who} needs the variable {name!r} ({_ARTICLES[variable.type]}).",
                    remedy=f"Send it in {param}.",
                    code="missing_variable",
                    param=f"{param}.{name}",
                )
            values[name] = variable.default
        else:
            values[name] = _value(value, variable, name, f"{param}.{name}")
    return values


def _value(value: Any, variable: PromptVariable, name: str, param: str) -> Any:
    kind = variable.type
    if not isinstance(value, _KINDS[kind]) or (kind == "number" and isinstance(value, bool)):
        raise _misfit(f"The variable {name!r} must be {_ARTICLES[kind]}.", param)
    most = variable.max_length
    if most is not None and kind in ("string", "list") and len(value) > most:
        what = "characters" if kind == "string" else "items"
        raise _misfit(f"The variable {name!r} has {len(value)} {what}, and {most} are allowed.", param)
    if kind == "object" and variable.fields:
        return _fields(value, variable, name, param)
    if kind == "list":
        return [_item(item, variable, f"{name}.{number}", param) for number, item in enumerate(value)]
    return value


def _item(item: Any, variable: PromptVariable, name: str, param: str) -> Any:
    if variable.fields:
        if not isinstance(item, dict):
            raise _misfit(f"The variable {name!r} must be an object.", param)
        return _fields(cast("dict[str, Any]", item), variable, name, param)
    if not isinstance(item, str | int | float):
        raise _misfit(f"The variable {name!r} must be a string, a number or true or false.", param)
    return item


def _fields(value: Mapping[str, Any], variable: PromptVariable, name: str, param: str) -> dict[str, Any]:
    found = _checked(value, {field.name: field for field in variable.fields}, f"The variable {name!r}", param)
    return {field: each for field, each in found.items() if each is not None}


def _misfit(message: str, param: str) -> UsageError:
    return UsageError(message, remedy="Send another value.", code="wrong_variable", param=param)
