"""How a body is laid out: which strings are text, whose, and which only name things.

A Node is one kind of JSON object. What it does not name is text of provenance `other`, whatever it is called: a field
that nobody here has heard of yet cannot carry anything past the guard.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol, get_args

Provenance = Literal[
    "system",
    "developer",
    "user",
    "assistant",
    "retrieved",
    "tool_result",
    "tool_arguments",
    "tool_definition",
    "reasoning",
    "model_output",
    "other",
]
"""Who said it, or what it is for. `assistant`: what a model said in an earlier turn, as its caller tells it;
`model_output`: what it says now. `other`: everything that no dialect names."""

PROVENANCES: frozenset[str] = frozenset(get_args(Provenance))

# What a string at a place is.
TEXT = 0
NAME = 1
"""An identifier, or one of a list of words: text as soon as it does not look like one."""
MODEL = 2
"""The same for names of models and of media types, which have slashes."""
OPAQUE = 3
"""Media in base64: text as soon as it does not look like base64, or once it decodes to text."""
URL = 4
"""Text, but for a data URL, which is media."""
ARGUMENTS = 5
"""JSON in a string: the arguments of a tool."""
SEALED = 6
"""A state of its provider's own: a signature, encrypted reasoning, padding."""

_NAME = re.compile(r"[\w.:-]{1,6}|(?=[\d.:-]*[A-Za-z_])[\w.:-]{1,256}", re.ASCII)
_MODEL = re.compile(r"[\w.:/+-]{1,256}(?:@[\w:-]{1,128})?", re.ASCII)


def is_name(text: str) -> bool:
    """Whether it looks like an identifier: short, no spaces, and not digits alone."""
    return _NAME.fullmatch(text) is not None


def is_model(text: str) -> bool:
    """The same for names of models, routes and applications (`app/support@prod`)."""
    return _MODEL.fullmatch(text) is not None


class Calls(Protocol):
    """What an object may ask and tell of the calls of tools around it: the names of tools by the ids of their calls."""

    calls: dict[str, str]


Enter = Callable[[Calls, dict[str, Any], Provenance, str], tuple[Provenance, str]]
"""The provenance and the tool of an object's texts, by what it says of itself."""


class Node:
    """One kind of object. `rules`: by key. `default`: for keys without a rule. `numbers`: long numbers are text, too.
    `unit`: its texts are read together; `run`: so are those of its neighbours of the same provenance."""

    __slots__ = ("default", "enter", "numbers", "rules", "run", "unit")

    def __init__(self, default: "Rule | None", *, enter: Enter | None = None, unit: bool = False, run: bool = False):  # noqa: ANN204
        self.rules: dict[str, Rule] = {}
        self.default = Rule(TEXT, self) if default is None else default
        self.enter = enter
        self.unit = unit or run
        self.run = run
        self.numbers = False


class Rule:
    """What stands at a key: `kind` of a string, `node` of an object (lists: of each of their items)."""

    __slots__ = ("kind", "node", "provenance")

    def __init__(self, kind: int, node: Node, provenance: Provenance | None = None) -> None:
        self.kind = kind
        self.node = node
        self.provenance: Provenance | None = provenance


FREE = Node(None)
"""An object of the caller's own making: names, texts and numbers."""
FREE.numbers = True
UNIT = Node(Rule(TEXT, FREE), unit=True)
"""As FREE, and what stands in it is read together."""
UNIT.numbers = True
OTHER = Rule(TEXT, FREE, "other")
AMOUNTS = Node(None)
AMOUNTS.default = Rule(NAME, AMOUNTS)
"""Figures that a provider counted."""


def node(
    names: str = "",
    *,
    media: str = "",
    sealed: str = "",
    links: str = "",
    said: str = "",
    enter: Enter | None = None,
    unit: bool = False,
    run: bool = False,
    **others: Node | Rule,
) -> Node:
    """An object with fields of these kinds; `others` by name: a Node (its strings are text), or a Rule."""
    made = Node(OTHER, enter=enter, unit=unit, run=run)
    kinds = ((NAME, names), (OPAQUE, media), (SEALED, sealed), (URL, links), (TEXT, said))
    for kind, fields in kinds:
        made.rules |= dict.fromkeys(fields.split(), Rule(kind, FREE))
    extend(made, **others)
    return made


def extend(of: Node, **others: Node | Rule) -> None:
    """More fields: nodes that contain themselves are made in two steps."""
    of.rules |= {name: one if isinstance(one, Rule) else Rule(TEXT, one) for name, one in others.items()}


def text(provenance: Provenance, within: Node = FREE) -> Rule:
    return Rule(TEXT, within, provenance)


def merged(of: Node, *, enter: Enter | None = None) -> Node:
    """Another one with the same fields, to be extended."""
    made = Node(of.default, enter=enter or of.enter, unit=of.unit, run=of.run)
    made.rules |= of.rules
    return made


def reachable(*roots: Node) -> Iterator[Node]:
    seen: set[int] = set()
    todo = list(roots)
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [rule.node for rule in one.rules.values()]


SCHEMA = Node(None)
"""JSON Schema. The names of properties are text; examples and defaults are free."""
SCHEMA.rules = {
    **dict.fromkeys(("type", "format", "contentEncoding", "contentMediaType"), Rule(NAME, SCHEMA)),
    **dict.fromkeys(("default", "const", "enum", "examples", "example"), Rule(TEXT, FREE)),
}
_SCHEMA_WORDS = """
$schema $id $ref $defs $comment $anchor $dynamicRef definitions title description properties required items prefixItems
additionalProperties patternProperties propertyNames unevaluatedProperties dependentRequired dependentSchemas allOf
anyOf oneOf not if then else minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern
minItems maxItems uniqueItems contains minContains maxContains minProperties maxProperties nullable deprecated readOnly
writeOnly propertyOrdering property_ordering
"""
SCHEMA_WORDS = frozenset(_SCHEMA_WORDS.split())
"""Keys that say nothing of their own wherever they stand."""
