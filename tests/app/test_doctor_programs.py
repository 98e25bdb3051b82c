"""The doctor says whether programs of others are here, and how to get them."""

from pathlib import Path

import pytest

from genaiops.app.scoring_programs import program_findings
from genaiops.engines.meteor15 import JAR_REMEDY, JAVA_REMEDY, VARIABLE


def test_meteor_is_found_or_said_how_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "meteor-1.5.jar"))
    (found,) = program_findings()
    assert (found.check, found.status) == ("METEOR 1.5", "ok")  # nothing is wrong with an installation without it
    assert JAVA_REMEDY in found.message
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    (found,) = program_findings()
    assert JAR_REMEDY in found.message
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "paraphrase-en.gz").write_bytes(b"")
    (tmp_path / "meteor-1.5.jar").write_bytes(b"")
    (found,) = program_findings()
    assert f"the metric meteor_1_5 can be computed: {tmp_path / 'meteor-1.5.jar'}, by {java}" in found.message
