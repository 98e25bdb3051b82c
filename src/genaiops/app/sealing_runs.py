"""Runs and what experiments have counted, in a backup: a line of JSON a row.

Figures are open. What cases, answers and verdicts say is sealed beside them: under the key of the person whose trace a
case was made of, else under a key for nobody. A row that no key opens comes back as figures.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from genaiops.core.errors import StoreError
from genaiops.engines.experiments_sql import METADATA as EXPERIMENTS
from genaiops.engines.person_keys import KeyRing, PersonKeys
from genaiops.engines.runs_sql import RUN_TABLES, RunRow, dump_runs, load_runs
from genaiops.engines.telemetry_sqlite import Owners
from genaiops.ports.blobs import Blobs

RUN_STORE_TABLES: Final = RUN_TABLES | EXPERIMENTS.tables.keys()
"""What they are kept in, where that is the database of the records."""

_pack: Final = msgspec.msgpack.Encoder().encode
_encode: Final = msgspec.json.Encoder().encode
_NOBODY: Final = ("", "")


class _Line(msgspec.Struct, frozen=True, array_like=True):
    """`row`: packed, open. `box`: the whole row, sealed for `person` of `tenant` (None: `row` is whole)."""

    table: str
    row: bytes
    person: bytes = b""
    tenant: str = ""
    box: bytes | None = None


def sealed_runs(url: str, owners: Owners | None, keys: PersonKeys, blobs: Blobs | None = None) -> Iterator[bytes]:
    """The lines, each with its end; none where there are no runs. `owners` None: there are no traces. `blobs`: where
    its pictures are, which go with what shows them."""
    for row in dump_runs(url, EXPERIMENTS, blobs=blobs):
        yield _encode(_line(row, owners, keys)) + b"\n"


def _line(row: RunRow, owners: Owners | None, keys: PersonKeys) -> _Line:
    if row.bare is None:
        return _Line(row.table, _pack(row.values))
    tenant, user_id = owners.of(row.trace, None) if owners is not None and row.trace else _NOBODY
    person = keys.person(user_id)
    bare = _pack(row.bare)
    return _Line(row.table, bare, person, tenant, keys.seal(person, tenant, _pack(row.values), bare))


def unsealed_runs(path: Path, url: str, ring: KeyRing, blobs: Blobs | None = None) -> int:
    """Fill a store with the lines of a file, and `blobs` with its pictures. How many of its rows no key opened."""
    lost = 0

    def rows() -> Iterator[tuple[str, Mapping[str, Any]]]:
        nonlocal lost
        with path.open("rb") as lines:
            for line in lines:
                found = msgspec.json.decode(line, type=_Line)
                whole = found.row
                if found.box is not None:
                    opened = ring.open(found.person, found.tenant, found.box, found.row)
                    lost += opened is None
                    whole = found.row if opened is None else opened
                yield found.table, cast("dict[str, Any]", msgspec.msgpack.decode(whole))

    try:
        load_runs(url, rows(), EXPERIMENTS, blobs=blobs)
    except msgspec.DecodeError as error:
        raise StoreError(
            f"The runs of the backup cannot be read: {error}.", remedy="Use another backup.", code="backup_damaged"
        ) from error
    return lost
