"""Packs of attacks as they are written: seeds, how they are dressed, what shows their success, and their tags."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from genaiops.arena.redteam._converters import CONVERTERS
from genaiops.checks.written import Fault, converted, on_line, read_document
from genaiops.core.errors import UsageError
from genaiops.domain import Play, Success

_Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
LARGEST: Final = 50_000_000
_PLACE: Final = re.compile(r"\{\{([a-z0-9_]{1,20})\}\}")


class PackTemplate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A wording around a seed's goal: `text` has `{{goal}}` in it. `tags`: besides those of the pack."""

    name: _Name
    text: str
    tags: tuple[str, ...] = ()


class PackSeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is wanted, once; all cases made of it are one cluster. What it gives of `context`, `play` and `success`
    takes
    the place of the pack's."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")]
    goal: str
    hazard: str = ""
    tags: tuple[str, ...] = ()
    context: tuple[str, ...] | None = None
    play: Play | None = None
    success: Success | None = None


class Pack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`seed` times `template` times `converters` makes the cases. `system`: what the target is told first; `user`: the
    message, with `{{attack}}` (the dressed goal) in it; `context`: passages before it, likewise, as if they had been
    found. `{{canary}}`, `{{word1}}`, `{{word2}}` and `{{marker}}` (the two words together) are made anew for each run's
    seed. `harmless`: it counts what is refused. `source` and `licence`: whose texts these are."""

    name: _Name
    title: Annotated[str, Meta(max_length=200)]
    description: Annotated[str, Meta(max_length=4000)] = ""
    family: _Name
    tags: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""
    language: str = "en"
    system: str = ""
    user: str = "{{attack}}"
    context: tuple[str, ...] = ()
    template: tuple[PackTemplate, ...] = ()
    converters: tuple[str, ...] = ("plain",)
    seed: Annotated[tuple[PackSeed, ...], Meta(min_length=1)]
    play: Play | None = None
    success: Success | None = None
    harmless: bool = False

    @property
    def planted(self) -> bool:
        """Whether what shows success stands in what the system says."""
        return "{{canary}}" in self.system

    @property
    def cases(self) -> int:
        return len(self.seed) * max(1, len(self.template)) * len(self.converters)

    @property
    def detectors(self) -> tuple[str, ...]:
        found = [seed.success or self.success for seed in self.seed]
        return tuple(dict.fromkeys(each.by for each in found if each is not None))


def read_pack(text: str, what: str = "The pack") -> Pack:
    """TOML, YAML or JSON. UsageError names every fault with its line."""
    document = read_document(text, None, what=what, most=LARGEST)
    if document.fault is not None:
        raise _refused(what, [document.fault])
    pack, fault = converted(document.value, Pack, "")
    faults = [fault] if fault is not None else list(_meaning(pack))
    if faults:
        raise _refused(what, [on_line(each, document.lines) for each in faults])
    return pack


def checked_pack(document: Mapping[str, Any], what: str) -> Pack:
    """The same of what was read already."""
    pack, fault = converted(dict(document), Pack, "")
    faults = [fault] if fault is not None else list(_meaning(pack))
    if faults:
        raise _refused(what, faults)
    return pack


def pack_schema() -> dict[str, Any]:
    """JSON Schema of a pack, for editors."""
    schema = msgspec.json.schema(Pack)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "genaiops attack pack", **schema}


def _refused(what: str, faults: list[Fault]) -> UsageError:
    told = "; ".join(map(str, faults))
    return UsageError(f"{what} is refused: {told}", remedy=faults[0].remedy, code="pack_invalid", param="pack")


def _meaning(pack: Pack) -> Iterator[Fault]:
    for number, name in enumerate(pack.converters):
        if name not in CONVERTERS:
            message = f"There is no converter {name!r}."
            yield Fault(message=message, path=f"converters[{number}]", remedy=f"There are: {', '.join(CONVERTERS)}.")
    seen: set[str] = set()
    for number, seed in enumerate(pack.seed):
        path = f"seed[{number}]"
        if seed.id in seen:
            yield Fault(message=f"Another seed is called {seed.id!r}, too.", path=f"{path}.id", remedy="Rename one.")
        seen.add(seed.id)
        success = seed.success or pack.success
        if success is None:
            yield Fault(message="Nothing says what shows its success.", path=path, remedy="Write a table success.")
            continue
        lacking = _lacking(success)
        if lacking:
            where = f"{path}.success" if seed.success is not None else "success"
            yield Fault(message=f"{success.by} needs {lacking}.", path=where, remedy="Give it, or take another kind.")
        if pack.harmless != (success.by == "refused"):
            message = "Of harmless cases, and of these alone, what is refused is counted."
            yield Fault(message=message, path="harmless", remedy='Let success.by be "refused" exactly then.')
    yield from _texts(pack)


def _lacking(success: Success) -> str:
    needs = {
        "canary": ("texts", success.texts),
        "says": ("texts", success.texts),
        "markup": ("texts", success.texts),
        "tool": ("tool", success.tool),
        "link": ("hosts", success.hosts),
        "tokens": ("tokens", success.tokens),
    }
    name, given = needs.get(success.by, ("", True))
    return "" if given else name


def _texts(pack: Pack) -> Iterator[Fault]:
    """Whether the goals get into what is sent."""
    for number, template in enumerate(pack.template):
        if "{{goal}}" not in template.text:
            what = f"The template {template.name!r} has no {{{{goal}}}} in it."
            yield Fault(message=what, path=f"template[{number}].text", remedy="Write where the goal goes.")
    for number, seed in enumerate(pack.seed):
        play = seed.play or pack.play or Play()
        passages = pack.context if seed.context is None else seed.context
        sent = (pack.user, *passages, *play.turns, *play.results.values())
        if not any(place in text for text in sent for place in ("{{attack}}", "{{goal}}")):
            what = "The goal of this seed gets nowhere: no text has {{attack}} in it."
            yield Fault(message=what, path=f"seed[{number}]", remedy="Write where it goes: user, context or results.")


def filled(text: str, values: Mapping[str, str]) -> str:
    """`{{name}}` of those that are given; other braces stay as they are, for many attacks have some. What is put in is
    never looked at again."""
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), text)
