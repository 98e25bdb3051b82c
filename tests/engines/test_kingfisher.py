"""Secrets by Kingfisher: its own rules, over HTTP from the guard server, and in a policy."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.app import home as app_home
from genaiops.app.advice import Advice
from genaiops.app.model_addresses import KEY_VARIABLE, PORTS
from genaiops.app.settings import GuardOptions
from genaiops.core.errors import ConfigError, TimedOut, TooLarge, UpstreamError, UsageError
from genaiops.domain import Finding, GuardPolicy, GuardRule, GuardVersion
from genaiops.engines import kingfisher
from genaiops.engines.kingfisher import KingfisherSecrets, SecretsService, kind_of
from genaiops.guard import PolicyJudge
from tests.engines.model_process import KEY, running

TOKEN = "ghp_" + "0Ab3456789abcDefghijklmnOpqrstuvwx9Z"  # of the form alone, made for this test
RULE = GuardRule(
    id="keys", detector="secret", direction="in", action="redact", reversible=True, options={"engine": "kingfisher"}
)


@pytest.mark.parametrize(
    ("rule_id", "kind"),
    [
        ("betterleaks.github-pat", "github_pat"),
        ("betterleaks.cloudflare-api-key.1", "cloudflare_api_key"),
        ("veles.secrets/packagistsecret", "packagistsecret"),
        ("betterleaks.1password-secret-key", "secret_1password_secret_key"),
        ("custom.x" + "y" * 80, "custom_x" + "y" * 54),
    ],
)
def test_what_a_rule_is_called(rule_id: str, kind: str) -> None:
    assert kind_of(rule_id) == kind


@given(st.lists(st.tuples(st.text("aé😀\n", max_size=5), st.text("bü🛫", min_size=1, max_size=5)), max_size=6))
def test_places_in_bytes_are_places_in_characters(pieces: list[tuple[str, str]]) -> None:
    spans: list[tuple[int, int, str]] = []
    text = ""
    for before, value in pieces:
        text += before
        start = len(text.encode())
        text += value
        spans.append((start, len(text.encode()), value))
    found = list(kingfisher._in_characters(text.encode(), spans))
    assert [text[start:end] for start, end, _ in found] == [value for _, value in pieces]


def answering(status: int, body: bytes) -> SecretsService:
    async def ask(_: bytes) -> tuple[int, bytes]:
        return status, body

    return SecretsService(ask, most=100)


async def test_it_is_asked_over_http() -> None:
    asked: list[bytes] = []

    async def ask(body: bytes) -> tuple[int, bytes]:
        asked.append(body)
        return 200, b'[{"start":1,"end":3,"kind":"github_pat"}]'

    assert await SecretsService(ask).find("\ud800 ab") == [Finding(1, 3, "github_pat", "secret")]
    assert json.loads(asked[0]) == {"text": "? ab"}


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (503, b"{}", "answered with 503"),
        (200, b"[{}]", "no list of places"),
        (200, b'[{"start":1,"end":9,"kind":"x"}]', "from 1 to 9 in 5 characters"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_an_error(status: int, body: bytes, why: str) -> None:
    with pytest.raises(UpstreamError, match=why):
        await answering(status, body).find("Hello")


async def test_bounds() -> None:
    with pytest.raises(TooLarge, match="no more than 100 characters"):
        await answering(200, b"[]").find("x" * 101)


async def test_it_is_slow() -> None:
    async def ask(_: bytes) -> tuple[int, bytes]:
        raise TimeoutError

    with pytest.raises(TimedOut):
        await SecretsService(ask).find("Hello")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    with pytest.raises(ConfigError) as told:
        KingfisherSecrets()
    assert "genaiops[kingfisher]" in str(told.value.remedy)


def check(home: Path, rule: GuardRule, **options: Any) -> UsageError | None:
    advice = Advice(app_home.Home(home), GuardOptions(**options), lambda _: None, timeout=1.0)
    try:
        PolicyJudge(names=advice.names, lacks=advice.lacks).check(GuardPolicy(rules=(rule,)))
    except UsageError as error:
        return error
    return None


def test_a_policy_that_names_what_is_not_here_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(tmp_path, RULE, secrets="kingfisher") is None
    off = check(tmp_path, RULE)
    assert off is not None
    assert (off.param, 'guard.secrets = "kingfisher"' in str(off.remedy)) == ("rules.keys.options.engine", True)
    unknown = check(tmp_path, msgspec.structs.replace(RULE, options={"engine": "gitleaks"}), secrets="kingfisher")
    assert unknown is not None
    assert unknown.param == "rules.keys.options.engine"
    mistyped = check(tmp_path, msgspec.structs.replace(RULE, options={"engin": "kingfisher"}))
    assert mistyped is not None
    assert mistyped.param == "rules.keys.options.engin"
    answers = check(tmp_path, msgspec.structs.replace(RULE, direction="both"), secrets="kingfisher")
    assert answers is not None
    assert answers.param == "rules.keys.direction"
    names = check(tmp_path, GuardRule(id="n", detector="names", direction="in"))
    assert names is not None
    assert "guard.names" in str(names.remedy)
    monkeypatch.setattr("genaiops.app.advice.MODULE", "no_such_module")
    absent = check(tmp_path, RULE, secrets="kingfisher")
    assert absent is not None
    assert "genaiops[kingfisher]" in str(absent.remedy)


@pytest.fixture(scope="module")
def url(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The first load compiles its rules: 20 s of CPU."""
    home = tmp_path_factory.mktemp("kingfisher")
    (home / "models").mkdir()
    for each in models_dir.iterdir():
        (home / "models" / each.name).symlink_to(each)
    with running("guard", home, "--secrets", "kingfisher") as process:
        with httpx.Client(base_url=process.url, headers={"authorization": f"Bearer {KEY}"}, timeout=60) as client:
            began = time.monotonic()
            while (answer := client.post("/v1/secrets", json={"text": "warm"})).status_code != 200:
                assert time.monotonic() - began < 300
                time.sleep(0.2)
                assert answer.json()["error"]["code"] == "secrets_loading"
                assert client.post("/v1/classify", json={"texts": ["a"], "classifiers": ["injection"]}).is_success
        yield process.url


@pytest.fixture
def judge(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyJudge]:
    home = app_home.Home(tmp_path)
    home.run.mkdir()
    (home.run / PORTS).write_text(f'{{"guard": {url.rpartition(":")[2]}}}')
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    advice = Advice(home, GuardOptions(secrets="kingfisher"), lambda _: None, timeout=60.0)
    made = PolicyJudge(advice.classifiers, advice.names, known=(), lacks=advice.lacks, leave=advice.aclose)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.needs_weights("minilm-int8")
def test_keys_are_taken_out_and_put_back(judge: PolicyJudge) -> None:
    said = {"role": "user", "content": f"é😀 \ufeff mine is {TOKEN}, and 🛫 {TOKEN}"}
    body = {"model": "m", "messages": [said], "metadata": {"note": TOKEN}}
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "It is <GITHUB_PAT_1>."}}]}
    version = GuardVersion(name="p", digest="sha256:p", policy=GuardPolicy(rules=(RULE,)))
    ruled = judge.rule(version, "chat", "openai", json.dumps(body).encode(), json.dumps(answer).encode())
    assert ruled.request is not None
    assert ruled.answer is not None
    assert TOKEN.encode() not in ruled.request
    content = json.loads(ruled.request)["messages"][0]["content"]
    assert content == "é😀 \ufeff mine is <GITHUB_PAT_1>, and 🛫 <GITHUB_PAT_1>"
    assert json.loads(ruled.answer)["choices"][0]["message"]["content"] == f"It is {TOKEN}."
    [event] = ruled.events
    assert (event.action, event.kinds, event.error) == ("redact", {"github_pat": 3}, None)


@pytest.mark.slow
@pytest.mark.needs_weights("minilm-int8")
def test_only_some_kinds_and_calls_that_have_ended(judge: PolicyJudge) -> None:
    later = msgspec.structs.replace(RULE, direction="both", when="after", action="flag", kinds=("github_*",))
    other = msgspec.structs.replace(RULE, id="aws", kinds=("aws_*",))
    version = GuardVersion(name="p", digest="sha256:p", policy=GuardPolicy(rules=(later, other)))
    request = json.dumps({"model": "m", "messages": [{"role": "user", "content": TOKEN}]}).encode()
    answer = {"choices": [{"index": 0, "message": {"role": "assistant", "content": f"It is {TOKEN}"}}]}
    found = judge.judge((version,), "chat", "openai", request, json.dumps(answer).encode())
    assert [(each.rule, each.direction, each.kinds) for each in found] == [
        ("keys", "in", {"github_pat": 1}),
        ("keys", "out", {"github_pat": 1}),
    ]
