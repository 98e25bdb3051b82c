"""Every kind: what is found, and what looks like it and is not."""

import functools
import random
from collections.abc import Callable
from importlib import import_module

import pytest

from genaiops.checks.pii import PATTERNS
from genaiops.checks.scanning import Pattern, Scanner
from genaiops.checks.scanning._fold import fold


@functools.cache
def scanner() -> Scanner:
    """Made at first use: who only collects the tests does without."""
    return Scanner(PATTERNS)


def found(text: str) -> list[tuple[str, str]]:
    return [(each.kind, text[each.start : each.end]) for each in scanner().find(text)]


TRUE = """\
email | write to ann.o'neil+x@mail.example.co.uk. | ann.o'neil+x@mail.example.co.uk
email | an jörg@müller.de, bitte | jörg@müller.de
email | {"a":"x\\\\nbob@example.org"} | bob@example.org
url | see https://example.org/a?b=c#d. | https://example.org/a?b=c#d
url | (www.example.org/x) | www.example.org/x
url | at example.com/users | example.com/users
ip_address | from 203.0.113.77, twice | 203.0.113.77
ip_address | from 2001:db8::8a2e:370:7334 again | 2001:db8::8a2e:370:7334
ip_address | fe80::1ff:fe23:4567:890a | fe80::1ff:fe23:4567:890a
mac_address | eth0 00:1A:2b:3c:4d:5e up | 00:1A:2b:3c:4d:5e
mac_address | 001a.2b3c.4d5e | 001a.2b3c.4d5e
phone | +44 20 7946 0018 | +44 20 7946 0018
phone | +49 (0)30 901820 | +49 (0)30 901820
phone | (212) 555-0123 is free | (212) 555-0123
phone | 212.555.0123 x45 | 212.555.0123 x45
phone | call me on 020 7946 0018 today | 020 7946 0018
phone | Téléphone : 01 23 45 67 89 | 01 23 45 67 89
phone | 我的手机号是13800138000 | 13800138000
phone | {"t":"Phone:\\\\n046-8275895\\\\nFax"} | 046-8275895
phone | 09 1234 567 mobile | 09 1234 567
card | 4111 1111 1111 1111 | 4111 1111 1111 1111
card | 378282246310005 | 378282246310005
card | my card is 6304000000000000 | 6304000000000000
iban | GB33BUKB20201555555555 | GB33BUKB20201555555555
iban | DE89 3704 0044 0532 0130 00 please | DE89 3704 0044 0532 0130 00
bic | SWIFT: DEUTDEFF500 | DEUTDEFF500
us_routing_number | routing number 021000021 | 021000021
bank_account | account number 12345678 | 12345678
crypto_address | 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa | 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa
crypto_address | bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 | bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4
crypto_address | my ETH wallet 0x52908400098527886E0F7030069857D2E4169EE7 | 0x52908400098527886E0F7030069857D2E4169EE7
us_ssn | SSN 536-22-8726 | 536-22-8726
us_medicare | Medicare 1EG4-TE5-MK73 | 1EG4-TE5-MK73
us_npi | NPI 1234567893 | 1234567893
us_dea | DEA AB1234563 | AB1234563
gb_national_insurance | National Insurance number AB 12 34 56 C | AB 12 34 56 C
gb_driving_licence | licence MORGA657054SM9IJ | MORGA657054SM9IJ
de_social_insurance | 15 070649 C 103 | 15 070649 C 103
de_health_insurance | KVNR A123456780 | A123456780
es_social_security | NSS 281234567840 | 281234567840
ru_snils | 112-233-445 95 | 112-233-445 95
ru_passport | паспорт 45 08 123456 | 45 08 123456
hu_social_security | TAJ 111 111 110 | 111 111 110
hk_identity | G123456(A) | G123456(A)
sg_identity | S1234567D | S1234567D
tw_identity | 身分證 A123456789 | A123456789
ir_identity | کد ملی 0499370899 | 0499370899
uy_cedula | cédula 1.111.111-1 | 1.111.111-1
au_medicare | Medicare 2123 45670 1 | 2123 45670 1
nz_health | NHI ZZZ0016 | ZZZ0016
ae_identity | 784-1980-1234567-8 | 784-1980-1234567-8
sa_identity | iqama 1010101010 | 1010101010
birth_date | born on 12/03/1985 in Rome | 12/03/1985
birth_date | Date of birth: March 12, 1985 | March 12, 1985
birth_date | geboren 12. März 1985 | 12. März 1985
passport | passport number C01X00T47 | C01X00T47
passport | L898902C36UTO7408122F1204159ZE184226B<<<<<10 | L898902C36UTO7408122F1204159ZE184226B<<<<<10
driving_licence | driver's license D123-4567-8901 | D123-4567-8901
vehicle | VIN 1M8GDM9AXKP042788 | 1M8GDM9AXKP042788
imei | IMEI 490154203237518 | 490154203237518
street_address | at 1600 Pennsylvania Avenue, Washington, DC 20500. | 1600 Pennsylvania Avenue, Washington, DC 20500
street_address | Hauptstraße 12, 10115 Berlin | Hauptstraße 12, 10115 Berlin
street_address | 12 rue de la Paix | 12 rue de la Paix
gb_postcode | London SW1A 1AA, | SW1A 1AA
"""


@pytest.mark.parametrize("line", TRUE.splitlines())
def test_what_is_found(line: str) -> None:
    kind, text, value = line.split(" | ")
    text = text.replace(r"\\n", r"\n")
    assert (kind, value) in found(text)


FALSE = (
    *("ann@home", "@example.org", "a @ b.org", "C:\\temp\\new", "README.md and main.py", "node.js", "e.g. this"),
    *("version 1.2.3.4", "127.0.0.1", "0.0.0.0", "1.2.3", "10:15:30", "std::vector::begin", "::", "00:00:00:00:00:00"),
    *(
        "4111 1111 1111 1112",
        "order 1234567890123456",
        "0.4111111111111111",
        "GB34BUKB20201555555555",
        "+1 234",
        "+99999999",
    ),
    *("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "536-22-8726", "SSN 000-12-3456", "SSN 666-12-3456", "account 12345678"),
    *(
        "12/03/1985",
        "the 5th of May 2020",
        "C01X00T47",
        "passport please",
        "490154203237518 pieces",
        "IMEI 490154203237519",
    ),
    *(
        "S1234567E",
        "G123456(B)",
        "112-233-445 96",
        "784-1980-1234567-9",
        "15 070649 C 104",
        "12345678",
        "123 Things to do",
    ),
    *("call 12/03/2024", "call 911", "message 7", "DEUTDEFF500", "L898902C37UTO7408122F1204159ZE184226B<<<<<10"),
    *(
        "2024-05-17T10:22:33Z",
        "3.14159265358979",
        "deadbeef" * 5,
        "550e8400-e29b-41d4-a716-446655440000",
        "978-3-16-148410-0",
    ),
)


@pytest.mark.parametrize("text", FALSE)
def test_what_is_not(text: str) -> None:
    assert found(text) == []


def digits(chance: random.Random, number: int) -> str:
    return "".join(chance.choices("0123456789", k=number))


def letters_of(module: str) -> Callable[[str], str]:
    stdnum = import_module(f"stdnum.{module}")
    return stdnum.calc_check_digits if hasattr(stdnum, "calc_check_digits") else stdnum.calc_check_digit


# kind, its word, module of python-stdnum, digits before its check, and what stands before these
MADE = (
    ("br_cnpj", "CNPJ", "br.cnpj", 12, ""),
    ("cl_rut", "RUT", "cl.rut", 8, ""),
    ("es_dni", "DNI", "es.dni", 8, ""),
    ("gr_tax", "ΑΦΜ", "gr.vat", 8, ""),
    ("tr_identity", "TC kimlik no", "tr.tckimlik", 9, "1"),
    ("in_aadhaar", "Aadhaar", "verhoeff", 11, "2"),
    ("hr_oib", "OIB", "iso7064.mod_11_10", 10, ""),
    ("pe_ruc", "RUC", "pe.ruc", 10, "10"),
    ("il_identity", "תעודת זהות", "luhn", 8, ""),
    ("ca_sin", "social insurance number", "luhn", 8, "1"),
    ("pt_nif", "NIF", "pt.nif", 8, "2"),
    ("nz_ird", "IRD", "nz.ird", 8, "0"),
)


@pytest.mark.parametrize(("kind", "word", "module", "length", "begin"), MADE)
def test_numbers_made_by_another_hand(kind: str, word: str, module: str, length: int, begin: str) -> None:
    """With the check that python-stdnum computes it is found; with any other it is not, as that kind."""
    chance, check = random.Random(kind), letters_of(module)
    tried = 0
    judge = next(each.valid for each in PATTERNS if each.kind == kind and each.valid is not None)
    while tried < 20:
        body = begin + digits(chance, length - len(begin))
        value = body + check(body)
        if not judge(value):
            continue  # it is no number of a person: an office, a date that is none
        tried += 1
        text = f"{word}: {value}."
        assert kind in [each for each, where in found(text) if where == value]
        wrong = value[:-1] + next(char for char in "0123456789" if char != value[-1] and not judge(value[:-1] + char))
        assert kind not in [each for each, where in found(f"{word}: {wrong}.") if where == wrong]
    assert tried == 20


NEEDING = [each for each in PATTERNS if each.country and each.context]


@pytest.mark.parametrize("pattern", NEEDING, ids=[f"{number}-{each.kind}" for number, each in enumerate(NEEDING)])
def test_every_word_is_known_before_a_number_and_alone_finds_nothing(pattern: Pattern) -> None:
    scanner = Scanner([pattern])
    for word in pattern.context:
        data, _ = fold(text := f"({word.upper()}) ")
        assert scanner.told(data, text) == {0}
        assert scanner.find(text) == []
