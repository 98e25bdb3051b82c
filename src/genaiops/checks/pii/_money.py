"""What money moves by: cards, accounts, banks, wallets."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from typing import Final

from genaiops.checks.pii._checksums import digits_of, luhn
from genaiops.checks.pii._rows import personal, stdnum

_CARD_WORDS: Final = (
    *("card", "cards", "credit", "debit", "cc", "visa", "mastercard", "maestro", "amex", "pan", "karte", "kreditkarte"),
    *(
        "carte",
        "carte bancaire",
        "tarjeta",
        "carta",
        "cartão",
        "kaart",
        "kort",
        "karta",
        "карта",
        "карты",
        "卡号",
        "カード",
    ),
)
_ISSUERS: Final = (
    ("1800", "1800", (15,)),
    ("2131", "2131", (15,)),
    ("2200", "2204", (16, 17, 18, 19)),
    ("2221", "2720", (16,)),
    ("3000", "3059", (14, 16)),
    ("3095", "3095", (14, 16)),
    ("3400", "3499", (15,)),
    ("3528", "3589", (16, 17, 18, 19)),
    ("3600", "3699", (14, 16)),
    ("3700", "3799", (15,)),
    ("3800", "3999", (14, 16)),
    ("4000", "4999", (13, 16, 19)),
    ("5018", "5099", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("5100", "5599", (16,)),
    ("5600", "5899", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("6011", "6011", (16, 19)),
    ("6012", "6399", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("6400", "6599", (16, 19)),
    ("6600", "6999", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("8100", "8299", (16, 17, 18, 19)),
    ("8600", "8600", (16,)),
    ("9792", "9792", (16,)),
    ("9860", "9860", (16,)),
)
"""First and last four digits of a range and how long its numbers are: ISO/IEC 7812, the schemes' own pages."""
_STARTS: Final = tuple(first for first, _, _ in _ISSUERS)
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE58: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_IBAN_LENGTHS: Final = {
    15: "NO",
    16: "BE BI",
    18: "DK FI FK FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU MN XK",
    21: "CH CR HR LI LV",
    22: "BG BH DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BF BJ CF CG CI CM DJ DZ FR GA GR IT KM MC MG ML MR NE SM SN TD TG",
    28: "AL AZ BY CY DO GT HN HU LB MA NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU YE",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
"""Characters of an IBAN by country: the register of ISO 13616, and the lengths that other banks of Africa use."""


def _card(value: str) -> bool:
    digits = digits_of(value)
    _, last, lengths = _ISSUERS[max(0, bisect_right(_STARTS, digits[:4]) - 1)]
    if not digits[:4] <= last or digits[:4] < _STARTS[0] or len(digits) not in lengths:
        return False
    return luhn(digits)


def _card_by_word(value: str) -> bool:
    """Where a word says card, the checksum is enough: ranges are given out faster than tables are written."""
    return luhn(value)


def _iban(value: str) -> bool:
    """ISO 7064, mod 97-10; its length is in the expression."""
    plain = "".join(filter(str.isalnum, value))
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def _iban_regex() -> str:
    lengths = (
        rf"(?:{countries.replace(' ', '|')})\d{{2}}(?:[ -]?[A-Z\d]){{{length - 4}}}"
        for length, countries in _IBAN_LENGTHS.items()
    )
    return rf"(?i)(?:{'|'.join(lengths)})"


def _base58(versions: frozenset[int], alphabet: str = _BASE58) -> Callable[[str], bool]:
    """Base58Check: a version, 20 bytes and the first four of their double SHA-256."""
    places = {char: place for place, char in enumerate(alphabet)}

    def valid(value: str) -> bool:
        number = 0
        for char in value:
            number = number * 58 + places[char]
        if number >= 1 << 200:
            return False
        data = number.to_bytes(25, "big")
        digest = hashlib.sha256(hashlib.sha256(data[:21]).digest()).digest()
        return data[0] in versions and digest[:4] == data[21:]

    return valid


PATTERNS: Final = (
    personal(
        kind="card",
        regex=r"(?:\d{19}|\d{14,16}|\d{4}[ .-]\d{4}[ .-]\d{4}[ .-]\d{4}|3\d{3}[ .-]\d{6}[ .-]\d{4,5})",
        left=r"\w.",
        valid=_card,
        checked=True,
        title="Payment card",
        source="ISO/IEC 7812",
    ),
    personal(
        kind="card",
        regex=r"(?:\d{12,19}|\d{4}(?:[ .-]\d{4}){2,3}(?:[ .-]\d{1,3})?)",
        context=_CARD_WORDS,
        left=r"\w.",
        valid=_card_by_word,
        checked=True,
        title="Payment card",
        source="ISO/IEC 7812",
    ),
    personal(
        kind="iban",
        regex=_iban_regex(),
        valid=_iban,
        checked=True,
        title="IBAN",
        source="ISO 13616",
    ),
    personal(
        kind="bic",
        regex=r"[A-Z]{6}[A-Z\d]{2}(?:[A-Z\d]{3})?",
        context=("bic", "swift", "swift code", "bic/swift", "swift/bic", "bank code", "bankleitzahl", "код swift"),
        valid=stdnum("bic"),
        title="BIC",
        source="ISO 9362",
    ),
    personal(
        kind="us_routing_number",
        regex=r"(?:0\d|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)\d{7}",
        context=("routing", "aba", "rtn", "routing number", "transit"),
        valid=stdnum("us.rtn"),
        checked=True,
        title="Routing number of a bank in the United States",
        country="US",
        source="ABA routing transit numbers",
    ),
    personal(
        kind="bank_account",
        regex=r"\d{6,17}|\d{2,6}(?:[ -]\d{2,8}){1,4}",
        context=(
            *("account number", "account no", "account no.", "account #", "acct", "acct.", "bank account", "a/c"),
            *("kontonummer", "konto", "kontonr", "numéro de compte", "número de cuenta", "cuenta bancaria", "conta"),
            *("rekeningnummer", "numero di conto", "conto corrente", "sort code", "numer konta", "номер счета"),
        ),
        reach=24,
        title="Bank account number",
    ),
    personal(
        kind="crypto_address",
        regex=r"(?:bc1|BC1)[a-zA-Z\d]{25,59}",
        valid=stdnum("bitcoin"),
        checked=True,
        title="Bitcoin address",
        source="BIP 173, BIP 350",
    ),
    personal(
        kind="crypto_address",
        regex=r"[13LMDT9AX7][1-9A-HJ-NP-Za-km-z]{25,34}",
        valid=_base58(frozenset({0x00, 0x05, 0x30, 0x32, 0x1E, 0x16, 0x4C, 0x10, 0x41})),
        checked=True,
        title="Address of a wallet (Bitcoin, Litecoin, Dogecoin, Dash, Tron)",
        source="Base58Check",
    ),
    personal(
        kind="crypto_address",
        regex=r"r[1-9A-HJ-NP-Za-km-z]{24,34}",
        valid=_base58(frozenset({0x00}), _RIPPLE58),
        checked=True,
        title="XRP address",
        source="Base58Check with Ripple's alphabet",
    ),
    personal(
        kind="crypto_address",
        regex=r"0x[0-9A-Fa-f]{40}",
        context=(
            "eth",
            "ethereum",
            "wallet",
            "address",
            "erc20",
            "erc-20",
            "usdt",
            "usdc",
            "metamask",
            "polygon",
            "token",
        ),
        title="Ethereum address",
        source="EIP-55",
    ),
)
