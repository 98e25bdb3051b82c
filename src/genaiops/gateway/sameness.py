"""What an embedding of a question hardly tells apart, and an answer depends on: numbers, names, negation, opposites,
what is quoted, the language. Two questions may only share an answer when their marks are equal.

Lists of words, mostly English: in other languages only numbers, names, quotations and the language are looked at.
"""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,:/-]\d+)*%?|[.!?\n]")
_QUOTED = re.compile(r"\"([^\"]*)\"|“([^”]*)”|`+([^`]*)`+|«([^»]*)»")
_SIGNS = re.compile(r"[<>=≠≤≥]+|[$€£¥]|(?<![\w])[-−+](?=\d)")
_SEPARATOR = re.compile(r"(?<=\d),(?=\d{3}\b)")

_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen twenty".split()
    )
} | {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
    "hundred": "100", "thousand": "1000", "million": "1000000", "billion": "1000000000", "dozen": "12",
    "half": "1/2", "twice": "x2", "double": "x2", "triple": "x3", "quarter": "1/4", "third": "3.", "fourth": "4.",
    "fifth": "5.", "first": "1.", "once": "x1",
}  # fmt: skip

_NEGATIONS = frozenset(
    "not no never without cannot neither nor none nobody nothing nowhere hardly except unless excluding avoid lacks"
    " lacking unable impossible non nicht kein keine ohne ne pas sans nunca sin non senza niet geen".split()
)

# Each pair of lines: words of one side, words of the other. Synonyms on a side count as the same word.
_OPPOSITES = tuple(
    tuple(tuple(side.split()) for side in pair.split("|"))
    for pair in (
        "increase raise grow boost gain rise maximise maximize higher highest upward upgrade more most larger largest"
        " bigger biggest longer longest taller tallest|decrease reduce lower drop shrink cut fall minimise minimize"
        " lowest downward downgrade less least fewer fewest smaller smallest shorter shortest",
        "before prior earlier earliest oldest|after later latest following newest",
        "buy purchase buying|sell selling sale", "enable enabling activate activated|disable disabling deactivate",
        "on|off", "open opening|close closing closed", "start begin beginning starting|stop end finish ending halt",
        "add insert append adding|remove delete erase removing deleting", "encode encoding|decode decoding",
        "encrypt encryption|decrypt decryption", "compress compression zip|decompress decompression unzip extract",
        "import importing|export exporting", "upload uploading|download downloading", "send sending|receive receiving",
        "push|pull", "read reading|write writing", "lock|unlock", "install installing|uninstall uninstalling",
        "subscribe|unsubscribe", "accept approve allow allowed|reject deny forbid refuse prohibited banned",
        "hot warm|cold", "good best better advantage advantages benefit benefits pros strengths"
        "|bad worst worse disadvantage disadvantages drawback drawbacks cons weaknesses risks",
        "positive|negative", "true|false", "inside in into|outside out", "above over|below under",
        "left|right", "north|south", "east|west", "morning|evening|night", "summer|winter|spring|autumn",
        "today|tomorrow|yesterday", "daily|weekly|monthly|yearly annually|hourly", "husband|wife", "mother|father",
        "male man men boy|female woman women girl", "son|daughter", "brother|sister", "child children kids|adult adults",
        "lend|borrow", "win|lose", "increase|maintain", "ascending|descending", "horizontal|vertical",
        "input|output", "public|private", "internal|external", "synchronous|asynchronous", "dynamic|static",
        "serial sequential|parallel", "import|include", "minimum min|maximum max", "median|mean average|mode",
        "legal|illegal", "safe|unsafe dangerous", "possible|impossible", "cheap cheapest inexpensive|expensive",
        "fast fastest quick quickly|slow slowest slowly", "easy easiest simple|hard hardest difficult",
        "arrive arrival arrivals|depart departure departures leave", "import|export", "credit|debit",
        "employee employees|employer employers", "tenant|landlord", "teacher|student", "doctor|patient",
        "cause causes|treat treatment treatments cure prevent prevention|symptom symptoms",
        "past|present|future", "who|when|where|why|how", "mountain|river|lake|sea|ocean",
        "breakfast|lunch|dinner", "dog dogs|cat cats", "car|bike bicycle|bus|train|plane",
        "email mail|phone|address|password|username", "kilometers km kilometres|miles", "celsius|fahrenheit",
        "kilograms kg|pounds", "liters litres|gallons", "grams|ounces", "centimeters cm|inches", "meters metres|feet",
        "always|sometimes|never", "all every each|some any", "only", "freeze|melt|boil", "sender|recipient",
        "front|back", "up|down", "gross|net", "domestic|international", "wet|dry", "short brief|long detailed",
        "formal formally|informal casual", "summarize summarise summary|translate translation", "poem|story|essay|song",
        "list|table", "sunrise|sunset", "birth born|death died die", "vegetarian vegan|meat",
    )
)  # fmt: skip
_SIDES: dict[str, tuple[str, ...]] = {}
for _number, _pair in enumerate(_OPPOSITES):
    for _side, _words in enumerate(_pair):
        for _word in _words:
            _SIDES[_word] = (*_SIDES.get(_word, ()), f"{_number}{'abcdef'[_side]}")
_QUIET = frozenset({"how", "in", "over", "out", "right", "any", "some", "back", "up", "on", "all", "every", "each"})
"""Words of those that are too common to say that much."""

_NAMES = frozenset(
    "january february march april june july august september october november december monday tuesday wednesday"
    " thursday friday saturday sunday english french german spanish italian portuguese dutch russian chinese japanese"
    " korean arabic hindi turkish polish swedish greek latin france germany spain italy portugal netherlands russia"
    " china japan korea india turkey poland sweden greece usa america canada mexico brazil australia england britain"
    " europe africa asia paris london berlin madrid rome tokyo beijing moscow python java javascript typescript rust"
    " golang ruby php kotlin swift sql mysql postgres postgresql sqlite mongodb redis linux windows macos android ios"
    " docker kubernetes git react angular vue numpy pandas excel word powerpoint bitcoin ethereum dollar dollars euro"
    " euros pound yen mercury venus mars jupiter saturn earth moon sun iron copper gold silver lead oxygen hydrogen"
    " nitrogen carbon helium".split()
)
_COMMON_CAPITALS = frozenset({"i", "i'm", "i've", "i'd", "i'll", "ok", "hi", "hello", "please", "thanks"})

_TONGUES = {
    "en": "the is are what how of and to in a an for my do does you i can it which who when where why",
    "de": "der die das ist sind was wie von und zu ein eine für mein ich du kann es wer wann wo warum nicht auf",
    "fr": "le la les est sont que quel quelle comment de du et un une pour mon je tu il qui quand où pourquoi des",
    "es": "el los las es son qué cuál cómo de del y un una para mi yo tú quién cuándo dónde por está cuántos",
    "it": "il lo gli è sono che quale come di del e un una per mio io tu chi quando dove perché della quanti",
    "pt": "o os as é são que qual como de do da e um uma para meu eu você quem quando onde por está quantos",
    "nl": "de het is zijn wat hoe van en te een voor mijn ik je kan wie wanneer waar waarom niet op",
}
_TONGUE_OF = {name: frozenset(words.split()) for name, words in _TONGUES.items()}


def marks(text: str) -> list[str]:
    """In an order that does not depend on the order of the words, but for numbers and names."""
    found: list[str] = []
    sides: set[str] = set()
    words = _WORD.findall(_SEPARATOR.sub("", text))
    begins, lower = True, list[str]()
    for word in words:
        if word in ".!?\n":
            begins = True
            continue
        small = word.lower().replace("’", "'")
        lower.append(small)
        if word[0].isdigit():
            found.append(word)
        elif small in _NUMBERS:
            found.append(_NUMBERS[small])
        elif _is_name(word, small, begins=begins):
            found.append("@" + small.removesuffix("'s"))
        if small in _NEGATIONS or small.endswith("n't"):
            sides.add("not")
        if small not in _QUIET:
            sides.update(_SIDES.get(small, ()))
        begins = False
    found += ["'" + "".join(one) for one in _QUOTED.findall(text)]
    found += _SIGNS.findall(text)
    return [*found, *sorted(sides), _tongue(text, lower)]


def _is_name(word: str, small: str, *, begins: bool) -> bool:
    if small in _NAMES:
        return True
    if small in _COMMON_CAPITALS or len(word) == 1:
        return False
    if any(letter.isupper() for letter in word[1:]):
        return True
    return not begins and word[0].isupper()


def _tongue(text: str, words: Iterable[str]) -> str:
    """The language, by its small words; the script where it is not Latin."""
    for letter in text:
        if letter.isalpha() and ord(letter) > 0x24F:
            return f"#{ord(letter) >> 8}"
    counts = {name: 0 for name in _TONGUE_OF}
    for word in words:
        for name, known in _TONGUE_OF.items():
            counts[name] += word in known
    best = max(counts, key=lambda name: counts[name])
    return f"#{best if counts[best] > counts['en'] else 'en'}"
