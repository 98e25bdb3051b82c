# ruff: noqa: RUF001 (labels of many languages)
"""Numbers of many countries as Faker makes them, in sentences and alone, and texts in which nobody's data is."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from benchmarks.guardrails.nobody import nobodys
from benchmarks.guardrails.pii_peers import numbers
from benchmarks.guardrails.report import Cell, Table, rate
from genaiops.checks.scanning import Scanner

SHAPES: Final = (
    "{label}: {value}",
    "The {label} of the customer is {value}.",
    "{label} {value}, please check",
    "{value}",
)
"""The last says nothing of what it is."""
ALONE: Final = SHAPES[-1]
NOTES: Final = [
    (
        "Labels of the countries' numbers are ours: recall beside a label says that the form and its check are known, "
        "and little of what words people use. What Faker makes that no country gives out (national insurance numbers "
        "that begin with ZZ, Aadhaar with another check) is not found."
    ),
    (
        "Texts without data: numbers in sentences, identifiers, floats, times, versions, ISBNs, and the sources of "
        "Python's own library; a finding is a false alarm unless it is an e-mail, web or network address."
    ),
]


class Wanted(msgspec.Struct, frozen=True):
    locale: str
    method: str
    kind: str
    label: str


WANTED: Final = tuple(
    Wanted(*row.split(" | "))
    for row in """\
en_US | credit_card_number | card | credit card number
de_DE | iban | iban | IBAN
en_GB | iban | iban | IBAN
fr_FR | iban | iban | IBAN
pl_PL | iban | iban | IBAN
nl_NL | iban | iban | IBAN
tr_TR | iban | iban | IBAN
en_US | ssn | us_ssn | social security number
en_US | itin | us_itin | ITIN
en_US | passport_number | passport | passport number
en_CA | ssn | ca_sin | social insurance number
es_MX | curp | mx_curp | CURP
es_MX | rfc | mx_rfc | RFC
es_MX | ssn | mx_social_security | número de seguridad social
pt_BR | cpf | br_cpf | CPF
pt_BR | ssn | br_cpf | CPF
pt_BR | cnpj | br_cnpj | CNPJ
es_CL | person_rut | cl_rut | RUT
es_CO | natural_person_nit_with_check_digit | co_nit | NIT
en_GB | ssn | gb_national_insurance | National Insurance number
de_DE | rvnr | de_social_insurance | Rentenversicherungsnummer
de_DE | kvnr | de_health_insurance | Krankenversichertennummer
de_AT | ssn | at_social_insurance | Sozialversicherungsnummer
fr_CH | ssn | ch_ahv | numéro AVS
fr_FR | ssn | fr_social_security | numéro de sécurité sociale
es_ES | nif | es_dni | NIF
es_ES | nie | es_nie | NIE
es_ES | nuss | es_social_security | número de la Seguridad Social
it_IT | ssn | it_fiscal_code | codice fiscale
nl_NL | ssn | nl_bsn | BSN
nl_BE | ssn | be_national_number | rijksregisternummer
el_GR | ssn | gr_amka | ΑΜΚΑ
el_GR | tin | gr_tax | ΑΦΜ
sv_SE | ssn | se_personal_number | personnummer
no_NO | ssn | no_birth_number | fødselsnummer
fi_FI | ssn | fi_identity | henkilötunnus
pl_PL | ssn | pl_pesel | PESEL
cs_CZ | birth_number | cz_birth_number | rodné číslo
sk_SK | birth_number | cz_birth_number | rodné číslo
hu_HU | ssn | hu_personal_id | személyi szám
ro_RO | ssn | ro_cnp | CNP
hr_HR | ssn | hr_oib | OIB
sr_BA | ssn | rs_jmbg | JMBG
et_EE | ssn | ee_personal_code | isikukood
lv_LV | ssn | lv_personal_code | personas kods
tr_TR | ssn | tr_identity | TC kimlik no
ru_RU | individuals_inn | ru_inn | ИНН
ru_RU | snils | ru_snils | СНИЛС
uk_UA | ssn | ua_tax_number | РНОКПП
he_IL | ssn | il_identity | תעודת זהות
en_IN | aadhaar_id | in_aadhaar | Aadhaar
en_IN | pan | in_pan | PAN
en_IN | gstin | in_gstin | GSTIN
zh_CN | ssn | cn_identity | 身份证号
zh_TW | ssn | tw_identity | 身分證
th_TH | ssn | th_identity | เลขประจำตัวประชาชน
en_US | phone_number | phone | phone
de_DE | phone_number | phone | Telefon
fr_FR | phone_number | phone | téléphone
en_GB | phone_number | phone | phone
pt_BR | phone_number | phone | telefone
ja_JP | phone_number | phone | 電話
en_IN | phone_number | phone | mobile""".splitlines()
)


class Tally:
    """What was asked for and found, with its label and alone, and what was right and wrong of what has a checksum."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[Wanted, bool]] = Counter()
        self.found: Counter[tuple[Wanted, bool]] = Counter()
        self.right: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()

    def add(self, scanner: Scanner, wanted: Wanted, value: str, shape: str) -> str:
        """What to say of it when it was missed; else empty."""
        text = shape.format(label=wanted.label, value=value)
        start, alone = text.index(value), shape == ALONE
        place = (wanted.kind, start, start + len(value))
        findings = scanner.find(text)
        hit = any((one.kind, one.start, one.end) == place for one in findings)
        self.asked[wanted, alone] += 1
        self.found[wanted, alone] += hit
        for one in findings:
            if one.checked:
                (self.right if one.kind == wanted.kind else self.wrong)[one.kind] += 1
        if hit or alone:
            return ""
        return f"missed {wanted.kind}: {text!r} {[(one.kind, text[one.start : one.end]) for one in findings]}"

    def line(self, one: Wanted) -> tuple[Cell, ...]:
        with_label, alone = (rate(self.found[one, how], self.asked[one, how]) for how in (False, True))
        return one.kind, one.locale, one.method, with_label, alone


def measure(scanner: Scanner, seeds: Sequence[int], values: int, *, show: bool) -> list[Table]:
    tally = Tally()
    missing: list[tuple[Cell, ...]] = []
    for seed in seeds:
        made = numbers([(one.locale, one.method) for one in WANTED], seed, values)
        for wanted, some in zip(WANTED, made, strict=True):
            if some.why:
                missing.append((wanted.locale, wanted.method, some.why))
            for number, value in enumerate(some.values):
                said = tally.add(scanner, wanted, value, SHAPES[number % len(SHAPES)])
                if show and said:
                    print(said)
    right, wrong = tally.right, tally.wrong
    sure = [(kind, rate(right[kind], right[kind] + wrong[kind])) for kind in sorted(right | wrong)]
    tables = [
        Table(
            "numbers as Faker makes them, by country",
            ("kind", "locale", "method", "recall with its label", "alone"),
            [tally.line(one) for one in WANTED],
        ),
        Table(
            "precision of what has a checksum, among these numbers",
            ("kind", "precision"),
            [*sure, ("all", rate(right.total(), right.total() + wrong.total()))],
        ),
        _false_alarms(scanner, seeds, show=show),
    ]
    return [*tables, Table("not made", ("locale", "method", "why"), missing)] if missing else tables


def _false_alarms(scanner: Scanner, seeds: Sequence[int], *, show: bool) -> Table:
    texts: Counter[str] = Counter()
    alarms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for seed in seeds:
        for name, text in nobodys(random.Random(seed)):
            texts[name] += 1
            for one in scanner.find(text):
                if one.kind not in ("email", "url", "ip_address"):
                    alarms[name][one.kind] += 1
                    if show:
                        print(f"false alarm {one.kind}: {text[max(0, one.start - 40) : one.end + 20]!r}")
    lines = [
        (name, rate(min(alarms[name].total(), number), number), _named(alarms[name])) for name, number in texts.items()
    ]
    return Table("false alarms in texts without data", ("text", "share with a finding", "kinds"), lines)


def _named(counted: Counter[str]) -> str:
    return ", ".join(f"{kind} {number}" for kind, number in counted.most_common(6))
