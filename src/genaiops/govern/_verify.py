"""Does the audit log hold? Every row against the chain, the changes, the records themselves and what was signed."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal

import msgspec

from genaiops.core import merkle
from genaiops.core.errors import UsageError
from genaiops.domain import AUDIT_START, AuditEvent, Checkpoint, LogKey, commitment_of, leaf_of
from genaiops.govern._note import Verifier, read_checkpoint
from genaiops.govern._records import check_records
from genaiops.ports.audit import AuditRow, AuditView, StoredChange
from genaiops.ports.records import COLLECTIONS, Collection

Kind = Literal["missing", "event", "payload", "change", "record", "checkpoint", "signature"]

MOST_FINDINGS = 20
_STEP = 2000
_SHARED = ("at_us", "actor_id", "action", "collection", "entity_id")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that does not hold. `seq` is the event's number, where there is one; `field` what differs, where that
    can be told."""

    kind: Kind
    message: str
    seq: int | None = None
    field: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`findings`: the first comes first, at most 20 of all `found`. `erased`: events whose payload was taken away and
    that say so. `checkpoints` were compared, `signed` is the size of the largest that holds."""

    size: int
    root: str
    found: int
    findings: tuple[Finding, ...]
    erased: int
    sealed: int
    records: int
    checkpoints: int
    signed: int
    keys: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return self.found == 0


class Witnessed(msgspec.Struct, frozen=True):
    """What somebody outside of the store saw of the log: its root (hexadecimal) at a size, and where that is kept."""

    size: int
    root: str
    place: str


class _Findings:
    def __init__(self) -> None:
        self.count = 0
        self.kept: list[Finding] = []

    def add(self, kind: Kind, message: str, seq: int | None = None, field: str | None = None) -> None:
        self.count += 1
        if len(self.kept) < MOST_FINDINGS:
            self.kept.append(Finding(kind=kind, message=message, seq=seq, field=field))


class ChainCheck:
    """Takes events in the order they are stored and says what does not fit. Also for events of a file."""

    def __init__(self, findings: _Findings | None = None) -> None:
        self.findings = findings or _Findings()
        self.tree = merkle.Tree()
        self.erased: set[int] = set()
        self.announced: set[int] = set()
        self.introduced: set[str] = set()
        self.last = 0
        self._may_precede: tuple[str, ...] = (AUDIT_START,)

    def event(self, event: AuditEvent, change: StoredChange | None) -> bool:
        """Whether it fits its own hash."""
        expected = self.last + 1
        if event.seq != expected:
            gone = f"Event {expected} is" if event.seq == expected + 1 else f"Events {expected} to {event.seq - 1} are"
            self.findings.add("missing", f"{gone} missing.", expected)
        prev, leaf = self._may_precede[0], ""
        for prev in self._may_precede:
            leaf = leaf_of(event, prev)
            if leaf == event.leaf:
                break
        if leaf != event.leaf and event.seq == expected:
            field, said = _what_differs(event, prev, change)
            self.findings.add("event", f"Event {event.seq} does not fit its hash: {said}.", event.seq, field)
        # The next event was made after this one's hash, which is either the stored or the right one.
        self._may_precede = (event.leaf, leaf)
        self.tree.append(bytes.fromhex(event.leaf) if _is_hash(event.leaf) else bytes(32))
        self.last = event.seq
        return leaf == event.leaf

    def payload(self, row: AuditRow) -> None:
        event, payload = row.event, row.payload
        if payload is None or (payload.body is None and row.change_row and event.action != "remove"):
            self.erased.add(event.seq)
        elif not _is_hash(payload.salt, 32) or commitment_of(payload.salt, payload.body) != event.commitment:
            where = f"the body of change {event.change}" if event.change is not None else "its payload"
            self.findings.add(
                "payload",
                f"Event {event.seq} ({event.action} {event.collection}/{event.entity_id}): {where} is not what was "
                "committed to.",
                event.seq,
                "body",
            )
        elif event.collection == "audit" and payload.body is not None:
            if event.action == "erase":
                self.announced.update(_numbers(payload.body))
            elif event.action == "key":
                self.introduced.add(payload.body)


def verify(
    log: AuditView, *, witnesses: Sequence[Witnessed] = (), progress: Callable[[int, int], None] | None = None
) -> Report:
    """All of it, in order. `witnesses`: checkpoints from elsewhere (files, a client's memory) that must hold as well.
    `progress` is told how many of how many events are done. The memory it takes is that of the records' ids."""
    size, findings = log.size(), _Findings()
    chain = ChainCheck(findings)
    keys = log.log_keys()
    verifiers = tuple(_readable(keys, findings))
    kept = _Kept([*log.checkpoints(), *witnesses], verifiers, findings)
    last: dict[tuple[str, str], tuple[int, int | None]] = {}
    changes = sealed = 0
    rows = log.rows(0, size)
    while page := list(islice(rows, _STEP)):
        for row in page:
            event, before = row.event, chain.last
            fits = chain.event(event, row.change_row)
            if event.change is not None:
                whole = event.seq == before + 1  # else the gap was told of
                if fits or row.change_row is None:  # else what differs was told of
                    _check_change(row, changes + 1 if whole else None, findings)
                changes = event.change
                gone = event.action == "remove"
                last[event.collection, event.entity_id] = (event.seq, None if gone else event.change)
            elif event.action == "seal" and event.collection == "audit":
                sealed = event.seq - 1
            if event.change is None or row.change_row is not None:
                chain.payload(row)
            kept.compare(chain.tree)
        if progress is not None:
            progress(page[-1].event.seq, size)
    for seq in sorted(chain.erased - chain.announced):
        findings.add("payload", f"The payload of event {seq} is gone, and no erasure says so.", seq, "body")
    kept.finish(chain.last)
    for key in keys:
        if msgspec.json.encode(key).decode() not in chain.introduced:
            findings.add("signature", f"The key {key.id} is not the one that its event tells of.")
    for number in log.unchained_changes():
        findings.add("change", f"Change {number} is in the records' changes, and no event tells of it.")
    compared = 0
    for kind, said in check_records(log, last, chain.erased, _nouns()):
        if kind is None:
            compared += 1
        else:
            findings.add("record", said, field=kind or None)
    findings.kept.sort(key=lambda found: (found.seq is None, found.seq or 0))
    return Report(
        size=size,
        root=chain.tree.root().hex(),
        found=findings.count,
        findings=tuple(findings.kept),
        erased=len(chain.erased),
        sealed=sealed,
        records=compared,
        checkpoints=kept.compared,
        signed=kept.largest,
        keys=tuple(map(str, verifiers)),
    )


def _readable(keys: Sequence[LogKey], findings: _Findings) -> Iterator[Verifier]:
    for key in keys:
        try:
            yield Verifier.read(key.verifier)
        except UsageError:
            findings.add("signature", f"The key {key.id} of this log cannot be read.")


class _Kept:
    """Checkpoints, compared with the tree as it grows."""

    def __init__(
        self, checkpoints: list[Checkpoint | Witnessed], verifiers: tuple[Verifier, ...], findings: _Findings
    ) -> None:
        self._waiting = sorted(checkpoints, key=lambda each: each.size, reverse=True)
        self._verifiers = verifiers
        self._findings = findings
        self.compared = 0
        self.largest = 0

    def compare(self, tree: merkle.Tree) -> None:
        while self._waiting and self._waiting[-1].size <= tree.size:
            one = self._waiting.pop()
            self.compared += 1
            name = f"The checkpoint of the first {one.size} events{_place(one)}"
            if not self._signed(one):
                self._findings.add("signature", f"{name} is not signed by a key of this log.")
            elif tree.root().hex() != one.root:
                self._findings.add("checkpoint", f"{name} is of another log: what it signed was rewritten.")
            else:
                self.largest = one.size

    def _signed(self, one: Checkpoint | Witnessed) -> bool:
        if isinstance(one, Witnessed):
            return True
        try:
            signed = read_checkpoint(one.note, self._verifiers)
        except UsageError:
            return False
        return (signed.size, signed.root) == (one.size, one.root) and signed.by is not None

    def finish(self, size: int) -> None:
        for one in self._waiting:
            self.compared += 1
            self._findings.add(
                "missing",
                f"The end of the log is missing: {one.size} events were signed{_place(one)}, {size} are there.",
                size + 1,
            )


def _place(one: Checkpoint | Witnessed) -> str:
    return f" (kept in {one.place})" if isinstance(one, Witnessed) else ""


def _check_change(row: AuditRow, expected: int | None, findings: _Findings) -> None:
    event, change = row.event, row.change_row
    if change is None:
        findings.add("change", f"Change {event.change}, which event {event.seq} tells of, is gone.", event.seq)
        return
    for name in _SHARED:
        here, there = getattr(change, name), getattr(event, name)
        if here != there:
            said = f"Change {change.seq} says {name} {here!r}, the event {event.seq} of it says {there!r}."
            findings.add("change", said, event.seq, name)
            return
    if expected is not None and change.seq != expected:
        said = f"Event {event.seq} tells of change {change.seq}; {expected} is the next."
        findings.add("change", said, event.seq, "change")


def _what_differs(event: AuditEvent, prev: str, change: StoredChange | None) -> tuple[str | None, str]:
    """The field that was altered, where the row of its change still has the value that fits."""
    if change is not None:
        for name in _SHARED:
            value = getattr(change, name)
            if leaf_of(msgspec.structs.replace(event, **{name: value}), prev) == event.leaf:
                return name, f"{name} is {getattr(event, name)!r} and was {value!r}"
    return None, "one of its fields, its hash or its place in the order was altered"


def _numbers(body: str) -> Iterator[int]:
    try:
        found: Any = msgspec.json.decode(body)
        yield from found["events"] if isinstance(found["events"], list) else ()
    except (msgspec.DecodeError, KeyError, TypeError):
        return


def _is_hash(text: str, digits: int = 64) -> bool:
    try:
        return len(text) == digits and len(bytes.fromhex(text)) * 2 == digits
    except ValueError:
        return False


def _nouns() -> dict[str, tuple[type[Any], Collection]]:
    return {collection.name: (noun, collection) for noun, collection in COLLECTIONS.items()}
