"""The demonstration's plan: bounded, varied, the same for the same seed, possible with the models that are there."""

from genaiops.cli._demo_prompts import SMALL_BUDGET, Models, PlannedCall, plan, read_prompts

BOTH = Models("talker", "embedder")


def planned(models: Models = BOTH, calls: int = 200, seed: int = 1) -> list[PlannedCall]:
    return list(plan(models, calls, seed))


def test_it_is_bounded_and_repeatable() -> None:
    assert len(planned(calls=7)) == 7
    assert planned() == planned()
    assert planned() != planned(seed=2)


def test_a_short_one_shows_every_kind() -> None:
    assert {call.kind for call in planned(calls=6)} == {
        *("chat", "stream", "embeddings", "unknown model", "over budget", "malformed")
    }


def test_it_is_varied() -> None:
    calls = planned()
    asked = {str(call.body.get("messages")) for call in calls}
    assert len(asked) > 40
    assert {call.key for call in calls} == {"demo-support", "demo-search", "demo-research", SMALL_BUDGET}
    assert sum(call.expected == (200,) for call in calls) > len(calls) * 0.8


def test_only_what_the_installation_can_do() -> None:
    assert all(call.path == "/v1/chat/completions" for call in planned(Models("talker", None)))
    kinds = {call.kind for call in planned(Models(None, "embedder"))}
    assert kinds == {"embeddings", "unknown model", "malformed"}


def test_the_prompts_are_read() -> None:
    for prompts in read_prompts().values():
        assert len(set(prompts.prompts)) == len(prompts.prompts) >= 5
        assert prompts.texts
