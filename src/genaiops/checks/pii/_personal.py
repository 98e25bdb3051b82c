"""What is on papers and in forms: birth, passports, licences, devices, addresses."""

import re
from typing import Final

from genaiops.checks.pii import _checksums as check
from genaiops.checks.pii._rows import personal, stdnum

_MONTHS: Final = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
    "|janvier|f\xe9vrier|mars|avril|mai|juin|juillet|ao\xfbt|septembre|octobre|novembre|d\xe9cembre"
    "|januar|februar|m\xe4rz|juni|juli|oktober|dezember"
    "|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
)
_STREET: Final = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Circle|Cir|Highway|Hwy|Parkway|Pkwy"
    "|Terrace|Ter|Trail|Trl|Crescent|Cres|Turnpike|Expressway|Alley|Close|Mews|Row|Way|Place|Pl|Square|Sq"
)
_WORD: Final = r"[A-Z\xc0-\xd6\xd8-\xde][A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\xff'.-]{1,24}"
_UNIT: Final = r"(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Room|Rm|#)\.? ?#?[\dA-Z]{1,6})?"
_STATES: Final = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
)
_FRENCH: Final = r"(?:rue|avenue|boulevard|place|chemin|impasse|quai|all\xe9e)(?: d[eu]s?| de la| de l')?"
_SOUTHERN: Final = r"(?:Calle|C/|Avenida|Avda\.?|Plaza|Paseo|Via|Viale|Piazza|Corso|Rua|Travessa)(?: d(?:e|el|a|o|i))?"
_GERMAN: Final = r"[A-Z\xc4\xd6\xdc][a-z\xe4\xf6\xfc\xdf]{2,24}"
_CITY: Final = rf"(?:,? {_WORD}(?: {_WORD}){{0,2}},? (?:{_STATES})(?: \d{{5}}(?:-\d{{4}})?)?)?"
_BORN: Final = (
    *("born", "date of birth", "dob", "d.o.b", "d.o.b.", "birth date", "birthdate", "birthday", "birth"),
    *("né le", "née le", "date de naissance", "geboren", "geburtsdatum", "geb.", "geburtstag", "nacido", "nacida"),
    *("fecha de nacimiento", "nato il", "nata il", "data di nascita", "nascido", "nascida", "data de nascimento"),
    *("geboortedatum", "född", "født", "syntynyt", "urodzony", "urodzona", "data urodzenia", "дата рождения"),
    *("родился", "родилась", "doğum tarihi", "出生日期", "生年月日", "생년월일", "تاريخ الميلاد", "जन्म तिथि"),
)
_PASSPORT: Final = (
    *("passport", "passport number", "passport no", "passeport", "reisepass", "reisepassnummer", "pasaporte"),
    *("passaporto", "passaporte", "paspoort", "paspoortnummer", "pass nr", "passnummer", "paszport", "паспорт"),
    *("загранпаспорт", "pasaport", "护照", "護照", "旅券", "パスポート", "여권", "جواز", "पासपोर्ट"),
)
_LICENCE: Final = (
    *(
        "driver's license",
        "drivers license",
        "driver license",
        "driving license",
        "driver's licence",
        "driving licence",
    ),
    *("drivers licence", "driver licence", "license number", "licence number", "license no", "dl", "dl#", "dl number"),
    *("permis de conduire", "führerschein", "führerscheinnummer", "permiso de conducir", "carnet de conducir"),
    *("patente di guida", "carta de condução", "cnh", "rijbewijs", "körkort", "prawo jazdy", "运转免许"),
)
_DAY: Final = re.compile(r"\d{1,4}")


def _day(value: str) -> bool:
    """Of somebody who may live: a year from 1900 to 2099, and numbers that can be days and months."""
    numbers = [int(each) for each in _DAY.findall(value)]
    years = [each for each in numbers if each > 31]
    return not years or 1900 <= years[0] < 2100 or years[0] < 100


def _mixed(value: str) -> bool:
    """Digits enough to be no word."""
    return sum(char.isdigit() for char in value) >= 4


PATTERNS: Final = (
    personal(
        kind="birth_date",
        regex=r"(?:19|20)\d{2}[./-](?:1[0-2]|0?[1-9])[./-](?:3[01]|[12]\d|0?[1-9])"
        r"|(?:3[01]|[12]\d|0?[1-9])[./-](?:3[01]|[12]\d|0?[1-9])[./-](?:(?:19|20)\d{2}|\d{2})",
        context=_BORN,
        valid=_day,
        title="Date of birth",
    ),
    personal(
        kind="birth_date",
        regex=rf"(?i)(?:{_MONTHS})\.? (?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?,? (?:19|20)\d{{2}}"
        rf"|(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th|\.)?(?: of| de)? (?:{_MONTHS})\.?,?(?: de)? (?:19|20)\d{{2}}",
        context=_BORN,
        title="Date of birth",
    ),
    personal(
        kind="passport",
        regex=r"[A-Z]{1,3} ?\d{6,9}|\d{8,9}|\d{2}[A-Z]{2}\d{5}|[A-Z\d]{2}[A-Z\d]{5,6}\d",
        context=_PASSPORT,
        valid=_mixed,
        title="Passport",
        source="ICAO 9303",
    ),
    personal(
        kind="passport",
        regex=r"[A-Z\d][A-Z\d<]{8}\d[A-Z]{3}\d{7}[MFX<]\d{7}[A-Z\d<]{14}[\d<]\d",
        valid=check.passport_zone,
        checked=True,
        title="Machine-readable line of a passport",
        source="ICAO 9303",
    ),
    personal(
        kind="driving_licence",
        regex=r"[A-Z]{1,3}[ -]?\d{3,4}(?:[ -]?\d{2,5}){1,3}|\d{7,12}|[A-Z\d]{2,6}\d{4,10}[A-Z\d]{0,4}",
        context=_LICENCE,
        valid=_mixed,
        title="Driving licence",
    ),
    personal(
        kind="vehicle",
        regex=r"[A-HJ-NPR-Z\d]{11}\d{6}",
        context=("vin", "vehicle identification", "chassis", "fahrgestellnummer", "vehicle"),
        valid=check.vin,
        checked=True,
        title="Vehicle identification number",
        source="ISO 3779",
    ),
    personal(
        kind="imei",
        regex=r"\d{2}-?\d{6}-?\d{6}-?\d",
        context=("imei", "device id", "handset"),
        valid=stdnum("imei"),
        checked=True,
        title="IMEI of a phone",
        source="3GPP TS 23.003",
    ),
    personal(
        kind="street_address",
        regex=rf"\d{{1,6}}(?: [NSEW]\.?)?(?: {_WORD}){{1,3}} (?:{_STREET})\b\.?{_UNIT}{_CITY}",
        left=r"\w.,/-",
        title="Street address",
    ),
    personal(
        kind="street_address",
        regex=rf"{_GERMAN}(?:stra\xdfe|strasse|str\.|weg|platz|allee|gasse|straat|laan|gracht)"
        rf" \d{{1,4}} ?[a-z]?(?:,? \d{{4,5}} {_GERMAN})?",
        title="Street address",
    ),
    personal(
        kind="street_address",
        regex=rf"\d{{1,4}}(?: ?bis| ?ter)?,? {_FRENCH} ?{_WORD}(?: {_WORD}){{0,3}}(?:,? \d{{5}} {_WORD})?",
        title="Street address",
    ),
    personal(
        kind="street_address",
        regex=rf"{_SOUTHERN}(?: la| los| las)?(?: {_WORD}){{1,3}},? (?:n\xba ?)?\d{{1,4}}",
        title="Street address",
    ),
    personal(
        kind="street_address",
        regex=r"(?i)(?:p\.? ?o\.? box|postfach|apartado|case postale) \d{1,6}",
        title="Post-office box",
    ),
    personal(
        kind="gb_postcode",
        regex=r"(?:[A-Z]{1,2}\d[A-Z\d]?|GIR) \d[ABD-HJLNP-UW-Z]{2}",
        title="Postcode of Great Britain",
        country="GB",
        source="BS 7666",
    ),
)
