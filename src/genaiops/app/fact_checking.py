"""Facts of answers: which answer is meant, which sources it had, and what those say of its claims."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from genaiops.app.item_sources import UNKNOWN, environments_of
from genaiops.app.local_models import InstalledModels
from genaiops.app.run_rows import rows_of
from genaiops.checks.facts import Checked, Corpus, Source, check_facts
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.domain import Answer, Content, Run, Span, Version
from genaiops.guard import recorded_call, sources_of
from genaiops.hub import Datasets
from genaiops.ports.blobs import Blobs
from genaiops.ports.runs import CaseRow, Runs
from genaiops.ports.telemetry import Telemetry, Trace
from genaiops.watch import conversation, root_of

_ENCODER: Final = "minilm-int8"
_PAGE: Final = 1000
_MOST_KEPT: Final = 2
_MOST_CHARACTERS: Final = 200_000
"""Of an answer's own sources."""
_TEXTS: Final = ("content", "text", "page_content", "document.content", "output", "snippet")
"""Fields of what retrievers return that hold a passage."""
_COLUMNS: Final = ("text", "content", "passage", "document", "body", "context", "output")
"""Columns of a dataset that hold a source, in this order, where nobody names one."""
_NAMES: Final = ("id", "source", "title", "name", "url")
NO_SOURCES: Final = (
    "It was given nothing that was retrieved, and no answer of a tool: name a corpus to hold it against."
)
NO_CONTEXT: Final = "Its case has no context: give cases one, or name a corpus to hold it against."
NO_CLAIMS: Final = "It states nothing that could be looked up."
TOO_LONG: Final = f"Its sources have more than {_MOST_CHARACTERS:,} characters together."


class FactChecking:
    """`blobs` and `runs` are the whole installation's: whoever asks has looked whether the caller may see what is
    named. Weights of the local encoder are used where they are in `home`."""

    def __init__(self, blobs: Blobs, runs: Runs, home: Path) -> None:
        self._blobs = blobs
        self._runs = runs
        self._models = InstalledModels(home)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str | None], Corpus] = OrderedDict()

    def of_text(self, answer: str, sources: Sequence[Source], corpus: Corpus | None = None) -> Checked:
        """UsageError without any source."""
        if not sources and corpus is None:
            raise UsageError(
                "There is nothing to hold the text against.",
                remedy="Give sources, or a corpus (--corpus).",
                param="sources",
            )
        return _checked(Checked(answer=answer, sources=tuple(sources)), corpus, NO_SOURCES)

    def of_trace(self, telemetry: Telemetry, trace_id: bytes, corpus: Corpus | None = None) -> Checked:
        """NotFound when there is no such trace, or nothing of its answer was kept."""
        trace = telemetry.trace(trace_id)
        if trace is None:
            raise NotFound(
                f"The trace {trace_id.hex()} is none.", remedy="It comes about a second after its call.", param="trace"
            )
        return self.of_found(trace, corpus)

    def of_found(self, trace: Trace, corpus: Corpus | None = None) -> Checked:
        turns = conversation(trace, self._blobs)
        answer = "\n".join(turn.text for turn in turns if turn.direction == "output" and turn.text)
        if not answer:
            raise NotFound(
                f"The trace {trace.trace_id.hex()} has no answer that could be looked at.",
                remedy="An environment says how much of its calls is kept.",
                param="trace",
            )
        environment = next((span.environment_id for span in trace.spans if span.environment_id), None)
        node = f"trace/{trace.trace_id.hex()}"
        found = Checked(
            answer=answer,
            sources=() if corpus is not None else tuple(self._sources(trace)),
            node=node,
            nodes=(node,),
            asked=tuple((t.role, t.text) for t in turns if t.direction == "input" and t.role == "user" and t.text),
            case=trace.trace_id.hex(),
            traces=(trace.trace_id.hex(),),
            environments=(environment or UNKNOWN,),
        )
        return _checked(found, corpus, NO_SOURCES)

    def of_rows(
        self, run: Run, rows: Sequence[CaseRow], target: str | None = None, corpus: Corpus | None = None
    ) -> list[Checked]:
        """All answers of the cases, of one target or of all."""
        return [
            _checked(_of_answer(run, row, answer, corpus is not None), corpus, NO_CONTEXT)
            for row in rows
            for answer in row.answers
            if answer.state == "answered" and target in (None, answer.target)
        ]

    def of_run(
        self, run: Run, *, target: str | None = None, cases: Sequence[str] = (), corpus: Corpus | None = None
    ) -> list[Checked]:
        """Of all cases, or of those; NotFound for one that there is not."""
        rows = rows_of(self._runs, run, cases, param="case")
        return self.of_rows(run, rows, target, corpus)

    def corpus(self, sources: Sequence[Source]) -> Corpus:
        return Corpus([(each.id, each.text) for each in sources], vectors=self._vectors)

    def dataset(self, datasets: Datasets, version: Version, column: str | None = None) -> Corpus:
        """The rows of a version, each a source; `column` holds their texts. The last ones that were asked are kept."""
        with self._lock:
            known = self._kept.get((version.id, column))
        if known is None:
            known = self.corpus(list(_rows(datasets, version, column)))
            with self._lock:
                self._kept[version.id, column] = known
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return known

    def _vectors(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Without weights every text is alike, so that words alone decide."""
        try:
            return self._models.vectors(_ENCODER, texts).vectors
        except GenaiopsError:
            return [(1.0,)] * len(texts)

    def passages(self, trace: Trace) -> tuple[str, ...]:
        """What an answer had to rest on."""
        return tuple(source.text for source in self._sources(trace))

    def _sources(self, trace: Trace) -> Iterator[Source]:
        """What the call brought along; else what retrievers and tools of the trace returned."""
        root = root_of(trace)
        call = recorded_call(root, trace.contents.get(root.span_id.hex()), self._blobs)
        found = [] if call is None else sources_of(call)
        if found:
            yield from found
            return
        number = 0
        for span in trace.spans:
            if span.kind in ("retrieval", "tool"):
                for text in _returned(span, trace.contents.get(span.span_id.hex()), self._blobs):
                    number += 1
                    yield Source(str(number), text, span.name)


def _checked(found: Checked, corpus: Corpus | None, without: str) -> Checked:
    if corpus is None and not found.sources:
        return msgspec.structs.replace(found, why=without)
    if corpus is None and sum(len(each.text) for each in found.sources) > _MOST_CHARACTERS:
        return msgspec.structs.replace(found, why=TOO_LONG)
    claims = check_facts(found.answer, found.sources, corpus=corpus)
    if corpus is not None:
        names = dict.fromkeys(each.citation.source for each in claims if each.citation is not None)
        found = msgspec.structs.replace(found, sources=tuple(Source(name, "") for name in names))
    return msgspec.structs.replace(found, claims=claims, why="" if claims else NO_CLAIMS)


def _of_answer(run: Run, row: CaseRow, answer: Answer, held_elsewhere: bool) -> Checked:
    case = row.case
    said = [*case.messages, *answer.turns]
    tools = [text for each in said if each.get("role") == "tool" and isinstance(text := each.get("content"), str)]
    sources = [Source(str(number), text) for number, text in enumerate((*case.context, *tools), 1)]
    asked = case.input or "\n".join(str(m.get("content", "")) for m in case.messages if m.get("role") == "user")
    return Checked(
        answer=answer.output,
        sources=() if held_elsewhere else tuple(sources),
        node=f"run/{run.id}/{case.id}/{answer.target}" + (f"/{answer.repeat}" if answer.repeat else ""),
        nodes=(f"run/{run.id}", *([run.subject] if "@" in run.subject else [])),
        asked=(("user", asked),) if asked else (),
        case=case.id,
        target=answer.target,
        repeat=answer.repeat,
        traces=(answer.trace_id,) if answer.trace_id else (),
        environments=environments_of(run),
    )


def _returned(span: Span, content: Content | None, blobs: Blobs) -> Iterator[str]:
    del span
    if content is None:
        return
    raw = content.output
    if raw is None and content.output_blob is not None and blobs.exists(content.output_blob):
        raw = blobs.get(content.output_blob)
    if not raw:
        return
    try:
        yield from _texts(msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError):
        yield raw.decode(errors="replace")


def _texts(value: Any) -> Iterator[str]:
    """The passages of what a retriever or a tool returned."""
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _texts(each)
    elif isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        known = [fields[name] for name in _TEXTS if name in fields]
        for each in known[:1] or [one for one in fields.values() if isinstance(one, dict | list | str)]:
            yield from _texts(each)


def _rows(datasets: Datasets, version: Version, column: str | None) -> Iterator[Source]:
    start = 0
    chosen = column
    while page := datasets.rows(version, start=start, limit=_PAGE):
        for each in page:
            chosen = chosen or _column(version, each.row)
            text = each.row.get(chosen)
            if text is None:
                raise UsageError(
                    f"A row of {version.artifact_id} has no column {chosen!r}.",
                    remedy=f"It has: {', '.join(sorted(each.row)[:20])}.",
                    param="column",
                )
            name = next((str(each.row[one]) for one in _NAMES if isinstance(each.row.get(one), str | int)), "")
            joined = "\n".join(map(str, cast("list[Any]", text))) if isinstance(text, list) else str(text)
            yield Source(name or f"{version.artifact_id}#{each.index}", joined)
        start += len(page)


def _column(version: Version, row: Mapping[str, Any]) -> str:
    found = next((name for name in _COLUMNS if name in row), None)
    if found is None:
        raise UsageError(
            f"No column of {version.artifact_id} is known to hold a text.",
            remedy=f"Name one with column (--column): {', '.join(sorted(row)[:20])}.",
            param="column",
        )
    return found
