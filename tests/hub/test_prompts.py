"""Prompts of the Hub: pinned includes, cycles, who sees them, what the gateway gets, and what differs."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.domain import Actor, PromptManifest, PromptVersion, Team, Version
from genaiops.hub import About, Hub, Wanted, compare_texts, compile_snapshot
from genaiops.hub._diff import compare
from genaiops.hub._prompts import NEWEST
from tests.hub.conftest import Clock


def push(hub: Hub, name: str, text: str, alias: str | None = None, **more: Any) -> Version:
    manifest = {"messages": [{"role": "system", "content": text}], **more.pop("manifest", {})}
    version = hub.artifacts.register("prompt", name, manifest, by="admin", **more)
    if alias is not None:
        hub.artifacts.move(f"prompt/{name}", alias, version.id, by="admin")
    return version


def in_force(hub: Hub) -> dict[str, PromptVersion]:
    with hub.records.read() as view:
        snapshot = compile_snapshot(view, now_us=1, keys_file="", keys_offset=0)
    return {f"{one.name}@{point}": one for one in snapshot.prompts for point in (one.digest, *one.aliases)}


def text_of(version: PromptVersion) -> Any:
    return msgspec.json.decode(version.manifest, type=PromptManifest).messages[0].content


def test_includes_are_pinned_when_they_are_pushed(hub: Hub) -> None:
    tone = push(hub, "tone", "Be kind.", "prod")
    answer = push(hub, "answer", "Hi. {{> tone@prod}}", "prod")
    assert answer.manifest["includes"] == {"tone@prod": tone.id}
    push(hub, "tone", "Be quick.", "prod")
    assert text_of(in_force(hub)["answer@prod"]) == "Hi. Be kind."
    again = push(hub, "answer", "Hi. {{> tone@prod}}", "prod")
    assert again.id != answer.id
    assert text_of(in_force(hub)["answer@prod"]) == "Hi. Be quick."
    assert text_of(in_force(hub)[f"answer@{answer.digest}"]) == "Hi. Be kind."


def test_cycles_and_includes_of_nothing_are_refused(hub: Hub) -> None:
    push(hub, "a", "A", "prod")
    push(hub, "b", "{{> a@prod}}", "prod")
    with pytest.raises(UsageError, match="made of 'a'"):
        push(hub, "a", "{{> b@prod}}")
    with pytest.raises(UsageError, match="made of 'a'"):
        push(hub, "a", "{{> a@prod}}")
    with pytest.raises(NotFound, match="Did you mean 'a@prod'"):
        push(hub, "c", "{{> a@prd}}")
    assert [one.name for one in hub.artifacts.of_kind("prompt")] == ["a", "b"]
    with pytest.raises(UsageError, match="not declared"):
        push(hub, "c", "{{x}}")


def test_what_the_gateway_gets(hub: Hub, clock: Clock) -> None:
    versions: list[Version] = []
    for number in range(NEWEST + 5):
        clock.move(1)
        versions.append(push(hub, "p", f"Text {number}", "first" if number == 0 else None))
    found = in_force(hub)
    assert found["p@first"].digest == versions[0].digest
    assert f"p@{versions[1].digest}" not in found
    assert len({one.digest for one in found.values()}) == NEWEST + 1
    assert found["p@first"].team_id is None


def test_a_teams_own_prompts(hub: Hub) -> None:
    with hub.records.write("admin") as unit:
        unit.add(Team(id="search", created_us=1))
    push(hub, "open", "x", about=About(title="Tells all", tags=("faq",)))
    push(hub, "shut", "y", "prod", about=About(team_id="search", visibility="team", description="Ranking"))
    ours = Actor(id="a", name="a", kind="person", roles=("viewer",), team_id="search", created_us=1)
    theirs = msgspec.structs.replace(ours, team_id="shop")

    def seen(actor: Actor, **wanted: Any) -> list[str]:
        return [one.name for one in hub.artifacts.find(Wanted(kind="prompt", **wanted), actor)]

    assert (seen(ours), seen(theirs)) == (["open", "shut"], ["open"])
    assert seen(ours, query="RANK") == seen(ours, team_id="search") == ["shut"]
    assert seen(ours, tag="faq") == seen(ours, query="tells faq") == ["open"]
    assert seen(ours, owner="admin") == ["open", "shut"]
    assert hub.artifacts.visible("prompt/shut", ours).description == "Ranking"
    for name in ("shut", "shutt"):
        with pytest.raises(NotFound) as caught:
            hub.artifacts.visible(f"prompt/{name}", theirs)
        assert "prompt/open" in str(caught.value.remedy)
        assert "shut" not in str(caught.value.remedy)
    assert in_force(hub)["shut@prod"].team_id == "search"
    hub.artifacts.describe("prompt/shut", About(visibility="organisation"), by="admin")
    assert in_force(hub)["shut@prod"].team_id is None
    with pytest.raises(UsageError, match="belongs to none"):
        hub.artifacts.describe("prompt/open", About(visibility="team"), by="admin")
    with pytest.raises(NotFound, match="no team"):
        hub.artifacts.describe("prompt/open", About(team_id="serch"), by="admin")


def test_moves_are_kept_and_undone(hub: Hub) -> None:
    first, second = push(hub, "p", "1", "live"), push(hub, "p", "2")
    with pytest.raises(Conflict, match="never named another"):
        hub.artifacts.undo("prompt/p@live", by="ann")
    hub.artifacts.move("prompt/p", "live", second.id, by="bob")
    hub.artifacts.move("prompt/p", "live", second.id, by="eve")
    assert hub.artifacts.undo("prompt/p@live", by="ann").version_id == first.id
    assert hub.artifacts.undo("prompt/p@live", by="ann").version_id == second.id
    moves = hub.artifacts.history("prompt/p@live")
    assert [(move.by, move.version_id) for move in moves] == [
        ("ann", second.id),
        ("ann", first.id),
        ("bob", second.id),
        ("admin", first.id),
    ]
    hub.artifacts.remove_alias("prompt/p@live", by="ann")
    assert hub.artifacts.history("prompt/p@live")[0].version_id is None
    with pytest.raises(NotFound):
        hub.artifacts.history("prompt/p@dev")


def test_fields_that_differ() -> None:
    before = {
        "messages": [{"role": "user", "content": "Say hello to Ann\nnow"}],
        "tools": [{"function": {"name": "a", "x": 1}}, {"function": {"name": "b"}}],
        "model": "m",
        "same": [1],
    }
    after = {
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Say hello to Bob\nnow"}],
        "tools": [{"function": {"name": "b"}}, {"function": {"name": "a", "x": True}}],
        "seed": 1,
        "same": [1],
    }
    found = [(one.path, one.action, one.before, one.after) for one in compare(before, after)]
    assert ("model", "removed", "m", None) in found
    assert ("seed", "added", None, 1) in found
    assert ("tools.a.function.x", "changed", 1, True) in found
    assert ("tools", "changed", ["a", "b"], ["b", "a"]) in found
    assert not [path for path, *_ in found if path.startswith(("tools.b", "same"))]
    assert compare(before, before) == ()


def test_words_that_differ() -> None:
    lines = compare_texts("one\nSay hello to Ann.\nend", "one\nSay hello to Bob.\nend")
    assert [(line.mark, line.before, line.after) for line in lines] == [
        ("same", 1, 1),
        ("removed", 2, None),
        ("added", None, 2),
        ("same", 3, 3),
    ]
    assert [(piece.mark, piece.text) for piece in lines[2].pieces] == [
        ("same", "Say hello to "),
        ("added", "Bob"),
        ("same", "."),
    ]


@given(st.text(alphabet="ab \n", max_size=60), st.text(alphabet="ab \n", max_size=60))
def test_the_lines_of_both_texts_are_in_their_diff(before: str, after: str) -> None:
    for line in compare_texts(before, after):
        text = "".join(piece.text for piece in line.pieces)
        if line.before is not None:
            assert before.splitlines()[line.before - 1] == text
        if line.after is not None:
            assert after.splitlines()[line.after - 1] == text
    assert bool(compare_texts(before, after)) == (before.splitlines() != after.splitlines())
