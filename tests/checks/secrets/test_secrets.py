"""Every kind is found where it is, and what only looks like one is not."""

import functools
import random
import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.scanning import Scanner, Stream
from genaiops.checks.secrets import PATTERNS
from tests.checks.secrets.forms import NAMED, base64_of, hexa, mixed, uuid
from tests.checks.secrets.forms import SECRETS as FORMS_OF_KEYS
from tests.checks.secrets.platforms import PLATFORMS

SECRETS = FORMS_OF_KEYS | PLATFORMS
FORMS = [(kind, value) for kind, values in SECRETS.items() for value in values]
PLACES = [(kind, *place) for kind, places in NAMED.items() for place in places]


@functools.cache
def scanner() -> Scanner:
    """Made at first use: who only collects the tests does without."""
    return Scanner(PATTERNS)


def found(text: str) -> list[tuple[str, str]]:
    return [(each.kind, text[each.start : each.end]) for each in scanner().find(text)]


def test_every_kind_has_an_example_and_says_where_it_is_from() -> None:
    kinds = {pattern.kind for pattern in PATTERNS}
    assert kinds == {*SECRETS, *NAMED}
    assert len(kinds) >= 60
    for pattern in PATTERNS:
        assert pattern.family == "secret"
        assert pattern.source
        assert pattern.title


@pytest.mark.parametrize("kind", SECRETS)
def test_forms(kind: str) -> None:
    for value in SECRETS[kind]:
        for text in (value, f"Here it is: {value}\nThanks!", f'{{"a": "{value}"}}'):
            assert (kind, value) in found(text), text


@pytest.mark.parametrize("kind", NAMED)
def test_places(kind: str) -> None:
    for text, value in NAMED[kind]:
        assert (kind, value) in found(text.format(value)), text.format(value)


@pytest.mark.parametrize("kind", [kind for kind in SECRETS if kind != "private_key"])
def test_placeholders_are_no_secrets(kind: str) -> None:
    value = SECRETS[kind][0]
    masked = value[: len(value) // 4] + "x" * (len(value) - len(value) // 4)
    assert not found(f"use {masked} here")


def test_checked_ones_are_told() -> None:
    checked = {each.kind for kind in SECRETS for each in scanner().find(SECRETS[kind][0]) if each.checked}
    assert checked >= {"github_token", "npm_token", "grafana_service_account", "age_secret_key", "nostr_private_key"}
    assert checked >= {"bitcoin_private_key", "bitcoin_extended_private_key", "json_web_token"}
    token = SECRETS["github_token"][0]
    wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
    assert [each.checked for each in scanner().find(wrong)] == [False]
    key = SECRETS["bitcoin_private_key"][0]
    assert "bitcoin_private_key" not in dict(found(key[:-1] + ("a" if key[-1] != "a" else "b")))


HARMLESS = [
    f"chatcmpl-{mixed(29)}",
    f"call_{mixed(24)} and msg_01{mixed(22)}",
    "some_function_name_with_many_words_in_it and kebab-case-names-of-things-that-go-on",
    f"id: {uuid()}",
    f"commit {hexa(40)}",
    f"sha256:{hexa(64)}",
    f'"integrity": "sha512-{base64_of(86)}=="',
    f"data:image/png;base64,{base64_of(4000)}",
    "password = os.environ['DB_PASSWORD']",
    "password: required, at least 12 characters",
    "password = get_password(user)",
    "const token = await auth.getToken(request.headers.authorization)",
    'api_key = "YOUR_API_KEY_HERE"',
    "api_key: ${OPENAI_API_KEY}",
    "OPENAI_API_KEY=sk-...",
    "token_count: 1048576, max_tokens: 4096",
    "postgres://user:${PASSWORD}@localhost/db",
    "postgres://user:password@localhost/db",
    "see https://example.org:8080/a@b and http://[::1]:80/",
    "The secret is to keep calm, and the password is written nowhere.",
    "author = 'Ann Example', key = 'ArrowUp', keyboard: qwerty-layout",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PUBLIC KEY-----\n" + base64_of(64),
    "sk-learn, sk-SK, skeleton, ghp_, AKIA and eyJ are beginnings",
    "primary_key=True, foreign_key='users.id', sort_key: created_at",
    "secretName: database-credentials-production",
    "auth: oauth2-authorization-code-flow",
    '"output_token": "CloudFrontOriginAccessIdentityList.NextMarker"',
    "OPENSSL_sk_delete(ossl_check_X509_VERIFY_PARAM_sk_type(sk), i)",
    "extern const unsigned char ossl_der_oid_md4WithRSAEncryption[DER_OID_SZ]",
    "encCtx->encKey = xmlSecKeyReadBinaryFile(xmlSecKeyDataDesId, file)",
    'params.key.path = "models/Llama-3.2-1B-Instruct-Q8_0.gguf"',
    "keyid:FE:E4:EC:53:24:F0:95:95:C7:10:B5:E1:44:B5:5D:39:65:5A:E3:7E",
    '"KmsKeyId": "arn:aws:kms:us-east-1:012345678912:key/0ff3ea8d-130e-4133-877f-93908b6fdbd6"',
    f"genaiops/__init__.py,sha256={base64_of(44)[:43].replace('+', '-').replace('/', '_')},1518",
    f"the job's id is {mixed(40)}",
    f"https://example.org/d/{mixed(44)}",
    base64_of(64),
    "const WCHAR *wusername, *password, *protocol, *host",
]


@pytest.mark.parametrize("text", HARMLESS, ids=range(len(HARMLESS)))
def test_harmless(text: str) -> None:
    assert not found(text)


def drawn(size: int) -> str:
    return "".join(random.Random(size).choices(string.ascii_letters + string.digits, k=size))


DRAWN = [drawn(28), drawn(40), drawn(36).lower(), f"Xq-{drawn(41)}", f"{drawn(20)}_{drawn(21)}", f"sk_{uuid()}"]


@pytest.mark.parametrize("value", DRAWN, ids=range(len(DRAWN)))
def test_what_is_drawn_by_chance_needs_no_name(value: str) -> None:
    for text in (value, f"Why does this fail? {value}\nThanks!", f"a = {value};", f'["{value}"]'):
        assert [secret for _, secret in found(text)] == [value], text


@pytest.mark.parametrize("text", ["API_KEY                = {}", "api_key:            {}", "SECRET_KEY_prod_eu.v2={}"])
def test_names_may_go_on_and_stand_in_columns(text: str) -> None:
    value = hexa(32)
    assert [secret for _, secret in found(text.format(value))] == [value]


@pytest.mark.parametrize("letters", ["a", "Ab", "aB", "A", "Aaa1"])
def test_long_names_are_read_in_one_way(letters: str) -> None:
    """Each of these had a power of two of readings once."""
    assert not found(f"secret = {letters * 90}!{letters * 100}-")


PIECES = st.sampled_from(
    [value for _, value in FORMS if len(value) < 300]
    + [text.format(value) for _, text, value in PLACES if len(value) < 300]
    + [" ", "\n", "password", " = ", ": ", '"', "The ", "-----BEGIN RSA PRIVATE KEY-----\n", "eyJ", "sk-", mixed(30)]
)


@given(st.lists(PIECES, max_size=6).map("".join), st.lists(st.integers(0, 600), max_size=6))
def test_pieces_make_no_difference(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    stream = Stream(scanner())
    released, seen = "", list[tuple[int, int, str]]()
    for piece, here in (*(stream.feed(text[begin:end]) for begin, end in pairwise(edges)), stream.end()):
        seen += [(each.start + len(released), each.end + len(released), each.kind) for each in here]
        released += piece
    assert released == text
    assert seen == [(each.start, each.end, each.kind) for each in scanner().find(text)]


@given(st.text(max_size=400))
def test_any_text(text: str) -> None:
    for each in scanner().find(text):
        assert 0 <= each.start < each.end <= len(text)


PROSE = (
    "Retrieval systems answer questions from documents that were indexed before, and most of the time nobody asks "
    "which passage an answer came from. Never mind: 2024 was the year in which 37 teams measured it. Members of one "
    "group said their access was the key to it; others meant that basic care, a good password policy and secrets "
    "kept out of prompts matter more. See https://example.org/reports/2024?page=2 for what they found, or write to us. "
)


def test_prose_is_hardly_held_back() -> None:
    stream, held = Stream(scanner()), list[int]()
    for char in PROSE * 3:
        stream.feed(char)
        held.append(stream.held)
    assert sum(held) / len(held) < 6
    assert max(held) < 120


@pytest.mark.parametrize(
    "text",
    ["See word_01m803wxk2k4xtfzjnt92hnn9p there.", "id 01m803wxk2k4xtfzjnt92hnn9p", "Order 01M803WXK2K4XTFZJNT92HNN9P"],
)
def test_a_number_that_sorts_by_time_is_no_key(text: str) -> None:
    assert "prefixed_key" not in {kind for kind, _ in found(text)}


def test_a_key_that_says_so_is_one_even_if_it_sorts_by_time() -> None:
    assert "prefixed_key" in {kind for kind, _ in found("Use sk_01m803wxk2k4xtfzjnt92hnn9p now.")}
