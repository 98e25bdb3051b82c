"""Checksums and dates of numbers that python-stdnum does not know (yet)."""

import datetime
from collections.abc import Callable, Iterable
from typing import Final

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DOUBLED: Final = dict(zip("0123456789", (0, 2, 4, 6, 8, 1, 3, 5, 7, 9), strict=True))
_TAIWAN: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
"""Letters of the places of Taiwan by their number, from 10 on."""
_NHI: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def digits_of(value: str) -> str:
    return value if value.isdigit() else "".join(filter(str.isdigit, value))


def _weighed(digits: Iterable[str], weights: Iterable[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _plain(value: str) -> str:
    return "".join(filter(str.isalnum, value)).upper()


def is_day(year: int, month: int, day: int) -> bool:
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1, annex B; what is no digit is passed over."""
    digits = digits_of(value)
    total = sum(map(int, digits[-1::-2])) + sum(map(_DOUBLED.__getitem__, digits[-2::-2]))
    return total % 10 == 0 and len(set(digits)) > 1


def us_npi(value: str) -> bool:
    """45 CFR 162.406: Luhn with the prefix 80840."""
    return luhn("80840" + digits_of(value))


def us_dea(value: str) -> bool:
    """21 CFR 1301: odd places, and twice the even ones."""
    digits = value[-7:]
    total = sum(map(int, digits[0:6:2])) + 2 * sum(map(int, digits[1:6:2]))
    return total % 10 == int(digits[6])


def vin(value: str) -> bool:
    """ISO 3779 with the check character of 49 CFR 565.15 at place 9."""
    values = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True))
    numbers = (int(values.get(char, char)) for char in value.upper())
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    rest = sum(number * weight for number, weight in zip(numbers, weights, strict=True)) % 11
    return value[8].upper() == "0123456789X"[rest]


def ch_ean(value: str) -> bool:
    """EAN-13, the check of the AHV number."""
    digits = digits_of(value)
    return _weighed(digits, (1, 3) * 6 + (1,)) % 10 == 0


def de_social_insurance(value: str) -> bool:
    """Deutsche Rentenversicherung, VKVV section 4: the letter as two digits, sums of digits of the products."""
    plain = _plain(value)
    day, month = int(plain[2:4]), int(plain[4:6])
    digits = plain[:8] + f"{_LETTERS.index(plain[8]) + 1:02d}" + plain[9:11]
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    products = (int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    if not (1 <= day % 50 <= 31 and 1 <= month <= 12):
        return False
    return sum(product // 10 + product % 10 for product in products) % 10 == int(plain[11])


def de_health_insurance(value: str) -> bool:
    """Krankenversichertennummer: the letter as two digits, weights 1 and 2, sums of digits of the products."""
    digits = f"{_LETTERS.index(value[0]) + 1:02d}{value[1:9]}"
    products = (int(digit) * weight for digit, weight in zip(digits, (1, 2) * 5, strict=True))
    return sum(product // 10 + product % 10 for product in products) % 10 == int(value[9])


def weights_731(value: str) -> bool:
    """ICAO 9303, part 3: the last character is the check of the others."""
    plain = value.upper().replace("<", "0")
    total = sum(int(char, 36) * (7, 3, 1)[place % 3] for place, char in enumerate(plain[:-1]))
    return plain[-1].isdigit() and total % 10 == int(plain[-1])


def passport_zone(value: str) -> bool:
    """The second line of a passport's machine-readable zone (ICAO 9303, part 4): its number, birth and expiry."""
    parts = (value[0:10], value[13:20], value[21:28])
    return all(weights_731(part) for part in parts)


def es_social_security(value: str) -> bool:
    """Seguridad Social: mod 97."""
    digits = digits_of(value)
    body = int(digits[2:10])
    number = body + int(digits[:2]) * 10**7 if body < 10**7 else int(digits[:10])
    return number % 97 == int(digits[10:])


def ru_snils(value: str) -> bool:
    """Decree of the pension fund: mod 101, of numbers above 001-001-998."""
    digits = digits_of(value)
    total = _weighed(digits[:9], range(9, 0, -1))
    return int(digits[:9]) > 1001998 and total % 101 % 100 == int(digits[9:])


def hu_tax(value: str) -> bool:
    """Adóazonosító jel: 8, days since 1867, mod 11."""
    digits = digits_of(value)
    return _weighed(digits[:9], range(1, 10)) % 11 == int(digits[9])


def hu_social_security(value: str) -> bool:
    """TAJ: weights 3 and 7, mod 10."""
    digits = digits_of(value)
    return _weighed(digits[:8], (3, 7) * 4) % 10 == int(digits[8]) and len(set(digits)) > 1


def hu_personal(value: str) -> bool:
    """Személyi azonosító: mod 11, weights 1 to 10, and 10 to 1 of those born since 1997."""
    digits = digits_of(value)
    weights = range(10, 0, -1) if digits[0] in "3478" or int(digits[1:3]) > 96 else range(1, 11)
    born = is_day(2000 + int(digits[1:3]), int(digits[3:5]), int(digits[5:7]))
    return born and _weighed(digits[:10], weights) % 11 == int(digits[10])


def cn_identity(value: str) -> bool:
    """GB 11643: a day of birth, and ISO 7064 mod 11-2."""
    total = _weighed(value[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return (
        is_day(int(value[6:10]), int(value[10:12]), int(value[12:14]))
        and "10X98765432"[total % 11] == value[17].upper()
    )


def hk_identity(value: str) -> bool:
    """Letters as 10 to 35, a space before a single one as 36; mod 11."""
    plain = _plain(value)
    numbers = [int(char, 36) for char in plain[:-1]]
    if len(numbers) == 7:
        numbers.insert(0, 36)
    total = sum(number * weight for number, weight in zip(numbers, range(9, 1, -1), strict=True))
    return "0123456789A"[-total % 11] == plain[-1]


def sg_identity(value: str) -> bool:
    """NRIC and FIN, by their first letter."""
    total = _weighed(value[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(value[0].upper(), 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "XWUTRQPNJLK"}.get(value[0].upper(), "XWUTRQPNMLK")
    rest = total % 11
    return letters[10 - rest if value[0].upper() == "M" else rest] == value[8].upper()


def tw_identity(value: str) -> bool:
    """The letter as two digits, weights 1, 9 to 1, 1; mod 10."""
    place = _TAIWAN.index(value[0].upper()) + 10
    return (_weighed(str(place) + value[1:], (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def kr_birth(value: str) -> bool:
    """A day of birth and the digit of its century; those given out since 2020 have no checksum."""
    digits = digits_of(value)
    century = {"9": 1800, "0": 1800, "1": 1900, "2": 1900, "5": 1900, "6": 1900}.get(digits[6], 2000)
    return is_day(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))


def ir_identity(value: str) -> bool:
    """Code-e Melli: weights 10 to 2, mod 11."""
    digits = digits_of(value)
    rest = _weighed(digits[:9], range(10, 1, -1)) % 11
    return int(digits[9]) == (rest if rest < 2 else 11 - rest) and len(set(digits)) > 1


def kz_identity(value: str) -> bool:
    """IIN: weights 1 to 11, and a second row where the first gives 10; mod 11."""
    digits = digits_of(value)
    rest = _weighed(digits[:11], range(1, 12)) % 11
    if rest == 10:
        rest = _weighed(digits[:11], (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11
    return rest == int(digits[11]) and is_day(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))


def eg_identity(value: str) -> bool:
    """Century, day of birth, governorate."""
    digits = digits_of(value)
    born = is_day((1800 + 100 * (int(digits[0]) - 1)) + int(digits[1:3]), int(digits[3:5]), int(digits[5:7]))
    return born and (1 <= int(digits[7:9]) <= 35 or digits[7:9] == "88")


def uy_identity(value: str) -> bool:
    """Cédula: weights 2987634, mod 10."""
    digits = digits_of(value).zfill(8)
    return -_weighed(digits[:7], (2, 9, 8, 7, 6, 3, 4)) % 10 == int(digits[7])


def au_medicare(value: str) -> bool:
    """Weights 1, 3, 7, 9, 1, 3, 7, 9; mod 10 is the ninth digit."""
    digits = digits_of(value)
    return _weighed(digits[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(digits[8])


def nz_health(value: str) -> bool:
    """NHI, HISO 10046: letters without I and O as 1 to 24, mod 11 (old) or 24 (new, ends with a letter)."""
    plain = value.upper()
    numbers = [_NHI.index(char) + 1 if char.isalpha() else int(char) for char in plain]
    total = sum(number * weight for number, weight in zip(numbers[:6], (7, 6, 5, 4, 3, 2), strict=True))
    if plain[-1].isdigit():
        return total % 11 != 0 and (11 - total % 11) % 10 == numbers[6]
    return 24 - total % 24 == numbers[6]


def born(order: str) -> Callable[[str], bool]:
    """The digits begin with a day of birth, as `order` says: ymd or dmy, two digits each."""

    def valid(value: str) -> bool:
        parts = dict(zip(order, (int(digits_of(value)[at : at + 2]) for at in (0, 2, 4)), strict=True))
        return is_day(2000 + parts["y"], parts["m"], parts["d"])

    return valid
