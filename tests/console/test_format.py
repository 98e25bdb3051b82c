"""Figures as people read them."""

import pytest

from genaiops.console._format import NONE, ago, change, count, duration, energy, moment, money, share
from genaiops.console.pages.settings import flat, without_password


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (None, "unknown"),
        (0, "0 USD"),
        (1, "0.000000001 USD"),
        (93_000, "0.000093 USD"),
        (1_234_567, "0.00123 USD"),
        (12_500_000_000, "12.50 USD"),
        (1_234_567_890_000, "1,234.57 USD"),
    ],
)
def test_money(nano: int | None, shown: str) -> None:
    assert money(nano) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (999, "999"), (12_345, "12,345"), (123_456, "123k"), (1_200_000, "1.2M"), (4e9, "4B")],
)
def test_count(value: float, shown: str) -> None:
    assert count(value) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(None, NONE), (0.42, "0.4 ms"), (42, "42 ms"), (999.9, "1.00 s"), (1500, "1.50 s"), (90_000, "1.5 min")],
)
def test_duration(ms: float | None, shown: str) -> None:
    assert duration(ms) == shown


def test_shares_changes_and_times() -> None:
    assert (share(None), share(0), share(0.031), share(0.5)) == (NONE, "0 %", "3.1 %", "50 %")
    assert (change(12, 10), change(10, 10), change(5, 0), change(None, 1)) == ("+20 %", "±0 %", "", "")
    assert (ago(0, 5_000_000), ago(0, 7_200_000_000)) == ("5 s ago", "2 h ago")
    assert (moment(None), moment(0)) == (NONE, "01 Jan 00:00:00")


def test_a_password_in_a_url_is_not_shown() -> None:
    assert without_password("postgresql://ann:s3cret@db/x") == "postgresql://ann:***@db/x"
    assert without_password("sqlite:////data/x.db") == "sqlite:////data/x.db"


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (None, "unknown"),
        (0, "0 Wh"),
        (533_333, "0.533 mWh"),
        (12_345_678, "12.3 mWh"),
        (1_500_000_000, "1.5 Wh"),
        (999_400_000_000, "999 Wh"),
        (999_600_000_000, "1 kWh"),
        (5 * 10**12, "5 kWh"),
        (4_999_600_000_000_000, "5 MWh"),
        (4 * 10**18, "4,000 MWh"),
    ],
)
def test_energy(nano: int | None, shown: str) -> None:
    assert energy(nano) == shown


def test_settings_show_no_credentials() -> None:
    export = {"headers": ["authorization=Bearer abc=", "x-key=secret:collector"], "otlp": "https://u:p@c/v1/traces"}
    assert flat({"export": export, "listen": {"names": []}}) == [
        ("export.headers", "authorization=***, x-key=secret:collector"),
        ("export.otlp", "https://u:***@c/v1/traces"),
        ("listen.names", "none"),
    ]
