"""What the folding raises: a guard that could not do its work."""

import pathlib
from typing import Any

import msgspec
import pytest

from genaiops.core.errors import StoreError
from genaiops.domain import GuardEvent
from genaiops.engines import spool_files
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.watch import Folder
from tests.watch.calls import ANSWER, REQUEST, admitted, refused, settled, trace_id


class Told:
    """Keeps what is raised; may fail as a locked store does."""

    def __init__(self, *, fails: bool = False) -> None:
        self.raised: list[tuple[Any, ...]] = []
        self.evidence: list[dict[str, str]] = []
        self._fails = fails

    def raise_alert(self, kind: str, subject: str, severity: str, message: str, **more: Any) -> None:
        if self._fails:
            raise StoreError("It is locked.")
        self.raised.append((kind, subject, severity, more["tenant_id"], more["count"]))
        self.evidence.append(more["evidence"])


def late(rule: str = "toxic") -> GuardEvent:
    return GuardEvent("default@sha256:1", rule, "toxicity", "out", "allow", error="It took longer than 250 ms.")


@pytest.mark.parametrize("fails", [False, True])
def test_failed_detectors_and_broken_policies(tmp_path: pathlib.Path, fails: bool) -> None:
    writer = spool_files.open_writer(tmp_path / "spool", column=0, life_us=1)
    fine = GuardEvent("default@sha256:1", "pii", "pii", "in", "redact", {"email": 1})
    for number in (1, 2):
        writer.append(admitted(number), REQUEST)
        writer.append(msgspec.structs.replace(settled(number), guard=(late(), fine)), ANSWER)
    broken = msgspec.structs.replace(refused(3), error_type="guard_broken", error_message="The policy x does not work.")
    writer.append(broken)
    telemetry = open_telemetry(tmp_path / "telemetry", writer=True)
    told = Told(fails=fails)
    reader = spool_files.open_reader(tmp_path / "spool")
    folder = Folder(reader, telemetry, open_blobs(tmp_path / "blobs"), alerts=told)
    assert folder.step() == 5
    assert folder.step() == 0, "what was folded stays folded, whether or not it could be raised"
    if not fails:
        assert told.raised == [
            ("guard_failed", "default#toxic", "warning", "default", 2),
            ("guard_broken", "environment/dev", "critical", "default", 1),
        ]
        assert told.evidence[0]["trace_id"] == trace_id(2).hex()
    writer.close()
    telemetry.close()
