"""An experiment on real calls: its share of the users is honoured and kept, and it is decided from outside."""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.app.running import Installation, request, until
from tests.cli.conftest import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text()
USERS = 400
PLAN = ("--metric", "score:helpful", "--range", "0", "1", "--guard", "errors=0.05", "--share", "10", "--most", "2000")


def apply_the_example(connected: Shell, folder: Path) -> None:
    """That of docs/experiments.md, for the application of this test."""
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    file = folder / "shorter.yaml"
    file.write_text(example.replace("application: support", "application: asked"))
    connected.ok("apply", "-f", str(file))
    assert connected.ok("apply", "-f", str(file)).out == "Nothing to do, 1 unchanged.\n"
    written = connected.ok("experiment", "show", "shorter", "--json").json()
    assert (written["state"], written["plan"]["before_seconds"]) == ("draft", 14 * 86_400)
    assert "shorter:" in connected.ok("export", "--only", "experiments").out
    connected.ok("experiment", "remove", "shorter")


def test_a_tenth_of_the_users_get_the_candidate_and_keep_it(
    connected: Shell, installation: Installation, tmp_path: Path
) -> None:
    connected.ok("app", "create", "asked")
    first = connected.ok("release", "create", "asked", "--model", "talker").out.strip()
    connected.ok("app", "deploy", "asked", "--release", "latest", "--env", "dev")
    second = connected.ok("release", "create", "asked", "--model", "talker", "--param", "seed=2").out.strip()
    apply_the_example(connected, tmp_path)
    place = ("--app", "asked", "--env", "dev", "--candidate", "latest")
    foreseen = connected.ok("experiment", "new", "warmer", *place, *PLAN, "--dry-run")
    assert "No user called it" in foreseen.out
    assert connected.ok("experiment", "new", "warmer", *place, *PLAN, "--dry-run", "--json").json()["per_day"] is None
    connected.ok("experiment", "new", "warmer", "--app", "asked", "--env", "dev", "--candidate", "latest", *PLAN)
    assert "too few" not in connected.ok("experiment", "show", "warmer").out
    connected.ok("experiment", "start", "warmer")

    def served(user: int) -> str:
        body = {"model": "app/asked", "messages": [{"role": "user", "content": "Hi"}], "user": f"user {user}"}
        answer = request(f"{installation.url}/v1/chat/completions", key=installation.key, body=body)
        return answer.headers["x-genaiops-release"]

    with ThreadPoolExecutor(4) as pool:
        once, twice = (list(pool.map(served, range(USERS))) for _ in range(2))
    assert once == twice
    came = Counter(once)
    assert came.keys() == {first, second}
    assert 20 <= came[second] <= 64  # of a fair tenth of 400 one time in 10,000 outside

    def counted() -> dict[str, Any] | None:
        found = connected.ok("experiment", "show", "warmer", "--json").json()
        return found if sum(found["now"]["entered"]) == USERS else None

    found = until(counted, "all users to be counted")
    assert found["now"]["entered"] == [came[second], came[first]]
    assert found["crossed"] == found["nobody"] == 0
    assert "came to the candidate" in connected.ok("experiment", "show", "warmer", "--looks").out
    assert connected.ok("experiment", "list", "--state", "running").column("ID") == ["warmer"]

    running = connected.run("experiment", "decide", "warmer", "promote")
    assert (running.status, "experiment stop warmer" in running.err) == (2, True)
    connected.ok("experiment", "stop", "warmer", "--reason", "enough")
    refused = connected.run("experiment", "decide", "warmer", "promote")
    assert (refused.status, "say in a comment why" in refused.err) == (2, True)
    assert connected.run("experiment", "show", "warmer").status == 4
    connected.ok("experiment", "decide", "warmer", "roll-back")
    assert {served(user) for user in range(50)} == {first}


def test_the_checks_of_a_suite_look_at_the_calls(connected: Shell, installation: Installation, tmp_path: Path) -> None:
    """The example of docs/experiments.md, with a judge beside it that is asked through the gateway."""
    (suite,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    asked = """
    [[check]]
    name = "willing"
    metric = "judge"
    options = {template = "refusal", model = "juror", constrained = false}
    threshold = 1
    negate = true
    """
    file = tmp_path / "support.toml"
    file.write_text(suite.replace("[gate]", f"{asked}\n[gate]"))
    connected.ok("model", "add", "juror", "--provider", "echo", "--setting", "text=Verdict: N")
    version = connected.ok("suite", "push", "answers", str(file), "--json").json()["id"].rpartition("@")[2]
    connected.ok("suite", "alias", "answers@live", version)
    connected.ok("app", "create", "looked")
    connected.ok("release", "create", "looked", "--model", "talker")
    connected.ok("app", "deploy", "looked", "--release", "latest", "--env", "dev")
    connected.ok("release", "create", "looked", "--model", "talker", "--param", "seed=2")
    new = ("experiment", "new", "checked", "--app", "looked", "--env", "dev", "--candidate", "latest")
    new = (*new, "--suite", "answers@live", "--share", "50", "--window", "10m", "--guard", "check/no-refusal")
    refused = connected.run(*new, "--metric", "check/right")
    assert (refused.status, "needs a reference answer" in refused.err, "short, no-refusal" in refused.err) == (
        2,
        True,
        True,
    )
    judged = ("--guard", "check/willing=0.1", "--sample", "check/willing=1", "--spend", "0.5")
    assert "METRIC=SHARE" in connected.run(*new, "--metric", "check/short", "--sample", "check/sort=1").err
    assert "--spend 5" in connected.run(*new, "--metric", "check/short", *judged[:4]).err
    connected.ok(*new, "--metric", "check/short", *judged)
    connected.ok("experiment", "start", "checked")
    for user in range(8):
        body = {"model": "app/looked", "messages": [{"role": "user", "content": "Hi"}], "user": f"user {user}"}
        request(f"{installation.url}/v1/chat/completions", key=installation.key, body=body)

    def looked() -> Any:
        found = connected.ok("experiment", "show", "checked", "--json").json()
        return found if all(sum(each["scored"]) == 8 for each in found["checks"]) else None

    found = until(looked, "all calls to be looked at")
    assert [(each["metric"], sum(each["not_scored"]), sum(each["errors"])) for each in found["checks"]] == [
        ("check/short", 0, 0),
        ("check/no-refusal", 0, 0),
        ("check/willing", 0, 0),
    ]
    assert (found["suite_id"], found["spent"]) == (f"suite/answers@{version}", "0")
    assert [each["allowed"] for each in (found["now"]["primary"], *found["now"]["guards"])] == [0.05, 0.05, None]
    shown = connected.ok("experiment", "show", "checked")
    assert re.search(r"check/willing: \d and \d calls scored \(", shown.out) is None  # of all calls
    assert re.search(r"check/willing: \d and \d calls scored\.", shown.out)
    listed = connected.ok("trace", "list", "--app", "looked", "--score", "check/willing>=1", "--json").json()
    assert len(listed["data"]) == 8
    connected.ok("experiment", "stop", "checked")


def test_what_cannot_be(connected: Shell) -> None:
    connected.ok("app", "create", "wrongly")
    base = ("experiment", "new", "odd", "--app", "wrongly", "--env", "dev", "--candidate", "latest")
    for words, told in (
        ((*base, "--metric", "errors"), "genaiops release create wrongly"),
        ((*base, "--metric", "erors"), "'errors'"),
        ((*base, "--metric", "errors", "--guard", "latency"), "METRIC=MARGIN"),
        ((*base, "--metric", "errors", "--least", "5"), "100"),
        ((*base, "--metric", "errors", "--window", "soon"), "90s"),
        (("experiment", "show", "od"), "There is no experiment 'od'"),
        (("experiment", "start", "od"), "There is no experiment 'od'"),
    ):
        ran = connected.run(*words)
        assert ran.status == 2, words
        assert told in ran.err
    assert connected.ok("experiment", "list", "--app", "wrongly", "--json").json() == {"data": []}
