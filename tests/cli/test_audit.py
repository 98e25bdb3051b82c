"""The audit log from a shell: the page's example, an edit that is found, an export, the memory of what was seen."""

import base64
import contextlib
import json
import re
import sqlite3
from collections.abc import Generator
from pathlib import Path

from genaiops.engines.c2pa_manifest import is_installed
from tests.app.running import Installation, request, until
from tests.cli.conftest import Shell
from tests.conftest import Require
from tests.house.tree import ROOT


@contextlib.contextmanager
def edited(installation: Installation, statement: str, back: str) -> Generator[None]:
    """The records with that statement done to them, as by somebody with the file, until the end of the block."""

    def run(text: str) -> None:
        with contextlib.closing(sqlite3.connect(installation.home.records, timeout=10)) as connection, connection:
            assert connection.execute(text).rowcount

    run(statement)
    try:
        yield
    finally:
        run(back)


def test_the_example_of_the_page(connected: Shell, installation: Installation) -> None:
    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    commands = [line[2:] for line in re.findall(r"^\$ .*$", page, re.MULTILINE)]
    statement = re.search(r'"(UPDATE [^"]*)"', page)
    assert statement is not None
    before = [words.split()[1:] for words in commands if words.startswith("genaiops")]
    assert before == [["team", "create", "search"], ["audit", "checkpoint"], ["audit", "verify"], ["audit", "verify"]]
    connected.run(*before[0])  # other pages make that team too
    for words in before[1:3]:
        connected.ok(*words)
    back = "UPDATE changes SET actor_id = (SELECT actor_id FROM audit_events WHERE change = changes.seq)"
    with edited(installation, statement[1], back):
        ran = connected.run("audit", "verify")
    assert ran.status == 1
    assert re.search(r"^fail  Change \d+ says actor_id 'eve', the event \d+ of it says '\w+'\.$", ran.out, re.MULTILINE)
    assert "The audit log does not hold: 1 finding" in ran.out
    assert "The audit log holds" in connected.ok("audit", "verify").out


def test_what_happened_is_listed_and_shown(connected: Shell) -> None:
    connected.ok("team", "create", "listed", "--title", "One")
    (event,) = connected.ok("audit", "list", "--collection", "teams", "--entity", "listed", "--json").json()["data"]
    assert (event["action"], event["collection"]) == ("add", "teams")
    shown = connected.ok("audit", "show", str(event["seq"]))
    assert "+ title: One" in shown.out
    assert connected.ok("audit", "list", "--entity", "listed").column("ACTION") == ["add"]
    connected.ok("team", "remove", "listed")
    assert connected.ok("audit", "list", "--entity", "listed").column("ACTION") == ["remove", "add"]
    assert "There is no event 99999999" in connected.run("audit", "show", "99999999").err


def test_a_proof_leads_to_the_root(connected: Shell) -> None:
    proof = connected.ok("audit", "prove", "1", "--json").json()
    assert proof["checkpoint"]["size"] >= 1
    assert proof["checkpoint"]["root"] in connected.ok("audit", "prove", "1").out


def test_an_export_is_verified_without_the_installation(connected: Shell, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    connected.ok("audit", "export", str(file), "--payloads")
    key = connected.ok("audit", "checkpoint", "--json").json()["key"]
    ran = connected.ok("audit", "verify", "--bundle", str(file), "--public-key", key)
    assert "The audit log holds" in ran.out
    file.write_bytes(file.read_bytes().replace(b'"action":"add"', b'"action":"own"', 1))
    ran = connected.run("audit", "verify", "--bundle", str(file))
    assert (ran.status, "does not fit its hash" in ran.out) == (1, True)
    assert connected.run("audit", "verify", "--bundle", str(tmp_path / "none")).status == 2
    assert "is for --bundle" in connected.run("audit", "verify", "--public-key", "x").err


def test_a_log_that_does_not_fit_what_was_seen_is_refused(connected: Shell, tmp_path: Path) -> None:
    connected.ok("audit", "checkpoint")
    connected.ok("team", "list")
    (seen,) = (tmp_path / "config" / "genaiops" / "checkpoints").glob("*.json")
    origin, size, root = (json.loads(seen.read_text())[name] for name in ("origin", "size", "root"))
    seen.write_text(f'{{"origin":"{origin}","size":{size},"root":"{"00" * 32}"}}')
    ran = connected.run("team", "list")
    assert (ran.status, f"The audit log {origin} was rewritten" in ran.err) == (3, True)
    ran = connected.run("audit", "verify")
    assert (ran.status, f"(kept in {seen})" in ran.out) == (1, True)
    connected.ok("audit", "accept")
    connected.ok("team", "list")
    assert root in seen.read_text()


def test_nothing_to_verify_says_so(shell: Shell) -> None:
    ran = shell.run("audit", "verify")
    assert (ran.status, "There are no records in" in ran.err) == (2, True)


def test_a_refusal_is_an_event(connected: Shell) -> None:
    actor = connected.ok("actor", "create", "refused-one", "--role", "viewer", "--json").json()["id"]
    key = connected.ok("key", "create", "refused-key", "--actor", actor, "--scope", "api").out.strip()
    ran = connected.run("audit", "list", "--key", key)
    assert (ran.status, "lacks the permission 'audit'" in ran.err) == (2, True)
    assert connected.run("team", "create", "mine", "--key", key).status == 2
    found = connected.ok("audit", "list", "--action", "refused", "--actor", actor).column("ENTITY")
    assert found == ["people", "audit"]


def test_an_image_that_was_generated_here_is_proven(
    connected: Shell, installation: Installation, tmp_path: Path, require: Require
) -> None:
    require(is_installed(), "c2pa-python", "make dev")
    connected.ok("model", "add", "painter", "--provider", "echo", "--operation", "image_generation")
    key = installation.home.admin_key.read_text().strip()
    asked = {"model": "painter", "prompt": "a fox"}
    answer = request(f"{installation.url}/v1/images/generations", key=key, body=asked)
    assert (answer.status, answer.headers["x-genaiops-provenance"]) == (200, "c2pa")
    file, root = tmp_path / "fox.png", tmp_path / "root.pem"
    file.write_bytes(base64.b64decode(answer.body["data"][0]["b64_json"]))

    ran = connected.ok("audit", "image", str(file))
    assert "model: painter" in ran.out
    assert f"request: {answer.headers['x-genaiops-request-id']}" in ran.out
    trace_id = answer.headers["traceparent"].split("-")[1]
    until(lambda: connected.run("trace", "show", trace_id).status == 0, "the trace")
    (mark,) = connected.ok("trace", "show", trace_id, "--json").json()["provenance"]
    assert (mark["outcome"], mark["media_type"]) == ("marked", "image/png")

    root.write_text(connected.ok("audit", "certificate").out)
    elsewhere = ("audit", "image", str(file), "--home", str(tmp_path / "none"))
    assert connected.run(*elsewhere).status == 4
    connected.ok(*elsewhere, "--root", str(root))
    data = bytearray(file.read_bytes())
    data[data.index(b"IDAT") + 8] ^= 1
    file.write_bytes(data)
    ran = connected.run("audit", "image", str(file), "--json")
    assert (ran.status, ran.json()["outcome"]) == (1, "fail")
    assert connected.ok("audit", "certificate", "--json").json()["active"]
