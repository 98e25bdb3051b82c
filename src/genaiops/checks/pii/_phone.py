"""Telephone numbers: international ones by the numbering plans, others by their country's plan or by what stands about.

Plans are those of libphonenumber; they are loaded when the first number is looked at.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from genaiops.checks.pii._rows import personal

_EXTENSION: Final = r"(?:(?:,? ?(?:ext\.?|extension|#) ?| ?x)\d{1,6})?"
_LABEL: Final = "office|fax|mobile|cell|home|work|desk|direct|phone|tel"
_NANP: Final = r"(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}"
_BEGIN: Final = r"(?:\(\+?\d{1,5}\)[ /-]?|\+?\d{1,5}(?:[ ./-]{1,2}|[ ./-]{0,2}\(\d{1,4}\)[ -]?))"
_GROUPED: Final = rf"(?:\+?\d{{6,15}}|{_BEGIN}\d{{2,8}}(?:[ ./-]\d{{2,8}}){{0,5}})"
_WORDS: Final = (
    *("phone", "phones", "telephone", "tel", "mobile", "cell", "cellphone", "landline", "hotline", "fax", "whatsapp"),
    *(
        "call",
        "calls",
        "called",
        "calling",
        "caller",
        "dial",
        "ring me",
        "text",
        "texted",
        "sms",
        "message",
        "messages",
    ),
    *("voicemail", "reach", "reached", "contact", "answering", "desk", "office", "extension", "signal", "téléphone"),
    *(
        "tél",
        "portable",
        "appeler",
        "appelez",
        "telefon",
        "telefonnummer",
        "handy",
        "handynummer",
        "mobil",
        "rufnummer",
    ),
    *("anrufen", "rückruf", "teléfono", "telefono", "móvil", "celular", "llamar", "llame", "telefone", "telemóvel"),
    *("ligar", "ligue", "cellulare", "chiamare", "telefoon", "telefoonnummer", "gsm", "bellen", "puhelin", "telefonu"),
    *("komórka", "telefonní", "τηλέφωνο", "κινητό", "телефон", "тел", "моб", "телефона", "טלפון", "هاتف", "جوال"),
    *("फ़ोन", "फोन", "điện thoại", "telp", "โทร", "电话", "手机", "電話", "携帯", "전화", "휴대폰"),
)
_DATE: Final = re.compile(r"(?:\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d\d)|(?:19|20)\d\d([./-])\d{1,2}\2\d{1,2})")
_ONE_BYTE_EACH: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_EXTENDED: Final = re.compile(r"(?:,? ?(?:ext|extension|#)| ?x).*", re.IGNORECASE)


@cache
def _plans() -> Callable[[int], tuple[Any, ...]]:
    """From a calling code to the plans of the regions that share it."""
    import phonenumbers

    @cache
    def of(code: int) -> tuple[Any, ...]:
        metadata: Any = phonenumbers.PhoneMetadata
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
        found = (metadata.metadata_for_region_or_calling_code(code, region) for region in regions)
        return tuple(
            (re.compile(plan.general_desc.national_number_pattern), frozenset(plan.general_desc.possible_length))
            for plan in found
            if plan is not None
        )

    return of


def _assigned(code: int, national: str) -> bool:
    """Whether a number of that calling code is given out by its plan."""
    return any(len(national) in lengths and form.fullmatch(national) for form, lengths in _plans()(code))


def _split(digits: str) -> tuple[int, str] | None:
    """Calling code and the rest; no code begins another."""
    for length in (1, 2, 3):
        if _plans()(int(digits[:length])):
            return int(digits[:length]), digits[length:]
    return None


def _digits(value: str) -> str:
    return re.sub(r"\D", "", _EXTENDED.sub("", value))


def _international(value: str) -> bool:
    """By its plan; the trunk prefix may stand in it: +44 (0)20 ..."""
    digits = _digits(value.replace("(0)", ""))
    split = _split(digits.removeprefix("00")) if 7 < len(digits) < 18 else None
    return split is not None and _assigned(*split)


def _north_american(value: str) -> bool:
    digits = _digits(value)
    return _assigned(1, digits[-10:])


def _plausible(value: str) -> bool:
    """Enough digits, and neither a date, a network address nor one digit again and again."""
    digits = _digits(value)
    if not 6 <= len(digits) <= 15 or value == digits[:6] or len(set(digits)) < 3:
        return False
    return _DATE.fullmatch(value) is None and _ONE_BYTE_EACH.fullmatch(value) is None


PATTERNS: Final = (
    personal(
        kind="phone",
        regex=rf"(?:\+|00 ?)[1-9]\d{{0,3}}(?:[ ./-]{{0,2}}\(\d{{1,4}}\))?(?:[ ./-]?\d{{1,11}}){{1,6}}{_EXTENSION}",
        left=r"\w+.",
        valid=_international,
        checked=True,
        title="Telephone number",
        source="ITU-T E.164",
    ),
    personal(
        kind="phone",
        regex=rf"(?:1[ .-]|001-)?{_NANP}{_EXTENSION}",
        left=r"\w+.(-",
        valid=_north_american,
        title="Telephone number",
        source="North American Numbering Plan",
    ),
    personal(
        kind="phone",
        regex=rf"{_GROUPED}{_EXTENSION}",
        left=r"\w+.(-",
        context=_WORDS,
        valid=_plausible,
        title="Telephone number",
        source="ITU-T E.123",
    ),
    personal(
        kind="phone",
        regex=rf"(?i)({_GROUPED})(?: |-| - | \()(?:{_LABEL})",
        group=1,
        left=r"\w+.(-",
        valid=_plausible,
        title="Telephone number",
        source="ITU-T E.123",
    ),
)
