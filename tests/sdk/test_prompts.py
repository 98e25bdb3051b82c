"""Prompts by name: from the server, from memory, from disk, from a fallback."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import genaiops
from genaiops.core.errors import NotFound, Unavailable, UsageError
from genaiops.domain import ReadyPrompt, link, prompt_manifest
from tests.app.running import until
from tests.sdk.collector import Collector

MANIFEST = {
    "messages": [
        {"role": "system", "content": "Answer {{#if formal}}formally{{else}}kindly{{/if}}."},
        {"role": "user", "content": "{{question}}"},
    ],
    "variables": {"question": "string", "formal": {"type": "boolean", "default": False}},
    "parameters": {"temperature": 0.2},
    "model": "smollm2",
}
DIGEST = "sha256:" + "1f" * 32
NAME = "support/answer@prod"


def served(manifest: dict[str, Any] = MANIFEST, digest: str = DIGEST) -> tuple[int, dict[str, str], Any]:
    plain = json.loads(json.dumps(manifest))
    plain["variables"] = [
        {"name": name, **(one if isinstance(one, dict) else {"type": one})}
        for name, one in manifest["variables"].items()
    ]
    return 200, {}, {"id": f"prompt/support/answer@{digest}", "digest": digest, "manifest": plain}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENAIOPS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def asked(collector: Collector) -> list[str]:
    return [path for path, _ in collector.asked if path.startswith("/api/versions")]


def test_it_is_rendered_as_the_gateway_does_and_noted_on_the_span(collector: Collector) -> None:
    collector.reply = lambda path: served() if path.startswith("/api") else (200, {}, {})
    found = genaiops.prompt(NAME)
    assert (found.name, found.version, found.source) == ("support/answer", DIGEST, "server")
    with genaiops.trace("answer"):
        messages = found.render(question="{{formal}}?")
    whole = ReadyPrompt("x", "", link(prompt_manifest(MANIFEST), lambda _: prompt_manifest(MANIFEST)))
    assert messages == whole.render(whole.check({"question": "{{formal}}?"}))
    assert messages[1]["content"] == "{{formal}}?"
    assert found.arguments(question="Why?", formal=True) == {
        "messages": [{"role": "system", "content": "Answer formally."}, {"role": "user", "content": "Why?"}],
        "model": "smollm2",
        "temperature": 0.2,
    }
    with pytest.raises(UsageError, match="needs the variable 'question'"):
        found.render()
    assert genaiops.flush()
    noted = collector.named("answer").attributes
    assert (noted["gen_ai.prompt.name"], noted["gen_ai.prompt.version"]) == ("support/answer", DIGEST)
    assert genaiops.prompt(NAME) is found
    assert asked(collector) == ["/api/versions/prompt/support/answer%40prod"]


def test_includes_are_those_that_were_pinned(collector: Collector) -> None:
    text = "Be brief{{> support/tone@prod}}."
    pinned = {"support/tone@prod": f"prompt/support/tone@{DIGEST}"}
    whole = {"messages": [{"role": "system", "content": text}], "variables": {}, "includes": pinned}
    tone = {"messages": [{"role": "system", "content": ", {{mood}}"}], "variables": {"mood": "string"}}
    collector.reply = lambda path: served(tone, "sha256:other") if "tone" in path else served(whole)
    found = genaiops.prompt("support/whole@prod")
    assert found.version == DIGEST
    assert found.render(mood="calm") == [{"role": "system", "content": "Be brief, calm."}]
    assert asked(collector)[1] == f"/api/versions/prompt/support/tone%40{DIGEST.replace(':', '%3A')}"


def test_it_is_refreshed_in_the_background(collector: Collector) -> None:
    collector.reply = lambda _: served()
    first = genaiops.prompt(NAME, ttl=0)
    collector.reply = lambda _: served(digest="sha256:new")
    assert genaiops.prompt(NAME, ttl=0) is first
    until(lambda: genaiops.prompt(NAME, ttl=0).version == "sha256:new", "the new version")


def test_a_version_by_digest_is_asked_for_once(collector: Collector) -> None:
    collector.reply = lambda _: served()
    for _ in range(3):
        assert genaiops.prompt(f"support/answer@{DIGEST}", ttl=0).version == DIGEST
    assert len(asked(collector)) == 1


def test_many_threads_ask_once(collector: Collector) -> None:
    collector.reply = lambda _: served()
    threads = [threading.Thread(target=genaiops.prompt, args=(NAME,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked(collector)) == 1


def test_the_copy_on_disk_serves_while_the_server_is_away(
    collector: Collector, cache: Path, caplog: pytest.LogCaptureFixture, forgotten: None
) -> None:
    collector.reply = lambda _: served()
    genaiops.prompt("other/one@prod")
    (copy,) = (cache / "prompts").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    collector.reply = lambda _: (503, {}, {"error": {"message": "Down."}})
    forget()
    found = genaiops.prompt("other/one@prod")
    assert (found.source, found.version) == ("disk", DIGEST)
    assert found.render(question="x")[1]["content"] == "x"
    assert sum("served from what was kept" in record.getMessage() for record in caplog.records) == 1
    copy.write_text("{")
    forget()
    with pytest.raises(Unavailable, match=r"Down\."):
        genaiops.prompt("other/one@prod")


def test_a_fallback_serves_when_nothing_else_is_there(fresh: None, tmp_path: Path) -> None:
    genaiops.configure(url="http://127.0.0.1:9", api_key="k")
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(MANIFEST))
    for fallback in (MANIFEST, file, str(file)):
        found = genaiops.prompt(NAME, fallback=fallback)
        assert (found.source, found.version, found.name) == ("fallback", None, "support/answer")
        assert found.render(question="x")[0]["content"] == "Answer kindly."
    with pytest.raises(Unavailable, match="Nothing answers"):
        genaiops.prompt(NAME)


def test_a_fallback_that_is_no_prompt_is_told_while_all_is_well(collector: Collector, tmp_path: Path) -> None:
    collector.reply = lambda _: served()
    including = {"messages": [{"role": "system", "content": "{{> support/tone@prod}}"}]}
    for wrong, why in (({"messages": []}, "messages"), (tmp_path / "gone.json", "cannot be read"), (including, "tone")):
        with pytest.raises(UsageError, match=why):
            genaiops.prompt(NAME, fallback=wrong)


def test_a_prompt_that_does_not_exist(collector: Collector, cache: Path) -> None:
    collector.reply = lambda _: (404, {}, {"error": {"message": "There is no prompt 'support/answr'."}})
    with pytest.raises(NotFound, match="no prompt 'support/answr'"):
        genaiops.prompt("support/answr@prod")
    assert genaiops.prompt("support/answr@prod", fallback=MANIFEST).source == "fallback"
    assert len(asked(collector)) == 1
    assert not cache.exists()


def forget() -> None:
    """As a process that begins anew."""
    from genaiops.sdk import _prompts as module

    module._store._entries.clear()


@pytest.fixture
def forgotten() -> Iterator[None]:
    yield
    forget()
