"""What detectors there are: what each finds, what it wants to know, and how good it is as far as anybody measured."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, Literal, get_args

import msgspec

from genaiops.checks.cards import Card, Figure, cards
from genaiops.checks.languages import SHORTEST
from genaiops.checks.scanning import Pattern
from genaiops.core.digest import digest_value
from genaiops.core.errors import NotFound
from genaiops.domain import DetectorName
from genaiops.guard._program import AFTER, CLASSIFIERS
from genaiops.guard._subjects import OFF_TOPIC
from genaiops.guard._tables import ENCODED, FAMILIES, HOMOGLYPHS, table_of
from genaiops.guard._whole import WHOLES

Tier = Literal["form", "documents", "whole", "model", "tools"]
"""How it looks: by `form` (one pass of patterns), by fingerprints of `documents`, at `whole` texts, by asking a
`model`, at calls of `tools`."""


class DetectorKind(msgspec.Struct, frozen=True, kw_only=True):
    """`country`: ISO 3166-1 alpha-2 where only one gives it out; `source`: where its form is written down. `checked`:
    a checksum or a table is asked."""

    kind: str
    title: str
    country: str = ""
    source: str = ""
    checked: bool = False


class DetectorOption(msgspec.Struct, frozen=True):
    name: str
    says: str
    required: bool = False


class Detector(msgspec.Struct, frozen=True, kw_only=True):
    """`when`: whether it works `before` a text goes on or `after` the call, unless its rule says otherwise. `version`:
    digest of its patterns or weights; None: it changes with the program. `model`: the
    artifact of the Hub that has the card of a classifier. `figures` empty: nobody measured it."""

    name: DetectorName
    finds: str
    tier: Tier
    when: Literal["before", "after"]
    redacts: bool
    version: str | None
    model: str | None
    kinds: tuple[DetectorKind, ...]
    options: tuple[DetectorOption, ...]
    figures: tuple[Figure, ...]
    limits: tuple[str, ...]


_FINDS: Final[Mapping[DetectorName, str]] = {
    "pii": "Personal data that has a form: cards, accounts, numbers of identity, addresses.",
    "secret": "Keys, tokens and passwords.",
    "markup": "Images, links and tags that fetch something or run a script.",
    "control": "Characters that nobody sees, or that change the order of what is seen.",
    "code": "Statements of SQL, commands of a shell, calls that run what they are given.",
    "words": "Words and expressions that the policy brings.",
    "size": "Texts that are longer together than they may be.",
    "canary": "Planted words that must never come out, also in disguise.",
    "prompt_leak": "The wording of the system prompt in an answer.",
    "verbatim": "Runs of words of registered documents; the kinds are the ids of the documents.",
    "schema": "Answers that are not the JSON that was asked for.",
    "disclosure": "Answers that do not say that an AI wrote them.",
    "injection": "Attempts to overrule a model's instructions.",
    "toxicity": "Insults, threats, hatred.",
    "language": "Texts in a language that is not wanted.",
    "topics": "Texts about what is not wanted.",
    "names": "Names of people, places and organisations.",
    "refusal": "Answers that refuse.",
    "grounding": "Sentences that the passages do not support.",
    "tools": "Calls of tools that are not allowed, or with wrong arguments. It is written as the section `tools`.",
}
_OF_CLASSIFIERS: Final = (
    DetectorOption("classifier", "a classifier of yours, by its name in guard.classifiers of the settings"),
    DetectorOption("labels", "which of its labels count; the usual ones when left out"),
)
_OPTIONS: Final[Mapping[str, tuple[DetectorOption, ...]]] = {
    "secret": (DetectorOption("engine", '"kingfisher": ask it instead of our own patterns; it brings its own kinds'),),
    "words": (
        DetectorOption("words", "a list of words; blanks match any run of them"),
        DetectorOption("patterns", "kind = expression, in the syntax of RE2"),
    ),
    "markup": (
        DetectorOption(
            "hosts", 'a list of hosts such as "example.org", "*.example.org": only what leads elsewhere counts'
        ),
        DetectorOption("carries", "only addresses that take data of the conversation along count; false when left out"),
    ),
    "size": (DetectorOption("characters", "how many the texts may have together", required=True),),
    "canary": (DetectorOption("canaries", "a list of planted words", required=True),),
    "verbatim": (
        DetectorOption("documents", "a list of registered documents: NAME, NAME@ALIAS; pushing pins their versions"),
        DetectorOption("texts", "a list of documents that stand in the policy itself, beside or instead of these"),
        DetectorOption("words", "the shortest run of words that counts, from 8; 12 when left out"),
    ),
    "schema": (
        DetectorOption("schema", "a JSON Schema", required=True),
        DetectorOption("repair", "mend what is only written in a broken way"),
        DetectorOption("reask", "how often the model is told what is wrong and asked again; 0 to 3"),
    ),
    "injection": _OF_CLASSIFIERS,
    "toxicity": _OF_CLASSIFIERS,
    "language": (
        DetectorOption("allowed", "a list of languages, by their codes: others are found"),
        DetectorOption("denied", "a list of languages that are found"),
        DetectorOption("shortest", f"letters of a text under which it is not judged; {SHORTEST} when left out"),
    ),
    "topics": (
        DetectorOption("allowed", "topic = sentences that say what belongs to it: what is about none of them is found"),
        DetectorOption("denied", "topic = sentences: what is about it is found"),
        DetectorOption("shortest", f"letters of a text under which it is not judged; {SHORTEST} when left out"),
    ),
    "disclosure": (
        DetectorOption("sentence", "what the answer has to say", required=True),
        DetectorOption("add", "add it where it is missing; true when left out"),
    ),
    "grounding": (
        DetectorOption("supported", "the share of a sentence's words that passages have to have; 0.5 when left out"),
        DetectorOption("names", "whether names and numbers have to be in the passages, too; true when left out"),
        DetectorOption("warn", "end the answer with a warning (the message of the rule, or a plain one)"),
        DetectorOption("cite", "put the number of its source behind each sentence, `[unsupported]` behind others"),
        DetectorOption("tell", "tell the client each sentence's source and probability in `genaiops.grounding`"),
        DetectorOption("append", "end the answer with its sources, and with what they do not support"),
    ),
}
_WHOLE_KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "words": {"words": "A word of the list; patterns bring their own kinds"},
    "size": {"size": "Too long"},
    "canary": {"canary": "Planted word"},
    "prompt_leak": {"system_prompt": "Wording of the system prompt"},
    "schema": {
        "not_json": "No JSON",
        "not_of_schema": "JSON that does not meet the schema",
        "asked_again": "Asked again for an answer that does",
    },
    "injection": {"injection": "Attempt to overrule instructions"},
    "toxicity": {"toxicity": "Toxic"},
    "topics": {OFF_TOPIC: "About no allowed topic; denied ones bring their own names"},
    "names": {"person": "Person", "location": "Place", "organisation": "Organisation"},
    "disclosure": {"not_disclosed": "The sentence is missing"},
    "grounding": {"unsupported": "Sentence that the passages do not support"},
}


@cache
def detectors() -> Sequence[Detector]:
    """All that a policy may name, in the order of its documentation."""
    return [_detector(name) for name in get_args(DetectorName)]


def detector_of(name: str) -> Detector:
    """NotFound when there is none."""
    for one in detectors():
        if one.name == name:
            return one
    names = ", ".join(one.name for one in detectors())
    raise NotFound(f"There is no detector {name[:80]!r}.", remedy=f"There are: {names}.", param="name")


def _detector(name: DetectorName) -> Detector:
    table = table_of(name)
    card = cards().get(name, Card(detector=name))
    tier = _tier(name)
    return Detector(
        name=name,
        finds=_FINDS[name],
        tier=tier,
        when="after" if name in AFTER else "before",
        redacts=tier in ("form", "documents") or name == "names",
        version=_digest(table) if table else card.version,
        model=f"model/guard-{name}" if card.version else None,
        kinds=_kinds(name, table),
        options=_OPTIONS.get(name, ()),
        figures=card.figures,
        limits=card.limits,
    )


def _tier(name: DetectorName) -> Tier:
    if name in FAMILIES or name == "control":
        return "form"
    if name == "verbatim":
        return "documents"
    if name in WHOLES:
        return "whole"
    if name in CLASSIFIERS:
        return "model"
    return "tools"


def _kinds(name: DetectorName, table: Sequence[Pattern]) -> tuple[DetectorKind, ...]:
    if name == "control":
        from genaiops.checks.control import KINDS

        more = {
            HOMOGLYPHS: "Word of two scripts that look alike (told, never redacted)",
            ENCODED: "Run in an encoding in which another rule of the policy finds something",
        }
        plain = (DetectorKind(kind=kind, title=_words(kind)) for kind in KINDS)
        return (*plain, *(DetectorKind(kind=kind, title=title) for kind, title in more.items()))
    found: dict[str, DetectorKind] = {}
    for one in table:
        known = found.get(one.kind)
        if known is None:
            found[one.kind] = DetectorKind(
                kind=one.kind,
                title=one.title or _words(one.kind),
                country=one.country,
                source=one.source,
                checked=one.checked,
            )
        elif one.checked and not known.checked:
            found[one.kind] = msgspec.structs.replace(known, checked=True)
    named = _WHOLE_KINDS.get(name, {})
    return (*found.values(), *(DetectorKind(kind=kind, title=title) for kind, title in named.items()))


def _words(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _digest(table: Sequence[Pattern]) -> str:
    """Of all that a pattern says; what computes checksums is code, and changes with the program."""
    return digest_value(
        [
            [one.kind, one.regex, one.group, one.left, one.right, list(one.context), one.reach, one.checked]
            for one in table
        ]
    )
