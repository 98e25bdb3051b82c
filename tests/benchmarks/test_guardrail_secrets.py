"""Keys are made by their forms and put where keys stand; what is found is counted. No network."""

import argparse
import random

import pytest

from benchmarks.guardrails import secrets_in_place
from benchmarks.guardrails.__main__ import NAMES, main
from benchmarks.guardrails.report import as_text
from benchmarks.guardrails.secret_places import PLACES, Around, words
from benchmarks.guardrails.secret_tokens import Form, Tokens
from benchmarks.guardrails.secrets_in_place import cases, judged

WITH_PREFIX = Form("a", "acme-api-key", r"""(?i)\bacme[\w.-]{0,20}['"]?(acme_[a-f0-9]{32})(?:['"\s]|$)""")
BY_NAME = Form("credsweeper", "Acme Secret.0", r"(?<![0-9a-z])(?P<value>[0-9a-f]{40})(?![0-9a-z])")


def test_a_token_is_the_group_of_an_expression() -> None:
    chance = random.Random(1)
    token = Tokens(WITH_PREFIX).draw(chance)
    assert token.startswith("acme_")
    assert len(token) == 37
    assert Tokens(WITH_PREFIX).prefix == "acme_"
    assert Tokens(BY_NAME).prefix == ""
    assert len(Tokens(BY_NAME).draw(chance)) == 40


@pytest.mark.parametrize("regex", ["password: .{4,80}", "[0-9]{3}", "(a", r"https?://\S+ \S+"])
def test_what_is_no_form_of_a_token(regex: str) -> None:
    with pytest.raises(ValueError):
        Tokens(Form("a", "b", regex))


def test_names_are_those_that_users_set() -> None:
    assert words("algolia-api-key.1") == "algolia api key"
    assert words("secrets/openrouter") == "openrouter api key"
    assert words("Dropbox OAuth2 API Access Token.0") == "dropbox oauth2 api access token"


def test_every_place_has_the_token() -> None:
    around = Around(random.Random(2))
    for ways in PLACES.values():
        for put in ways:
            assert "T0ken" in put("acme api key", "T0ken", around)


def test_shares_are_counted_by_place_and_half() -> None:
    made, left = cases([WITH_PREFIX, BY_NAME, Form("a", "acme-client-id", "[a-z]{20}")], 3, 2)
    assert left == []
    assert len(made) == 2 * 2 * (len(PLACES) + 1)
    report = judged(made, left, argparse.Namespace(peers=False, list=False))
    rows = {row[1]: row[2:] for row in report.tables[0].rows}
    assert str(rows["settings (.env, export, compose)"][0]).endswith("; 2/2)")
    assert str(rows[secrets_in_place.UNKNOWABLE][0]) == "-"
    assert str(rows[secrets_in_place.UNKNOWABLE][1]).endswith("; 0/2)")
    assert "keys found" in as_text(report)


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_has_flags(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    assert "--json" in capsys.readouterr().out


def test_looking_up_copies_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    main(["verbatim", "--documents", "2"])
    assert "1 KB copied from a document" in capsys.readouterr().out
