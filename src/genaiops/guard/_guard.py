"""The policies of a Snapshot, and the guard of one call."""

import logging
import random
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from genaiops.core.errors import GenaiopsError, NotFound, Unavailable, UsageError
from genaiops.domain import DEFAULT_GUARD, Direction, GuardEvent, GuardPolicy, GuardVersion, InForce
from genaiops.guard import surfaces
from genaiops.guard._again import asked_again, merged, passed_over
from genaiops.guard._asking import ask, ask_of_answer
from genaiops.guard._edits import Editor, judge_arguments, judge_calls, severe
from genaiops.guard._held import held
from genaiops.guard._inspect import Edit, Inspection, apart, edited
from genaiops.guard._naming import find_named, named_values
from genaiops.guard._notes import Bound, Notes
from genaiops.guard._program import Program, Tier, shadowed
from genaiops.guard._repeated import FindIndex
from genaiops.guard._spotlight import spotlight, untrusted
from genaiops.guard._streams import AnswerStream, Setting, again_of
from genaiops.guard._telling import TOLD, restored, with_support
from genaiops.guard._tools import calls_in
from genaiops.guard._vault import Vault
from genaiops.guard._whole import Situation, situation_of
from genaiops.guard.surfaces import Document, Part, usual_answer, usual_request
from genaiops.ports.classifiers import FindClassifiers
from genaiops.ports.guard import GUARDED_AT_ONCE, WITHHELD, Again, Guarded, Ruling, SessionLimits
from genaiops.ports.names import FindNames
from genaiops.ports.providers import Form

_log = logging.getLogger("genaiops.guard")


class Plan:
    """The policies of a Snapshot."""

    def __init__(
        self,
        versions: tuple[GuardVersion, ...],
        classifiers: FindClassifiers | None = None,
        names: FindNames | None = None,
        documents: FindIndex | None = None,
    ) -> None:
        self.versions = versions
        self._documents = documents
        self._classifiers = classifiers
        self._names = names
        self._by_name: dict[str, GuardVersion] = {}
        for version in versions:
            for point in (version.digest, *version.aliases):
                self._by_name[f"{version.name}@{point}"] = version
        self._programs: dict[tuple[str, ...], Program] = {}
        self._in_force: dict[tuple[str, ...], tuple[InForce, ...]] = {}
        self._broken: dict[str, GenaiopsError] = {}
        for version in versions:
            try:
                self._program((f"{version.name}@{version.digest}",))
            except GenaiopsError as error:
                _log.error("the guard policy %s does not work: %s", version.name, error)
                self._broken[f"{version.name}@{version.digest}"] = error

    def guard(self, references: Sequence[str], call: Guarded) -> "CallGuard | None":
        program = self._program(references)
        return CallGuard(program, call, self._classifiers, self._names) if program.concerns(call.operation) else None

    def in_force(self, references: Sequence[str]) -> tuple[InForce, ...]:
        key = tuple(references)
        found = self._in_force.get(key)
        if found is None:
            said = dict.fromkeys(_said(reference) for reference in key)
            found = self._in_force[key] = tuple(InForce(each, self._find(each).digest) for each in said)
        return found

    def digest(self, references: Sequence[str]) -> str:
        return self._program(references).digest

    def _program(self, references: Sequence[str]) -> Program:
        key = tuple(references)
        found = self._programs.get(key)
        if found is None:
            found = self._programs[key] = Program(
                [self._find(reference) for reference in dict.fromkeys(key)], self._documents
            )
        return found

    def _find(self, reference: str) -> GuardVersion:
        found = self._by_name.get(_said(reference))
        if found is not None:
            broken = self._broken.get(f"{found.name}@{found.digest}")
            if broken is not None:
                raise Unavailable(
                    f"The guard policy {found.name!r} does not work: {broken}",
                    remedy="Push a version that does, or move its alias back.",
                    code="guard_broken",
                )
            return found
        if _said(reference) == f"{DEFAULT_GUARD}@current":  # a Snapshot that is older than policies
            return GuardVersion(name=DEFAULT_GUARD, digest="none", policy=GuardPolicy())
        raise NotFound(
            f"The gateway does not have the guard policy {reference!r}.",
            remedy="Push it, or let its key, route, environment or release name another.",
            code="guard_not_found",
        )


def _said(reference: str) -> str:
    """With the alias that a bare name means."""
    reference = reference.removeprefix("policy/")
    return reference if "@" in reference else f"{reference}@current"


class CallGuard:
    """Of one call (see ports.guard.Guard)."""

    __slots__ = (
        "_asked",
        "_before",
        "_beside",
        "_call",
        "_classifiers",
        "_former",
        "_names",
        "_program",
        "_said",
        "_situation",
        "_stream",
        "_tainted",
        "_tries",
        "_vault",
    )

    def __init__(
        self,
        program: Program,
        call: Guarded,
        classifiers: FindClassifiers | None = None,
        names: FindNames | None = None,
    ) -> None:
        self._program = program
        self._classifiers = classifiers
        self._names = names
        self._call = call
        self._vault = Vault()
        self._asked: list[GuardEvent] = []
        self._said: list[GuardEvent] = []
        self._beside: list[GuardEvent] = []
        self._former: list[GuardEvent] = []
        """Of answers for which others were asked."""
        self._before: tuple[list[GuardEvent], list[GuardEvent]] = [], []
        self._tries: dict[int, int] = {}
        self._stream: AnswerStream | None = None
        self._tainted = False
        self._situation = Situation()

    @property
    def events(self) -> list[GuardEvent]:
        if self._stream is not None:
            self._stream.close()
        return [*self._asked, *self._beside, *merged(self._former, self._said)]

    @property
    def limits(self) -> tuple[SessionLimits, ...]:
        return self._program.limits

    @property
    def judge(self) -> tuple[str, ...]:
        return tuple([name for name, sample in self._program.judges if sample >= 1 or random.random() < sample])

    @property
    def after(self) -> Sequence[Bound]:
        """The rules that look at it when it has ended."""
        return self._program.after

    @property
    def reversible(self) -> bool:
        return self._vault.reversible

    @property
    def waits(self) -> bool:
        tier = self._program.answered
        return tier.waits or tier.holds  # what is held is sealed elsewhere

    # -- what came in

    def ask(self, raw: bytes | bytearray, form: Form | None) -> Ruling | None:
        tier = self._program.asked
        if tier.waits or len(raw) > GUARDED_AT_ONCE:
            return None
        if form is None and self._is_clean(raw):
            return Ruling("allow", raw if isinstance(raw, bytes) else bytes(raw))
        document = self._document(raw, form)
        inspection = self._inspection(tier)
        inspection.look(document)
        return self._rule_request(document, inspection)

    async def wait(self, raw: bytes | bytearray, form: Form | None) -> Ruling:
        document = self._document(raw, form)
        inspection = self._inspection(self._program.asked)
        naming = self._program.asked.naming
        inspection.named = await find_named(naming, document.parts, self._names, inspection.notes)
        await inspection.look_in_steps(document)
        rules, scope = self._program.asked.asking, self._call.key_id
        await ask(rules, document.parts, self._classifiers, inspection.notes, scope=scope)
        return self._rule_request(document, inspection)

    def _is_clean(self, raw: bytes | bytearray) -> bool:
        """Whether it is a request as most are, and nothing is to be found in it. False says nothing."""
        program, call = self._program, self._call
        if not program.plain or (program.longest is not None and len(raw) > program.longest):
            return False
        text = usual_request(call.operation, call.dialect, raw)
        if text is None or "<" in text or not program.asked.finds_nothing(text):  # a placeholder may stand there
            return False
        self._vault, self._tainted, self._situation = Vault(), False, Situation()
        self._asked = []
        return True

    def _document(self, raw: bytes | bytearray, form: Form | None) -> Document:
        call = self._call
        document = surfaces.asked(call.operation, call.dialect, raw, form)
        longest = self._program.longest
        if longest is not None and sum(len(part.text) for part in document.parts) > longest:
            raise UsageError(
                f"The texts of the request have more than {longest:,} characters together, which its guard policy "
                "does not allow.",
                remedy="Send less at once.",
                code="too_long_for_guard",
            )
        self._vault = Vault()
        self._vault.beware(part.text for part in document.parts)
        self._tainted = any(untrusted(part) for part in document.parts)
        tier = self._program.answered
        if tier.wholes or tier.counts:
            self._situation = situation_of(document.parts, words=bool(tier.counts))
        return document

    def _rule_request(self, document: Document, inspection: Inspection) -> Ruling:
        notes = inspection.notes
        self._asked = notes.events()
        waits = notes.action == "hold"
        if severe(notes) and not waits:
            return Ruling(notes.action, b"", None, notes.rule, notes.message)
        texts = spotlight(document, self._program.spotlight, inspection.texts)
        if waits:
            found = named_values(inspection.named, document.parts, self._program.asked.bounds)
            return held(notes, self._program.asked, document.replaced(texts), inspection.parts(document), found)
        return Ruling(notes.action, document.replaced(texts))

    # -- what goes out

    def answer(self, body: bytes, content_type: bytes) -> Ruling | None:
        tier = self._program.answered
        if tier.waits or len(body) > GUARDED_AT_ONCE:
            return None
        if tier.plain and not self._vault.reversible and not self._former:
            text = usual_answer(self._call.operation, self._call.dialect, body)
            if text is not None and tier.finds_nothing(text):
                self._said = []
                return Ruling("allow", body)
        inspection = self._inspection(tier)
        document = self._answered(body, content_type)
        if document is None:
            return Ruling("allow", body)
        inspection.look(document)
        return self._rule_answer(document, inspection, body)

    async def wait_answer(self, body: bytes, content_type: bytes) -> Ruling:
        inspection = self._inspection(self._program.answered)
        document = self._answered(body, content_type)
        if document is None:
            return Ruling("allow", body)
        await inspection.look_in_steps(document)
        tier = self._program.answered
        parts, scope = inspection.parts(document), self._call.key_id
        await ask_of_answer(tier.asking, parts, self._classifiers, inspection.notes, scope=scope)
        return self._rule_answer(document, inspection, body)

    def ask_again(self, again: Again) -> None:
        if self._stream is not None:
            self._stream.close()
        self._before = self._former, asked_again(self._said, again.rule)
        self._former = merged(self._former, passed_over(self._before[1], again.rule))
        self._said = []
        for number in self._program.answered.tries:
            if self._program.answered.bounds[number].rule.id == again.rule:
                self._tries[number] = self._tries.get(number, 0) + 1

    def keep_answer(self) -> None:
        self._former, self._said = self._before

    def clean(self, text: str, direction: Direction) -> str:
        tier = self._program.asked if direction == "in" else self._program.answered
        if tier.scanner is None or not text:
            return text
        text = text[:GUARDED_AT_ONCE]
        notes = self._notes_of(tier)
        editor, part, edits = Editor(tier, notes, self._vault), Part("", "other", ()), list[Edit]()
        for each in tier.scanner.find(text, tier.wanted):
            for first, last, instead in editor.judge(each, text[each.start : each.end], part):
                edits.append((each.start + first, each.start + last, instead))
        if direction == "out" or not self._asked:
            self._beside += notes.events()
        return "" if severe(notes) else edited(text, apart(edits)) if edits else text

    def _answered(self, body: bytes, content_type: bytes) -> Document | None:
        """None: there is nothing to do with it."""
        if self._program.answered.silent and not self._vault.reversible:
            return None
        call = self._call
        return surfaces.answered(call.operation, call.dialect, body, content_type)

    def _rule_answer(self, document: Document, inspection: Inspection, body: bytes) -> Ruling:
        notes = inspection.notes
        if self._program.answered.tools:
            calls = list(calls_in(msgspec.json.decode(body)))
            judge_calls(self._program.answered, notes, calls, tainted=self._tainted)
            judge_arguments(self._program.answered, notes, calls)
        self._said = notes.events()
        again = again_of(notes, self._program.answered, self._tries)
        ruling = self._followed(document, inspection)
        if notes.support is not None and ruling.body and self._call.dialect in TOLD:
            kept = ruling.body if ruling.kept is None else ruling.kept  # what is told is of the answer, not in it
            support = restored(notes.support, self._vault) if self._vault.reversible else notes.support
            ruling = replace(ruling, body=with_support(ruling.body, support), kept=kept)
        action = "flag" if self._former and ruling.action == "allow" else ruling.action
        return replace(ruling, action=action, again=again, support=notes.support)

    def _followed(self, document: Document, inspection: Inspection) -> Ruling:
        notes = inspection.notes
        if notes.action == "replace":
            texts = dict.fromkeys(range(len(document.parts)), "")
            texts[0] = notes.message or WITHHELD
            replaced = document.replaced(texts)
            return Ruling("replace", replaced, None, notes.rule, notes.message)
        waits = notes.action == "hold"
        if severe(notes) and not waits:
            return Ruling(notes.action, b"", None, notes.rule, notes.message)
        kept = document.replaced(inspection.texts)
        if not self._vault.reversible:
            if waits:
                return held(notes, self._program.answered, kept, inspection.parts(document))
            return Ruling(notes.action, kept)
        restored = {
            number: text
            for number, part in enumerate(document.parts)
            if (text := self._vault.restore(inspection.texts.get(number, part.text))) != part.text
        }
        if waits:
            return held(notes, self._program.answered, document.replaced(restored), inspection.parts(document))
        return Ruling(notes.action, document.replaced(restored), kept)

    def stream(self) -> AnswerStream | None:
        tier = self._program.answered
        if tier.silent and not self._vault.reversible:
            return None
        self._said = []
        self._stream = AnswerStream(
            Setting(
                self._call,
                tier,
                self._notes_of(tier),
                self._vault,
                self._said,
                self._situation,
                self._tainted,
                self._classifiers,
                self._tries,
            )
        )
        return self._stream

    def _inspection(self, tier: Tier) -> Inspection:
        notes = self._notes_of(tier)
        known = self._situation.words if tier.direction == "out" else frozenset[str]()
        return Inspection(tier, notes, Editor(tier, notes, self._vault, known), self._situation)

    def _notes_of(self, tier: Tier) -> Notes:
        return Notes(tier.bounds, tier.direction, shadowed(tier.bounds, random.random))
