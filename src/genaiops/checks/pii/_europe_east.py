# ruff: noqa: RUF001 (words of other scripts)
"""Numbers of people in the east of Europe and in Turkey."""

from typing import Final

from genaiops.checks.pii import _checksums as check
from genaiops.checks.pii._rows import NATIONAL_ID, TAX_ID, identity

_JMBG: Final = ("jmbg", "emšo", "emso", "јмбг", "матични број", "matični broj", "matični", "embg", *NATIONAL_ID)
_CODE: Final = ("isikukood", "asmens kodas", "personas kods", "personal code", "personal identification code", "a.k.")

PATTERNS: Final = (
    identity("pl_pesel", r"\d{11}", "pl.pesel", "PESEL", "pesel", "numer pesel", "nr pesel", *NATIONAL_ID),
    identity(
        "pl_nip",
        r"\d{3}-\d{3}-\d{2}-\d{2}|\d{3}-\d{2}-\d{2}-\d{3}|\d{10}",
        "pl.nip",
        "NIP",
        "nip",
        "numer nip",
        *TAX_ID,
    ),
    identity("cz_birth_number", r"\d{6}/\d{3,4}", "cz.rc", "Rodné číslo"),
    identity(
        "cz_birth_number",
        r"\d{10}",
        "cz.rc",
        "Rodné číslo",
        *("rodné číslo", "rodne cislo", "r.č.", "rč", "birth number", *NATIONAL_ID),
    ),
    identity(
        "hu_tax_id", r"8\d{9}", check.hu_tax, "Adóazonosító jel", "adóazonosító", "adóazonosító jel", "adószám", *TAX_ID
    ),
    identity(
        "hu_social_security",
        r"\d{3}[ -]?\d{3}[ -]?\d{3}",
        check.hu_social_security,
        "TAJ number",
        *("taj", "taj szám", "taj-szám", "tajszám"),
    ),
    identity(
        "hu_personal_id",
        r"[1-8]-?\d{6}-?\d{4}",
        check.hu_personal,
        "Személyi azonosító",
        *("személyi szám", "személyi azonosító", "személyi", *NATIONAL_ID),
    ),
    identity("ro_cnp", r"[1-9]\d{12}", "ro.cnp", "CNP", "cnp", "cod numeric personal", "c.n.p.", *NATIONAL_ID),
    identity("bg_egn", r"\d{10}", "bg.egn", "EGN", "егн", "egn", "единен граждански номер", *NATIONAL_ID),
    identity("hr_oib", r"\d{11}", "hr.oib", "OIB", "oib", "osobni identifikacijski broj", *NATIONAL_ID, *TAX_ID),
    identity(
        "si_tax", r"[1-9]\d{7}", "si.ddv", "Davčna številka", "davčna", "davčna številka", "davcna stevilka", *TAX_ID
    ),
    identity("rs_jmbg", r"\d{13}", "si.emso", "JMBG or EMŠO", *_JMBG),
    identity("ee_personal_code", r"[1-8]\d{10}", "ee.ik", "Isikukood", *_CODE, *NATIONAL_ID),
    identity("lt_personal_code", r"[1-9]\d{10}", "lt.asmens", "Asmens kodas", *_CODE, *NATIONAL_ID),
    identity("lv_personal_code", r"\d{6}-?\d{5}", "lv.pvn", "Personas kods", *_CODE, *NATIONAL_ID),
    identity(
        "tr_identity",
        r"[1-9]\d{10}",
        "tr.tckimlik",
        "T.C. Kimlik No",
        *("tc kimlik", "t.c. kimlik", "kimlik", "kimlik no", "kimlik numarası", "tckn", *NATIONAL_ID),
    ),
    identity("ru_inn", r"\d{12}|\d{10}", "ru.inn", "ИНН", "инн", "inn", *TAX_ID),
    identity("ru_snils", r"\d{3}-\d{3}-\d{3}[ -]\d{2}", check.ru_snils, "СНИЛС"),
    identity("ru_snils", r"\d{11}", check.ru_snils, "СНИЛС", "снилс", "snils", "страховой номер"),
    identity(
        "ru_passport",
        r"\d{2} ?\d{2} ?\d{6}",
        None,
        "Внутренний паспорт",
        *("паспорт", "паспорта", "серия", "паспорт рф", "russian passport", "internal passport"),
    ),
    identity(
        "ua_tax_number",
        r"\d{10}",
        "ua.rntrc",
        "РНОКПП",
        *("рнокпп", "іпн", "инн", "ідентифікаційний код", "rnokpp", *TAX_ID),
    ),
    identity("by_unp", r"[A-Z\d]{2}\d{7}", "by.unp", "УНП", "унп", "unp", *TAX_ID),
    identity("md_idno", r"\d{13}", "md.idno", "IDNP", "idnp", "idno", "cod personal", *NATIONAL_ID),
    identity("al_nipt", r"[A-M]\d{8}[A-Z]", "al.nipt", "NIPT of Albania", "nipt", "nuis", *TAX_ID),
)
