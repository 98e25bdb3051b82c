"""From cases to families of cases that differ in nothing but who they speak of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import msgspec

from genaiops.arena._suite_text import identified
from genaiops.arena.counterfactuals._slots import Filling, filled, shown_by, slots_of, surface_of
from genaiops.arena.counterfactuals._swaps import slotted
from genaiops.arena.counterfactuals._values import NAMES, ORDER, VALUES
from genaiops.core.errors import NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Case

LARGEST_FAMILY: Final = 500
MOST_NAMES: Final = 4
_OWN: Final = ("family", "varies", "surface")


class Varied(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attribute -> its values (none: all that there are). `intersections`: every value with every value of the others;
    else one attribute at a time. `names`: members that differ in their name alone, of each group."""

    attributes: dict[str, tuple[str, ...]]
    intersections: bool = False
    names: int = 1


class Left(msgspec.Struct, frozen=True):
    """A case that no family was made of, and why."""

    case: str
    why: str


class Expanded(msgspec.Struct, frozen=True, kw_only=True):
    """`cases` of `families` families; `language` of the words that were put in."""

    cases: tuple[Case, ...]
    families: int
    left: tuple[Left, ...]
    language: str = "en"


def expanded(cases: Sequence[Case], varied: Varied) -> Expanded:
    """Each case with a slot, or with one person in it, as a family. NotFound for an attribute or value that there is
    not, UsageError for a family that would be too large, and when no family can be made."""
    attributes = _checked(varied)
    made: list[Case] = []
    left: list[Left] = []
    families = 0
    for number, case in enumerate(identified(cases)):
        try:
            members = list(_family(case, attributes, varied, number))
        except UsageError as error:
            left.append(Left(case.id, f"{error.message}. {error.remedy or ''}".strip()))
            continue
        made += members
        families += 1
    if not made:
        why = f" The first, {left[0].case}: {left[0].why}" if left else ""
        raise UsageError(f"No case can be varied.{why}", remedy="See genaiops suite expand --help.", param="cases")
    return Expanded(cases=tuple(made), families=families, left=tuple(left))


def attributes_document() -> Mapping[str, Sequence[str]]:
    """All attributes with their values."""
    return {name: [value.name for value in values] for name, values in VALUES.items()}


def _checked(varied: Varied) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, values in varied.attributes.items():
        known = attributes_document().get(name)
        if known is None:
            remedy = suggestion(name, ORDER)
            raise NotFound(f"There is no attribute {name!r}.", remedy=remedy, param="attributes")
        for value in values:
            if value not in known:
                raise NotFound(
                    f"{name} has no value {value!r}.", remedy=f"There are: {', '.join(known)}.", param="attributes"
                )
        found[name] = tuple(dict.fromkeys(values)) or tuple(known)
        if len(found[name]) < 2:
            raise UsageError(f"Of {name} two values or more are compared.", remedy="Name two.", param="attributes")
    if not found:
        raise UsageError("What is varied?", remedy=f"Name attributes: {', '.join(ORDER)}.", param="attributes")
    if not 1 <= varied.names <= MOST_NAMES:
        raise UsageError(f"There are 1 to {MOST_NAMES} names of a group.", remedy="Name fewer.", param="names")
    return {name: found[name] for name in ORDER if name in found}


def _family(case: Case, wanted: Mapping[str, Sequence[str]], varied: Varied, number: int) -> Iterator[Case]:
    case, was = _with_slots(case)
    slots = slots_of("\n".join(_texts(case)))
    attributes = {name: values for name, values in wanted.items() if name in shown_by(slots)}
    if not attributes:
        slots_said = ", ".join(f"{{{slot}}}" for slot in sorted(slots))
        raise UsageError(f"{slots_said} shows none of these attributes", remedy="Write {a person}, or {name}.")
    for key in (*_OWN, *attributes):
        if key in case.metadata:
            raise UsageError(f"its metadata has a {key!r} already", remedy="Call that another name.")
    held = {name: value for name, value in was.items() if name not in attributes}
    groups = list(_groups(attributes, varied.intersections))
    names = varied.names if "name" in slots else 1
    if len(groups) * names > LARGEST_FAMILY:
        raise UsageError(
            f"its family would have {len(groups) * names} members, and {LARGEST_FAMILY} are allowed",
            remedy="Name fewer attributes, or some of their values: --attribute gender=woman,man",
        )
    for group in groups:
        for turn in range(names):
            yield _member(case, held, group, slots, (number, turn))


def _groups(attributes: Mapping[str, Sequence[str]], intersections: bool) -> Iterator[dict[str, str]]:
    if intersections:
        for values in product(*attributes.values()):
            yield dict(zip(attributes, values, strict=True))
        return
    for name, values in attributes.items():
        for value in values:
            yield {name: value}


def _member(
    case: Case, held: Mapping[str, str], group: Mapping[str, str], slots: set[str], place: tuple[int, int]
) -> Case:
    """`place`: of the family among all, and of the name. Names stand for a race and a gender, so what does not vary
    goes round from family to family."""
    number, turn = place
    whole = {**held, **group}
    races = list(dict.fromkeys(race for race, _ in NAMES))
    named = (whole.get("race", races[number % len(races)]), whole.get("gender", ("woman", "man")[number // 4 % 2]))
    filling = Filling(group=whole, named=named, turn=number + turn)
    said = ",".join(f"{name}={value}" for name, value in group.items())
    metadata = {
        **case.metadata,
        "family": case.id,
        "varies": list(group),
        **group,
        "surface": surface_of(filling, slots),
    }
    changed = _mapped(case, lambda text: filled(text, filling))
    return msgspec.structs.replace(
        changed,
        id=f"{case.id}[{said}]" + (f".{turn + 1}" if turn else ""),
        cluster=case.cluster or case.id,
        slices=(*case.slices, *(f"{name}:{value}" for name, value in group.items())),
        metadata=metadata,
    )


def _with_slots(case: Case) -> tuple[Case, Mapping[str, str]]:
    if slots_of("\n".join(_texts(case))):
        return case, {}
    if not case.input:
        raise UsageError("it has no slot", remedy="Write {a person} or {name} into it.")
    text, was = slotted(case.input)
    return msgspec.structs.replace(case, input=text), was


def _texts(case: Case) -> list[str]:
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    _mapped(case, keep)
    return found


def _mapped(case: Case, change: Callable[[str], str]) -> Case:
    """With all that is asked, and the references, changed."""

    def deep(value: Any) -> Any:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list):
            return [deep(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, dict):
            return {key: deep(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        return value

    expected = case.expected
    return msgspec.structs.replace(
        case,
        input=change(case.input),
        messages=tuple({**message, "content": deep(message.get("content"))} for message in case.messages),
        variables=deep(case.variables),
        expected=change(expected) if isinstance(expected, str) else tuple(map(change, expected)),
    )
