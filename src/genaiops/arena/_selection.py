"""What a selection of one target of a run among others is told: facts that no answer shows, and what is allowed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from genaiops.checks.written import Fault, WrittenForm, converted, on_line, read_document
from genaiops.core.errors import UsageError
from genaiops.domain import Suite

Risk = Literal["minimal", "limited", "high", "unacceptable"]
"""Levels of the EU AI Act (Regulation 2024/1689), the least first."""
RISKS: Final[Sequence[Risk]] = ("minimal", "limited", "high", "unacceptable")
RETRIEVAL: Final = ("chunker", "embedder", "index", "k", "prompt")
"""Without each of these a system of retrieval is not described: nobody could build what was compared."""
_Share = Annotated[float, Meta(ge=0, le=1)]


class Margins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A difference that does not count against a candidate: of `quality` in the check's unit (None: the check's own
    margin, or none), of the others as a share of what the other candidate takes."""

    quality: Annotated[float, Meta(ge=0)] | None = None
    cost: _Share = 0.05
    latency: _Share = 0.05
    energy: _Share = 0.05


class CandidateFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the target with this name. `licence`: an SPDX identifier, or the name of its terms. `retrieval`: the whole
    configuration of what it retrieves with (`chunker`, `embedder`, `index`, `k`, `prompt`, and whatever else there is);
    `{}` says that it retrieves nothing."""

    target: str
    licence: Annotated[str, Meta(max_length=200)] = ""
    risk: Risk | None = None
    note: Annotated[str, Meta(max_length=2000)] = ""
    retrieval: dict[str, Any] | None = None


class FoundFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What an installation knows of a target by itself; `..._from`: where it stands. "" and None: nobody says."""

    licence: str = ""
    licence_from: str = ""
    risk: Risk | None = None
    risk_from: str = ""


class SelectionAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`check`: the one that says how good an answer is ("": the suite's only one). `licences`: those that are allowed
    (none: all are); `most_risk`: the highest level that is. A candidate of an unknown licence or risk is not allowed
    where one is asked for."""

    check: str = ""
    licences: Annotated[tuple[str, ...], Meta(max_length=100)] = ()
    most_risk: Risk | None = None
    margins: Margins = Margins()
    candidate: Annotated[tuple[CandidateFacts, ...], Meta(max_length=50)] = ()

    def facts(self, target: str) -> CandidateFacts:
        return next((each for each in self.candidate if each.target == target), CandidateFacts(target=target))

    def filled(self, found: Mapping[str, FoundFacts]) -> "SelectionAsked":
        """With what is known besides, where it says nothing itself."""
        said = {each.target: each for each in self.candidate}
        for target, known in found.items():
            facts = said.get(target, CandidateFacts(target=target))
            said[target] = msgspec.structs.replace(
                facts, licence=facts.licence or known.licence, risk=facts.risk or known.risk
            )
        return msgspec.structs.replace(self, candidate=tuple(said.values()))

    def not_allowed(self, target: str) -> str:
        """Why it may not be chosen; "" when it may."""
        facts = self.facts(target)
        if self.licences and facts.licence not in self.licences:
            return f"Its licence is {facts.licence or 'unknown'}; allowed: {', '.join(self.licences)}."
        if self.most_risk is None:
            return "" if facts.risk != "unacceptable" else "Its risk is unacceptable."
        if facts.risk is None or RISKS.index(facts.risk) > RISKS.index(self.most_risk):
            return f"Its risk is {facts.risk or 'unknown'}; at most {self.most_risk} is allowed."
        return ""


def read_selection(text: str, form: WrittenForm | None = None) -> SelectionAsked:
    """UsageError names the first fault with its line."""
    document = read_document(text, form, what="selection")
    if document.fault is not None:
        raise _refused(document.fault)
    asked, fault = converted({} if document.value is None else document.value, SelectionAsked, "")
    if fault is not None:
        raise _refused(on_line(fault, document.lines))
    found: SelectionAsked = asked
    return found


def check_selection(suite: Suite, asked: SelectionAsked) -> None:
    """UsageError for names that the run has not, and where candidates retrieve: a comparison of systems of retrieval
    holds the whole configuration of each, or is not made."""
    names = [target.name for target in suite.target]
    seen: set[str] = set()
    for each in asked.candidate:
        if each.target not in names:
            raise UsageError(
                f"The run has no target {each.target[:80]!r}.",
                remedy=f"It has: {', '.join(names)}.",
                param="candidate",
            )
        if each.target in seen:
            raise UsageError(f"{each.target} is described twice.", remedy="Keep one of them.", param="candidate")
        seen.add(each.target)
    if len(names) < 2:
        raise UsageError(
            "The run has one target, and there is nothing to choose from.",
            remedy="Give the suite a [[target]] for each candidate, and run it again.",
            param="run",
        )
    lacking = list(_lacking(suite, asked, names))
    if lacking:
        raise UsageError(
            f"A comparison of systems of retrieval holds their whole configuration: {'; '.join(lacking)}.",
            remedy="Write it under [candidate.retrieval] of each; retrieval = {} says that one retrieves nothing.",
            param="retrieval",
            code="retrieval_not_described",
        )


def _lacking(suite: Suite, asked: SelectionAsked, names: Sequence[str]) -> Iterator[str]:
    declared = {name: asked.facts(name).retrieval for name in names}
    if suite.task != "retrieval" and not any(declared.values()):
        return
    for name, found in declared.items():
        if found is None:
            yield f"{name} says nothing of retrieval"
        elif found:
            lacks = [field for field in RETRIEVAL if not _said(found, field)]
            if lacks:
                yield f"{name} lacks {', '.join(lacks)}"
        elif suite.task == "retrieval":
            yield f"{name} lacks {', '.join(RETRIEVAL)} (the suite is one of retrieval)"


def _said(found: Mapping[str, Any], field: str) -> bool:
    return found.get(field) not in (None, "", 0, False, (), [], {})


def _refused(fault: Fault) -> UsageError:
    where = "" if fault.line is None else f"line {fault.line}: "
    return UsageError(where + fault.message, remedy=fault.remedy or "Mend that place.", param=fault.path or "selection")
