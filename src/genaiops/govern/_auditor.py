"""Signs what the audit log holds, and proves what is in it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import Any

import msgspec

from genaiops.core import merkle
from genaiops.core.clock import now_us
from genaiops.core.errors import NotFound, StoreError
from genaiops.domain import Checkpoint, LogKey
from genaiops.govern._note import SigningKey, checkpoint_text
from genaiops.ports.audit import AuditView
from genaiops.ports.records import Records
from genaiops.ports.secrets import Secrets

AUDIT_KEY = "genaiops/audit-key"
"""The secret that holds the signing key."""

_QUIET_US = 60_000_000


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """That the event is in the log that the checkpoint signs (RFC 6962, 2.1.1). Hashes in hexadecimal."""

    seq: int
    leaf: str
    path: tuple[str, ...]
    checkpoint: Checkpoint


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """That the log of size `second` begins with the one of size `first` (RFC 6962, 2.1.2). Hashes in hexadecimal."""

    first: int
    second: int
    second_root: str
    path: tuple[str, ...]


class Auditor:
    """One for a process. Any thread may use it. `kept` is told of each new checkpoint."""

    def __init__(
        self,
        records: Records,
        secrets: Secrets,
        *,
        clock: Callable[[], int] = now_us,
        kept: Callable[[Checkpoint, LogKey], None] | None = None,
    ) -> None:
        self._records = records
        self._secrets = secrets
        self._clock = clock
        self._kept = kept
        self._lock = threading.Lock()
        self._tree = merkle.Tree()
        self._latest: Checkpoint | None = None
        self._noted: dict[tuple[str, ...], int] = {}

    @property
    def latest(self) -> Checkpoint | None:
        """The newest checkpoint this process knows, without a look at the store."""
        return self._latest

    def note(self, action: str, collection: str, entity_id: str, payload: Any = None, *, by: str) -> None:
        """An event that changes no record."""
        with self._records.write(by) as unit:
            unit.note(action, collection, entity_id, payload)

    def note_once(self, action: str, collection: str, entity_id: str, payload: Any = None, *, by: str) -> None:
        """As `note`, at most once a minute for the same thing: what anybody can cause must not fill the log."""
        now, key = self._clock(), (action, collection, entity_id, by)
        with self._lock:
            if now - self._noted.get(key, 0) < _QUIET_US:
                return
            self._noted = {each: at for each, at in self._noted.items() if now - at < _QUIET_US}
            self._noted[key] = now
        self.note(action, collection, entity_id, payload, by=by)

    def checkpoint(self) -> Checkpoint | None:
        """The log as it is now, signed; the last one again when nothing was added. None while the log is empty.

        StoreError when the log no longer begins with what was signed last: an altered log is never signed."""
        with self._lock:
            key = self._key()
            with self._records.read() as view:
                size = view.audit.size()
                last = self._latest or next(reversed(view.audit.checkpoints()), None)
                if last is not None and last.size == size == self._tree.size:
                    self._latest = last
                    return last
                if size == 0 and last is None:
                    return None
                root = self._grown(view.audit, size, last)
            if last is not None and last.size == size:
                self._latest = last
                return last
            note = key.sign(checkpoint_text(key.verifier.name, size, root))
            made = Checkpoint(size=size, root=root, at_us=self._clock(), origin=key.verifier.name, note=note)
            with self._records.write("system") as unit:
                unit.audit.keep_checkpoint(made)
            self._latest = made
        if self._kept is not None:
            self._kept(made, _log_key(key, made.at_us))
        return made

    def _grown(self, log: AuditView, size: int, last: Checkpoint | None) -> str:
        """The root at `size`. What was signed last is compared on the way, once in the life of this process."""
        tree = merkle.Tree() if last is not None and self._tree.size < last.size else self._tree
        if last is not None and tree.size < last.size:
            tree.extend(log.leaves(0, last.size))
            if size < last.size or tree.size != last.size or tree.root().hex() != last.root:
                raise _altered(last)
        tree.extend(log.leaves(tree.size, size))
        if tree.size != size:
            raise _altered(last)
        self._tree = tree
        return tree.root().hex()

    def prove(self, seq: int) -> Proof:
        """NotFound when there is no such event."""
        made = self.checkpoint()
        if made is None or not 1 <= seq <= made.size:
            raise NotFound(f"There is no event {seq} in the audit log.", remedy="genaiops audit list shows them.")
        leaves = self._leaves(made.size)
        path = merkle.inclusion_proof(leaves, seq - 1)
        return Proof(seq=seq, leaf=leaves[seq - 1].hex(), path=_hex(path), checkpoint=made)

    def consistency(self, first: int, second: int) -> Consistency:
        """Between two sizes. NotFound when the log is not that long."""
        leaves = self._leaves(second)
        if not 0 < first <= second or len(leaves) != second:
            raise NotFound(
                f"The audit log has {len(leaves)} events, so it shows nothing of {first} to {second}.",
                remedy="genaiops audit list shows the newest.",
                code="audit_shorter",
            )
        path, root = merkle.consistency_proof(leaves, first), merkle.root_of(leaves)
        return Consistency(first=first, second=second, second_root=root.hex(), path=_hex(path))

    def verifier(self) -> str:
        """The public key that this installation's checkpoints are signed with."""
        with self._lock:
            return str(self._key().verifier)

    def _leaves(self, size: int) -> Sequence[bytes]:
        with self._records.read() as view:
            return list(view.audit.leaves(0, min(size, view.audit.size())))  # a database takes no number over 2^63

    def _key(self) -> SigningKey:
        """Made at the first use; that it signs from now on is an event."""
        text = self._secrets.get(AUDIT_KEY)
        with self._records.read() as view:
            known: Mapping[str, LogKey] = {each.id: each for each in view.audit.log_keys()}
        if text is None:
            # A log that several machines sign, or whose key was lost, keeps its name.
            origin = next((each.origin for each in known.values()), f"genaiops/{token_hex(8)}")
            text = SigningKey.new(origin).text()
            self._secrets.put(AUDIT_KEY, text)
        key = SigningKey.read(text)
        if key.verifier.id not in known:
            made = _log_key(key, self._clock())
            with self._records.write("system") as unit:
                unit.audit.keep_key(made)
                unit.note("key", "audit", made.id, made)
        return key


def _log_key(key: SigningKey, at_us: int) -> LogKey:
    return LogKey(id=key.verifier.id, origin=key.verifier.name, verifier=str(key.verifier), since_us=at_us)


def _hex(path: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(each.hex() for each in path)


def _altered(last: Checkpoint | None) -> StoreError:
    signed = "what was read before" if last is None else f"the checkpoint of its first {last.size} events"
    return StoreError(
        f"The audit log does not fit {signed}: it was altered, so it is not signed any further.",
        remedy="Run `genaiops audit verify`: it names the first row that was altered.",
        code="audit_altered",
    )
