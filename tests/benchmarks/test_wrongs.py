"""The cases run against a real installation, tell right from wrong, and the table says what was found."""

import json
from decimal import Decimal

import msgspec
import pytest

from benchmarks.wrongs.__main__ import count, main, parse
from benchmarks.wrongs.answers import DONE, ERROR_EVENT, ROLE, answers, chat_usage, chunk, completion, cut, streams
from benchmarks.wrongs.case import RATES, Case, Finding, price_of
from benchmarks.wrongs.cases import CASES
from benchmarks.wrongs.client import Client, Reply
from benchmarks.wrongs.litellm import configured
from benchmarks.wrongs.results import Results, Side, table
from benchmarks.wrongs.subject import described
from benchmarks.wrongs.upstream import Script, Upstream
from genaiops.hub import read_state


def call(*scripts: Script, until: bytes = b"") -> list[Reply]:
    """The answers of targets with these scripts, asked without a gateway."""
    with Upstream() as upstream:
        client = Client(upstream.port)
        for number, script in enumerate(scripts):
            upstream.script(f"t{number}", script)
        return [client.post(f"/t{number}/v1/x", "k", {}, until=until) for number in range(len(scripts))]


def test_names_are_used_once() -> None:
    """A target's name tells its requests and its records from all others."""
    for names in (
        [case.name for case in CASES],
        [target.name for case in CASES for target in case.targets],
        [key.name for case in CASES for key in case.keys],
    ):
        assert len(names) == len(set(names))


def test_every_gateway_gets_the_same_targets_prices_and_fallbacks() -> None:
    upstream = Upstream()
    state, config = described(CASES, upstream), configured(CASES, upstream)
    read_state(state)  # UsageError where the form is not apply's
    targets = {target.name: target for case in CASES for target in case.targets}
    assert set(state["targets"]) == {model["model_name"] for model in config["model_list"]} == set(targets)
    fallbacks = {name: routes for one in config["router_settings"]["fallbacks"] for name, routes in one.items()}
    assert {name: route["fallbacks"] for name, route in state["routes"].items()} == fallbacks
    priced = {(price["provider"], price["model"]) for price in state["prices"]}
    for model in config["model_list"]:
        target, parameters = targets[model["model_name"]], model["litellm_params"]
        assert ("input_cost_per_token" in parameters) == target.priced == ((target.provider, target.model) in priced)
    assert Decimal(state["prices"][0]["cache_read"]) == RATES["cache_read"]


def test_what_a_call_costs() -> None:
    assert price_of(input=200, cache_read=800, output=100) == Decimal("0.00128")


def test_a_client_can_tell_a_failure_from_an_answer() -> None:
    usage = chat_usage(1, 1)
    good, refused, inside, cut_short = call(
        answers(completion("Hello", usage)),
        answers({"error": {"message": "no"}}, status=400),
        answers({"error": {"message": "no"}}),
        cut(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
    )
    assert (good.failed, good.text) == (False, "Hello")
    assert [reply.failed for reply in (refused, inside, cut_short)] == [True, True, True]
    assert (cut_short.body, cut_short.broken) == (b"half", True)


def test_a_client_can_tell_a_failed_stream_from_a_whole_one() -> None:
    pieces = (ROLE, chunk("Hel"), chunk("lo"))
    whole, error, torn, no_end = call(
        streams(*pieces, DONE), streams(*pieces, ERROR_EVENT, DONE), streams(*pieces, end=False), streams(*pieces)
    )
    assert (whole.failed, whole.text) == (False, "Hello")
    assert [reply.failed for reply in (error, torn, no_end)] == [True, True, True]
    assert (torn.broken, no_end.broken) == (True, False)


def test_hanging_up_is_seen_by_the_provider() -> None:
    with Upstream() as upstream:
        upstream.script("t", streams(*(chunk(f"number {n}") for n in range(200)), pause=0.02))
        reply = Client(upstream.port).post("/t/v1/x", "k", {}, until=b"number 3")
        assert b"number 3" in reply.body
        assert b"number 199" not in reply.body
        for _ in range(500):
            if upstream.broken.get("t"):
                break
            Client(upstream.port).get("/t/v1/x")  # gives its thread a turn
        assert 0 < upstream.broken["t"] < 200
        assert len(upstream.seen["t"]) == 1  # what was only looked at is no call


def test_the_table_says_what_was_seen() -> None:
    def check(_: object) -> Finding:
        raise NotImplementedError

    cases = [Case(name=name, what=f"the {name}", source="us", check=check) for name in ("a", "b")]
    ours = Side("genaiops", "1", "so", {"a": Finding("right", "fine"), "b": Finding("wrong", "x | y\nz")})
    theirs = Side("Other", "2", "so", {"a": Finding("needs a database", "keys")})
    text = table(Results("today", cases, [ours, theirs], {"gone": "it would not start"}))
    assert "- genaiops 1: 1 right, 1 wrong (so)" in text
    assert "- gone was not run: it would not start" in text
    assert "| the a (us) | right | needs a database | genaiops: fine; Other: keys |" in text
    assert "| the b (us) | wrong | unclear | genaiops: x \\| y z; Other: was not run |" in text


def test_what_is_asked_for() -> None:
    options = parse(["--peers", "", "--only", "cached-openai", "--json"])
    assert [case.name for case in options.cases] == ["cached-openai", "cached-openai-stream"]
    assert (options.peers, options.as_json) == ((), True)
    assert len(parse([]).cases) == len(CASES)


@pytest.mark.parametrize("arguments", [["--peers", "nobody"], ["--only", "nothing"]])
def test_what_is_not_there(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)


@pytest.mark.slow
def test_genaiops_is_right() -> None:
    results = count(parse(["--peers", ""]))
    (side,) = results.sides
    assert {name: finding.seen for name, finding in side.findings.items() if finding.word != "right"} == {}
    assert len(side.findings) == len(CASES)


@pytest.mark.slow
def test_wrong_is_found(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same case with a provider that says something else."""
    case = next(case for case in CASES if case.name == "cached-openai")
    other = answers(completion("Hello", chat_usage(1000, 101, cached=800)))
    target = msgspec.structs.replace(case.targets[0], script=other)
    altered = msgspec.structs.replace(case, targets=(target,))
    monkeypatch.setattr("benchmarks.wrongs.__main__.CASES", (altered,))
    assert main(["--peers", "", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["gateways"][0]["findings"]["cached-openai"]["word"] == "wrong"
