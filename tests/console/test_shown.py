"""Times, bodies and pictures as pages show them; the strip of calls, without a browser."""

from pathlib import Path

import pytest

from genaiops.console._format import NONE, brief, indented, is_json, since, when
from genaiops.console._volume import HIGH, MOST, volume
from genaiops.console.pages.traces import MOST_PICTURES, pictures
from genaiops.domain import Span
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, TraceFilter

HOUR = 3_600_000_000
NOON = 1_795_262_400_000_000
"""2026-11-21 12:00 UTC."""


def test_a_time_is_short_and_says_the_rest() -> None:
    at = NOON + 1_234_567
    exact = 'datetime="2026-11-21T12:00:01.234567Z" title="2026-11-21 12:00:01.234 UTC"'
    assert when(at) == f"<time {exact}>21 Nov 12:00:01</time>"
    assert when("2026-11-21T12:00:01.234567Z", ms=True) == f"<time {exact}>21 Nov 12:00:01.234</time>"
    assert since(at, at + 90_000_000) == f"<time {exact}>1 min ago</time>"
    assert when(None) == NONE


def test_only_json_is_indented() -> None:
    assert indented('{"a": [1]}') == '{\n  "a": [\n    1\n  ]\n}'
    for text in ("", "plain", "[not json", "{" * 100_000, "12"):
        assert indented(text) == text
        assert not is_json(text)
    assert is_json('{"a": 1}')


def test_digests_are_brief() -> None:
    digest = "sha256:" + "0123456789abcdef" * 4
    assert brief(f"prompt/a@{digest}") == "prompt/a@sha256:01234567…"
    assert brief("key_01") == "key_01"


def test_pictures_are_found_wherever_they_stand_and_nothing_else() -> None:
    picture = "data:image/png;base64,iVBORw0KGgo="
    body = {"messages": [{"content": [{"image_url": {"url": picture}}, {"text": f"see {picture}"}]}], "more": [picture]}
    assert pictures(body) == [picture, picture]
    assert len(pictures([picture] * 100)) == MOST_PICTURES
    for other in ("data:image/svg+xml;base64,PHN2Zz4=", "https://example.com/a.png", "data:text/html;base64,PGI+aGk="):
        assert pictures([other]) == []


@pytest.mark.parametrize(("hours", "bars"), [(1, 60), (24, 24), (24 * 30, 30)])
def test_the_strip_has_every_call_and_few_bars(tmp_path: Path, hours: int, bars: int) -> None:
    telemetry = open_telemetry(tmp_path, writer=True)
    try:
        spans = [
            Span(
                trace_id=number.to_bytes(16),
                span_id=number.to_bytes(8),
                name="chat",
                kind="gateway",
                operation="chat",
                environment_id="prod" if number % 2 else "dev",
                start_us=NOON - number * HOUR // 50,
                duration_us=1000,
                status="error" if number % 10 == 0 else "ok",
            )
            for number in range(1, 41)
        ]
        telemetry.write(Batch(spans=spans))
        found = volume(telemetry, TraceFilter(since_us=NOON - hours * HOUR), NOON)
        assert found is not None
        assert bars <= len(found.bars) <= MOST + 1
        assert (found.calls, found.errors) == (40, 4)
        assert max(bar.good + bar.bad for bar in found.bars) <= HIGH + 1.5
        prod = volume(telemetry, TraceFilter(environment_id="prod"), NOON)
        assert prod is not None
        assert prod.calls == 20
        assert volume(telemetry, TraceFilter(text="chat"), NOON) is None
        assert volume(telemetry, TraceFilter(user_id="anna"), NOON) is None
    finally:
        telemetry.close()
