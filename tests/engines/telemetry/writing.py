"""A writer in a process of its own, to be killed or starved of disk space: `python -m tests.engines.telemetry.writing
FOLDER [BYTES]`.

It goes on from the offset in the store with batch after batch and prints a line for each that was written. With BYTES
no file may grow beyond that. It ends, with the code of the error as last line, when a batch cannot be written.
"""

import random
import resource
import sys
from pathlib import Path

import msgspec

from genaiops.core.errors import StoreError
from genaiops.domain import Charge, Content
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, SpoolOffset
from tests.engines.telemetry.calls import DAY, NOW, call, merged

LIFE = "w0-1"
CALLS = 20
CHARGE = 7
SIZE = 8_000


def batch_of(number: int) -> Batch:
    """Batch `number` (from 0): its calls straddle midnight, so that two content files are written, and their payloads
    do not compress.
    """
    midnight = NOW // DAY * DAY
    noise = random.Random(number)
    calls = [
        call(
            number * CALLS + step,
            midnight + number * 1000 + (step - CALLS // 2) * 3_600_000_000,
            text=f"word batch{number}",
        )
        for step in range(CALLS)
    ]
    whole = merged(*calls)
    return Batch(
        spans=whole.spans,
        contents=[_with_noise(content, noise) for content in whole.contents],
        ledger=[Charge("bud_1", 0, CHARGE)],
        offsets=[SpoolOffset(LIFE, 0, number + 1)],
    )


def _with_noise(content: Content, noise: random.Random) -> Content:
    return msgspec.structs.replace(content, input=noise.randbytes(SIZE))


def main(folder: Path, limit: int | None) -> None:
    with open_telemetry(folder, writer=True, content_floor_bytes=0, clock=lambda: NOW) as store:
        known = store.offsets().get(LIFE)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        number = 0 if known is None else known.offset
        while True:
            try:
                written = store.write(batch_of(number))
            except StoreError as error:
                print(error.code, flush=True)
                return
            print(number, written.spans, written.duplicates, written.content_shed, flush=True)
            number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
