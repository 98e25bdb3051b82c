"""An export of the log that anybody can check without the installation: lines of JSON.

The first line has the checkpoint and the keys, then one line an event: its fields, and its salt and payload when they
go along. The events are all of the first `size`, so that the root can be made of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import AuditEvent, AuditPayload, Checkpoint
from genaiops.govern._note import Verifier, read_checkpoint
from genaiops.govern._verify import ChainCheck, Finding
from genaiops.ports.audit import AuditRow, AuditView

FORMAT = "genaiops-audit-1"


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bundle: str
    size: int
    checkpoint: str
    keys: tuple[str, ...]
    payloads: bool


class _Line(AuditEvent, frozen=True, kw_only=True, forbid_unknown_fields=True):
    salt: str | None = None
    body: str | None = None


class BundleReport(msgspec.Struct, frozen=True, kw_only=True):
    """`key` signed it. `pinned`: that is the key the caller gave; else the file's own word was taken for it."""

    size: int
    root: str
    origin: str
    key: str
    pinned: bool
    payloads: int
    found: int
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        return self.found == 0


T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


def write_bundle(log: AuditView, checkpoint: Checkpoint, *, payloads: bool) -> Iterator[bytes]:
    """The lines, each with its end."""
    keys = tuple(key.verifier for key in log.log_keys())
    yield _encode(_Head(FORMAT, checkpoint.size, checkpoint.note, keys, payloads)) + b"\n"
    for row in log.rows(0, checkpoint.size):
        fields = msgspec.structs.asdict(row.event)
        given = row.payload if payloads else None
        if given is not None:
            fields |= {"salt": given.salt, "body": given.body}
        yield _encode(_Line(**fields)) + b"\n"


def verify_bundle(lines: Iterable[bytes], *, keys: Sequence[str] = ()) -> BundleReport:
    """UsageError when it is no bundle, names the line. `keys`: verifiers that are trusted; without any, the file's."""
    given = iter(lines)
    head = _decoded(next(given, b""), 1, _Head)
    if head.bundle != FORMAT:
        raise _unreadable(1, f"its format is {head.bundle[:40]!r}, not {FORMAT}")
    trusted = tuple(map(Verifier.read, keys or head.keys))
    signed = read_checkpoint(head.checkpoint, trusted)
    chain, shown = ChainCheck(), 0
    for number, line in enumerate(given, 2):
        fields = msgspec.structs.asdict(_decoded(line, number, _Line))
        salt, body = fields.pop("salt"), fields.pop("body")
        event = AuditEvent(**fields)
        chain.event(event, None)
        if salt is not None:
            shown += 1
            chain.payload(AuditRow(event, AuditPayload(salt=salt, body=body), None))
    findings = chain.findings
    if signed.by is None:
        findings.add("signature", "The checkpoint is not signed by a key that is trusted.")
    if chain.last < signed.size:
        said = f"The end is missing: {signed.size} events were signed, {chain.last} are there."
        findings.add("missing", said, chain.last + 1)
    elif (chain.tree.size, chain.tree.root().hex()) != (signed.size, signed.root):
        findings.add("checkpoint", "The events are not those that were signed.")
    return BundleReport(
        size=chain.last,
        root=chain.tree.root().hex(),
        origin=signed.origin,
        key="" if signed.by is None else str(signed.by),
        pinned=bool(keys) and signed.by is not None,
        payloads=shown,
        found=findings.count,
        findings=tuple(findings.kept),
    )


def _decoded(line: bytes, number: int, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.MsgspecError as error:
        raise _unreadable(number, str(error)) from error


def _unreadable(number: int, why: str) -> UsageError:
    return UsageError(
        f"Line {number} is not what an exported audit log has: {why}.",
        remedy="Give a file that `genaiops audit export` wrote.",
        code="not_a_bundle",
    )
