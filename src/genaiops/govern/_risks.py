"""How risks stand: computed from what is in force and what was measured, never typed in.

A control is in force when it holds for every place in production (its environments, and keys with a policy of their
own); partly, when it holds for some calls, in shadow, or was measured once; else it is a gap.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from genaiops.domain import ControlPart, GuardRule, Risk, RiskControl
from genaiops.govern._risk_catalogue import RISKS, RiskCard

_ACTS: Final = frozenset({"redact", "replace", "hold", "block"})
_ABUSE: Final = frozenset({"injection", "canary", "prompt_leak"})
"""Detectors whose findings of one key raise an alert of abuse."""


class RuleInForce(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of a version of a policy that holds in these `places`, and beside (`further`: routes, releases).
    `broken`: why it cannot say anything here. `measured`: the errors of its detector."""

    policy: str
    rule: GuardRule
    places: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    spotlight: bool = False
    broken: str = ""
    measured: str = ""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """The newest run of a suite that measured something: `metrics` of its checks, `families` of its attacks. `every`:
    it is asked again and again ("": it was asked once); `late`: not in time."""

    run: str
    suite: str
    at: str
    metrics: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    every: str = ""
    late: bool = False


class RiskFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an installation. `places`: all that calls in production may come by. `disparity`: the property
    that tells groups apart ("": none is watched). `marks` None: image marking is off, else why it does not work ("": it
    does). `findings`: (open without mitigation, all) of bias."""

    places: tuple[str, ...] = ()
    rules: tuple[RuleInForce, ...] = ()
    measured: tuple[Measurement, ...] = ()
    disparity: str = ""
    marks: str | None = None
    findings: tuple[int, int] = (0, 0)


def risks_of(facts: RiskFacts) -> Sequence[Risk]:
    """All that are known, in the order of the catalogue."""
    return [
        Risk(
            id=card.id,
            title=card.title,
            about=card.about,
            owasp=card.owasp,
            controls=(_monitor(card, facts), _detector(card, facts), _mitigation(card, facts)),
        )
        for card in RISKS
    ]


def _rules(card: RiskCard, facts: RiskFacts) -> list[RuleInForce]:
    return [each for each in facts.rules if each.rule.detector in (*card.detectors, *card.beside)]


def _monitor(card: RiskCard, facts: RiskFacts) -> RiskControl:
    parts = list(_monitors(card, facts))
    suite = (card.metrics or ("groundedness",))[0]
    command = f'genaiops suite push NAME FILE --alias prod, with a check {suite} and [watch] every = "6h"'
    if not card.metrics and card.families:
        command = "genaiops redteam run --help, or [watch] in a suite with these attacks"
    if card.disparity and not facts.disparity:
        command = "set disparity.by in genaiops.toml to the property of calls that names a group; or: " + command
    if not card.metrics and not card.families and not card.disparity and not card.abuse:
        command = ""
    return _control("monitor", parts, "Nobody would notice: nothing asks again and again.", command)


def _monitors(card: RiskCard, facts: RiskFacts) -> Iterator[ControlPart]:
    if card.disparity and facts.disparity:
        what = f"An alert when groups by {facts.disparity} are refused more often than others"
        yield ControlPart(what=what, ref="disparity.by", where="all calls")
    alarmed = [each for each in _rules(card, facts) if each.rule.detector in _ABUSE and card.abuse]
    if alarmed:
        places = {place for each in alarmed if _whole(each) for place in each.places}
        lacks = _lacking(places, facts)
        names = ", ".join(sorted({each.rule.detector for each in alarmed}))
        yield ControlPart(
            what=f"An alert of abuse on what {names} finds of one key",
            ref="abuse",
            where=_where(places, facts),
            holds=not lacks,
            why=lacks,
        )
    for each in facts.measured:
        about = [*(name for name in card.metrics if name in each.metrics)]
        about += [name for name in card.families if name in each.families]
        if about:
            why = "" if each.every else "It was asked once, and not again and again."
            why = "Its last look is overdue." if each.late else why
            often = f", every {each.every}" if each.every else ""
            what = f"The suite {each.suite} measures {', '.join(about)}{often}"
            yield ControlPart(what=what, ref=each.run, where=each.at, holds=not why, why=why)
    counted = [each for each in _rules(card, facts) if not each.broken]
    if counted and not alarmed:
        yield ControlPart(
            what="What guards find is counted (genaiops policy figures)",
            ref=counted[0].policy,
            holds=False,
            why="Nobody is told of it.",
        )


def _detector(card: RiskCard, facts: RiskFacts) -> RiskControl:
    parts = [_part(each, card, facts, acts=False) for each in _rules(card, facts)]
    if not card.detectors and not card.beside:
        why = "There is no detector of it for single answers; suites measure it over many."
        return RiskControl(kind="detector", state="gap", reason=why)
    missing = _missing(card, facts, acts=False)
    names = " and ".join(missing) or " or ".join(card.beside)
    command = f"genaiops policy push default FILE, with a rule of the detector {names}"
    if missing == ["tools"]:
        command = "genaiops policy push default FILE, with [tools] allowed = [...]"
    return _settled("detector", card, parts, missing, "No rule in force looks for it.", _mended(card, facts, command))


def _mitigation(card: RiskCard, facts: RiskFacts) -> RiskControl:
    parts = [_part(each, card, facts, acts=True) for each in _rules(card, facts) if _acts(each.rule)]
    spotted = [each for each in facts.rules if each.spotlight and each.places]
    if card.spotlight and spotted:
        places = {place for each in spotted for place in each.places}
        why = _lacking(places, facts) or "It makes an attack rarer, and keeps none back."
        what = "Untrusted text is marked for the model (spotlight)"
        parts.append(ControlPart(what=what, ref=spotted[0].policy, where=_where(places, facts), holds=False, why=why))
    if card.marks and facts.marks is not None:
        why = facts.marks or "Only images that are generated here are marked."
        parts.append(ControlPart(what="Generated images are marked (C2PA)", ref="provenance", holds=False, why=why))
    if card.findings and facts.findings[1]:
        lacking, number = facts.findings
        why = f"{lacking} of {number} have none yet." if lacking else "They are what was found, by whoever looked."
        what = f"{number - lacking} findings of bias have a mitigation"
        parts.append(ControlPart(what=what, ref="findings", holds=False, why=why))
    missing = _missing(card, facts, acts=True)
    names = " and ".join(missing) or " or ".join(card.beside)
    command = f'genaiops policy push default FILE, with action = "{card.act}" in a rule of {names}' if names else ""
    if card.findings:
        command = "genaiops finding add TITLE --run RUN; then genaiops finding close ID --mitigation TEXT"
    nothing = "Nothing in force keeps it back: rules flag at most." if names else "Nothing was found, or nobody looked."
    return _settled("mitigation", card, parts, missing, nothing, _mended(card, facts, command))


def _missing(card: RiskCard, facts: RiskFacts, *, acts: bool) -> list[str]:
    """Detectors that are needed and do not hold in every place: one policy may hold here, another there."""
    found: list[str] = []
    for detector in card.detectors:
        rules = [each for each in facts.rules if each.rule.detector == detector and _whole(each)]
        held = {place for each in rules if not acts or _acts(each.rule) for place in each.places}
        if not held or not set(facts.places) <= held:
            found.append(detector)
    return found


def _mended(card: RiskCard, facts: RiskFacts, command: str) -> str:
    """Where a rule is there and cannot say anything, another rule would not help."""
    broken = [each for each in facts.rules if each.broken and each.rule.detector in card.detectors]
    return "genaiops doctor, and start with embedded.guard = true" if broken else command


def _settled(
    kind: str, card: RiskCard, parts: Sequence[ControlPart], missing: Sequence[str], nothing: str, command: str
) -> RiskControl:
    return _control(kind, parts, nothing, command, held=bool(card.detectors) and not missing)


def _control(
    kind: str, parts: Sequence[ControlPart], nothing: str, command: str, *, held: bool | None = None
) -> RiskControl:
    """`held` None: when any of its parts holds."""
    held = any(each.holds for each in parts) if held is None else held
    state = "in_force" if held else "partly" if parts else "gap"
    reason = "" if held else "; ".join(dict.fromkeys(each.why.rstrip(".") for each in parts)) or nothing
    return msgspec.convert(
        {
            "kind": kind,
            "state": state,
            "parts": [msgspec.to_builtins(each) for each in parts],
            "reason": reason,
            "command": "" if held else command,
        },
        RiskControl,
    )


def _part(each: RuleInForce, card: RiskCard, facts: RiskFacts, *, acts: bool) -> ControlPart:
    rule = each.rule
    lacks = _lacking(set(each.places), facts)
    if rule.detector in card.beside:
        lacks = "It sees one form of it alone."
    if each.broken:
        lacks = each.broken
    elif rule.shadow:
        lacks = f"It only notes what it would do of {rule.shadow:.0%} of the calls (shadow)."
    elif rule.sample < 1:
        lacks = f"It looks at {rule.sample:.0%} of the calls."
    does = f"the rule {rule.id} ({rule.detector})" if not acts else f"the rule {rule.id} does {_does(rule)}"
    way = {"in": " of requests", "out": " of answers", "both": ""}[rule.direction]
    return ControlPart(
        what=f"{does[0].upper()}{does[1:]}{way}",
        ref=each.policy,
        where=_where(set(each.places), facts, each.further),
        holds=not lacks,
        why=lacks,
        measured="" if acts else each.measured,
    )


def _acts(rule: GuardRule) -> bool:
    """Whether it keeps something back, or says with the answer how far it can be believed."""
    told = rule.detector == "grounding" and any(rule.options.get(name) for name in ("cite", "warn"))
    adds = rule.detector == "disclosure" and rule.options.get("add", True)
    return bool(rule.action in _ACTS or told or adds)


def _does(rule: GuardRule) -> str:
    if rule.action in _ACTS:
        return rule.action
    return "add the sentence" if rule.detector == "disclosure" else "say with the answer what is supported"


def _whole(each: RuleInForce) -> bool:
    return not each.rule.shadow and each.rule.sample >= 1 and not each.broken


def _lacking(places: set[str], facts: RiskFacts) -> str:
    missing = sorted(set(facts.places) - places)
    if not missing:
        return ""
    told = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    return f"It does not hold for {told}."


def _where(places: set[str], facts: RiskFacts, further: Sequence[str] = ()) -> str:
    said = f"{len(places & set(facts.places))} of {len(facts.places)} places in production" if facts.places else ""
    return f"{said}, and {', '.join(further[:3])}" if further else said
