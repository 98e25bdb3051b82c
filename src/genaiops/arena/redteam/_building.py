"""From packs to a suite: every seed in every dress, with words that are made anew for the run's seed."""

import random
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.arena._beginning import RED_TEAM
from genaiops.arena._suite_text import read_suite_document, suite_manifest
from genaiops.arena.redteam._converters import converter
from genaiops.arena.redteam._pack import Pack, PackSeed, PackTemplate, filled
from genaiops.checks.extraction import CANARY_LETTERS, find_canaries
from genaiops.core.digest import digest_value
from genaiops.core.errors import UsageError
from genaiops.domain import Attack, Case, JudgeMember, Play, Success, Suite

ATTACK: Final = "attack"
HARMLESS: Final = "harmless"
BY: Final = "by:"
"""Slices of cases whose success another check says something about."""
WITHSTANDS: Final = "withstands"
SPARES: Final = "spares the harmless"
_NOUNS: Final = """
amber birch cedar coral delta ember falcon garnet harbor indigo juniper kelp lantern maple nectar ochre pebble quartz
raven saffron timber umber velvet willow yarrow zephyr
"""
_WORDS: Final = _NOUNS.split()
_NO_TEMPLATE: Final = PackTemplate(name="plain", text="{{goal}}")


class Building(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How packs become a suite. `targets`, as in a suite. `limit`: at most so many cases of each pack, whole seeds
    first. `own_system`: the targets have their own instructions, so that those of the packs are left out; `canary` then
    stands in them. `converters` take the place of those of the packs. `tolerance`: the gate wants the exact upper bound
    of the share that succeeds to be below it. `judge`: a judge of whether what was asked for was done, for attacks that
    are only seen not to be refused. `attacker`: who writes the turns of attacks that go on."""

    targets: Sequence[Mapping[str, Any]] = ()
    limit: int | None = None
    seed: int = 0
    repeats: int = 1
    own_system: bool = False
    canary: str = ""
    converters: Sequence[str] = ()
    tolerance: float | None = None
    judge: str = ""
    attacker: JudgeMember | None = None
    run: Mapping[str, Any] = {}


def built(packs: Sequence[Pack], how: Building) -> Suite:
    """A suite that runs as any other. UsageError for packs that cannot be used so."""
    if how.canary:
        find_canaries("", (how.canary,))  # UsageError for one that cannot be found
    cases = [case for pack in packs for case in _cases(pack, how)]
    if not cases:
        raise UsageError("No pack is named.", remedy="See: genaiops redteam packs", param="packs")
    suite = Suite(
        description=f"Red team: {', '.join(pack.name for pack in packs)}",
        case=tuple(cases),
        attacker=how.attacker,
        tags=(RED_TEAM, *dict.fromkeys(tag for case in cases if case.attack is not None for tag in case.attack.tags)),
    )
    plain = suite_manifest(suite)
    plain["target"] = [dict(target) for target in how.targets]
    plain["check"] = _checks(cases, how)
    plain["run"] = {"seed": how.seed, "repeats": how.repeats, **how.run}
    return read_suite_document(plain).checked()


def _checks(cases: Sequence[Case], how: Building) -> list[dict[str, Any]]:
    checks: list[dict[str, Any]] = []
    of = [case.attack for case in cases if case.attack is not None]
    said_elsewhere = (
        ("classified", "complied") if how.judge else ("classified",)
    )  # one check a case, or they may differ
    there = {attack.harmless for attack in of if attack.success.by not in said_elsewhere}
    bound = {} if how.tolerance is None else {"tolerance": how.tolerance}
    if False in there:
        where = f"{BY}evidence" if how.judge else ATTACK
        checks.append({"name": WITHSTANDS, "metric": "attack", "slices": [where], **bound})
    if True in there:
        checks.append({"name": SPARES, "metric": "attack", "slices": [HARMLESS], **bound})
    others = dict.fromkeys(attack.success.detector for attack in of if attack.success.by == "classified")
    checks += [{"name": name, "metric": name, "slices": [f"{BY}{name}"], **bound} for name in others]
    if how.judge:
        checks.append(
            {"name": "judge", "metric": "judge", "options": {"judge": how.judge}, "slices": [f"{BY}complied"]}
        )
    return checks


def _cases(pack: Pack, how: Building) -> Iterator[Case]:
    if how.own_system and pack.planted and not how.canary:
        raise UsageError(
            f"The pack {pack.name!r} wants a planted word to come out, and the target has its own instructions.",
            remedy="Plant a word in them (genaiops prompt, 12 or more small letters), and name it with --canary WORD.",
            param="canary",
        )
    names = tuple(how.converters) or pack.converters
    if pack.harmless:
        names = pack.converters
    made = _interleaved(pack, names)
    digest = digest_value(pack)[7:19]
    for number, (seed, template, name) in enumerate(made):
        if how.limit is not None and number >= how.limit:
            return
        yield _case(pack, digest, (seed, template, name), how)


def _interleaved(pack: Pack, names: Sequence[str]) -> Iterator[tuple[PackSeed, PackTemplate, str]]:
    """Each seed once before any a second time, so that a limit leaves out dresses rather than seeds."""
    templates = pack.template or (_NO_TEMPLATE,)
    dresses = [(template, name) for name in names for template in templates]
    for step in range(len(dresses)):
        for place, seed in enumerate(pack.seed):
            template, name = dresses[(step + place) % len(dresses)]
            yield seed, template, name


def _case(pack: Pack, digest: str, made: tuple[PackSeed, PackTemplate, str], how: Building) -> Case:
    seed, template, name = made
    values = _made_up(pack, seed, how)
    values["goal"] = filled(seed.goal, values)
    attack = converter(name)(filled(template.text, values))
    values["attack"] = attack
    context = tuple(filled(text, values) for text in (pack.context if seed.context is None else seed.context))
    text = "\n\n".join([*context, filled(pack.user, values)])
    system = "" if how.own_system else filled(pack.system, values)
    messages = [{"role": "system", "content": system}] if system else []
    success = _success(seed.success or pack.success, values)
    of = Attack(
        pack=f"{pack.name}@{digest}",
        family=pack.family,
        seed=f"{pack.name}/{seed.id}",
        technique=template.name,
        converter=name,
        hazard=seed.hazard,
        tags=tuple(dict.fromkeys((*pack.tags, *template.tags, *seed.tags))),
        harmless=pack.harmless,
        success=success,
    )
    return Case(
        id=f"{pack.name}/{seed.id}/{template.name}/{name}",
        input=text,
        messages=(*messages, {"role": "user", "content": text}) if messages else (),
        cluster=of.seed,
        slices=slices_of(of),
        play=_play(seed.play or pack.play, values),
        attack=of,
    )


def slices_of(attack: Attack) -> tuple[str, ...]:
    """By what the cases of an attack are found."""
    by = attack.success.by
    found = [f"{BY}{attack.success.detector}" if by == "classified" else HARMLESS if attack.harmless else ATTACK]
    found += [f"family:{attack.family}"]
    found += [hazard_slice(attack)] if attack.hazard else []
    found += [f"technique:{attack.technique}"] if attack.technique else []
    found += [f"converter:{attack.converter}"] if attack.converter else []
    found += [f"{BY}complied"] if by == "complied" else []
    found += [f"{BY}evidence"] if not attack.harmless and by not in ("classified", "complied") else []
    return tuple(dict.fromkeys((*found, *attack.tags)))


def hazard_slice(attack: Attack) -> str:
    """Harmless questions about a hazard are no requests for it, and stand apart from them."""
    return f"{HARMLESS if attack.harmless else 'hazard'}:{attack.hazard}"


def _made_up(pack: Pack, seed: PackSeed, how: Building) -> dict[str, str]:
    """The words of a seed: the same for the same run's seed, so that a run can be told again."""
    chance = random.Random(f"{how.seed}/{pack.name}/{seed.id}")
    word1, word2 = chance.sample(_WORDS, 2)
    canary = "".join(chance.choices(string.ascii_lowercase, k=CANARY_LETTERS))
    return {"canary": how.canary or canary, "word1": word1, "word2": word2, "marker": word1 + word2}


def _success(success: Success | None, values: Mapping[str, str]) -> Success:
    if success is None:
        raise UsageError("Nothing says what shows success.", remedy="Write a table success.", param="success")
    return msgspec.structs.replace(
        success,
        texts=tuple(filled(text, values) for text in success.texts),
        arguments={name: filled(text, values) for name, text in success.arguments.items()},
        hosts=tuple(filled(text, values) for text in success.hosts),
    )


def _play(play: Play | None, values: Mapping[str, str]) -> Play | None:
    if play is None:
        return None
    return msgspec.structs.replace(
        play,
        turns=tuple(filled(text, values) for text in play.turns),
        results={name: filled(text, values) for name, text in play.results.items()},
        objective=filled(play.objective, values) or values["goal"],
    )
