"""What the API and the console show of the Arena, as they ask for it. `genaiops.app` makes what fits."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from genaiops.arena._beside import Beside
from genaiops.arena._board import Board
from genaiops.arena._decision import Decision
from genaiops.arena._gate_report import GateReport
from genaiops.arena._kpis import KpiLine
from genaiops.arena._rescoring import Benchmark, Figure
from genaiops.arena._selecting import Selection
from genaiops.arena._selection import SelectionAsked
from genaiops.arena._sliced import Sliced
from genaiops.arena._sweeping import Counting, Sweep
from genaiops.arena.redteam import AttackReport
from genaiops.arena.reports import Value
from genaiops.checks.facts import Checked, Corpus, Source
from genaiops.domain import Run, Suite
from genaiops.ports.runs import CaseRow
from genaiops.ports.telemetry import Telemetry, Trace


class Evaluations(Protocol):
    """What runs show, worked out once."""

    def suite(self, run: Run) -> Suite | None:
        """As it was when it ran. None: it is not kept here."""
        ...

    def targets(self, run: Run) -> Sequence[str]:
        """Names of whom it asks, as far as they are known."""
        ...

    def written(self, run: Run, form: str, kpis: Sequence[KpiLine] = ()) -> bytes:
        """Its signed report. Conflict while it goes on, NotFound when its suite is not kept here."""
        ...

    def slices(self, run: Run) -> Sequence[str]:
        """Names of the slices of its cases, sorted."""
        ...

    def sliced(self, run: Run, by: Sequence[str] = ()) -> Sequence[Sliced]:
        """What its checks measured by group, of what tells groups apart; empty without a suite."""
        ...

    def beside(self, before: Run, after: Run, one: str, other: str, within: str | None = None) -> Beside:
        """The target `one` of a run against `other` of a later one, over the cases of one slice (None: all)."""
        ...

    def report(self, run: Run) -> GateReport | None:
        """Of what the run has by now. None when its suite is not kept here."""
        ...

    def attacks(self, run: Run) -> AttackReport | None:
        """None: there is no attack among its cases."""
        ...

    def benchmarks(
        self, model: str, *, tenant_id: str | None = None, sees: Callable[[Run], bool] = ..., most: int = 20
    ) -> Sequence[Benchmark]:
        """What runs that are done measured of a model, the newest first."""
        ...

    def board(
        self, suite: str, check: str = "", *, tenant_id: str | None = None, sees: Callable[[Run], bool] = ...
    ) -> Board:
        """Who answered best by a check ("": the first), over the newest runs of a suite."""
        ...

    def figures(self, run: Run) -> Sequence[Figure]:
        """What its checks measured, with intervals; none when its suite is not kept here."""
        ...

    def sweep(self, run: Run, check: str = "") -> Sweep:
        """What its cells show; Conflict while it goes on, UsageError when it is no sweep."""
        ...

    def sweep_written(self, run: Run, check: str, form: str) -> bytes:
        """Its signed report: html, markdown or pdf. UsageError for PDF when its extra is not installed."""
        ...

    def counting(self, model: str) -> Counting:
        """What counts tokens for a model."""
        ...

    def near(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Vectors of texts, by an encoder of this installation."""
        ...

    def selection(self, run: Run, asked: SelectionAsked) -> Selection:
        """Conflict while it is not done; NotFound when its suite is not kept here; UsageError for what does not fit."""
        ...

    def value(self, run: Run) -> Value | None:
        """Policies with verdicts, and cost beside quality. None when its suite is not kept here."""
        ...

    def is_sweep(self, run: Run) -> bool:
        """Whether its targets are cells of examples and context."""
        ...

    def warm(self) -> None:
        """Load what comparisons compute with, beside."""
        ...


class Choices(Protocol):
    """Choices among the targets of a run, kept and reported."""

    def keep(self, run: Run, selection: Selection, made: Decision) -> Decision:
        """With the version that the Hub keeps it under, and its lineage."""
        ...

    def last(self, run: Run) -> tuple[Selection, Decision] | None:
        """What was chosen last, and whether it is approved. None: nothing is chosen yet."""
        ...

    def report(
        self, run: Run, selection: Selection, decision: Decision | None, form: Literal["html", "markdown", "pdf"]
    ) -> bytes:
        """Signed. UsageError for PDF when its extra is not installed."""
        ...


class Facts(Protocol):
    """Claims of answers and what sources say of them. Whoever asks has looked whether the caller may see what is
    named."""

    def of_text(self, answer: str, sources: Sequence[Source], corpus: Corpus | None = None) -> Checked:
        """UsageError without any source."""
        ...

    def of_trace(self, telemetry: Telemetry, trace_id: bytes, corpus: Corpus | None = None) -> Checked:
        """NotFound when there is no such trace, or nothing of its answer was kept."""
        ...

    def of_found(self, trace: Trace) -> Checked:
        """As `of_trace`."""
        ...

    def of_rows(
        self, run: Run, rows: Sequence[CaseRow], target: str | None = None, corpus: Corpus | None = None
    ) -> Sequence[Checked]: ...

    def of_run(
        self, run: Run, *, target: str | None = None, cases: Sequence[str] = (), corpus: Corpus | None = None
    ) -> Sequence[Checked]:
        """NotFound for a case that there is not."""
        ...

    def corpus(self, sources: Sequence[Source]) -> Corpus: ...
