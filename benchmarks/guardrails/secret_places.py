"""Where keys stand in life: settings, programs, commands, logs and what people write to a model.

Each place is made of a name, such as a service's documentation tells its users to set (SERVICE_API_KEY), and a token.
The words around are drawn, so that no text is like another; `bare` puts a token among words that say nothing of it.
"""

import json
import random
import re
from collections.abc import Callable
from typing import Final


class Around:
    """What else stands in a text."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def word(self) -> str:
        return self.chance.choice(_WORDS)

    def domain(self) -> str:
        return f"{self.word()}.{self.chance.choice(('example.org', 'internal', 'example.com'))}"

    def number(self) -> int:
        return self.chance.randrange(100)

    def sentence(self) -> str:
        return " ".join(self.chance.choices(_WORDS, k=self.chance.randint(5, 10))).capitalize() + "."


Place = Callable[[str, str, Around], str]
"""Of words in small letters ("algolia api key"), a token and a source of other text."""
_KEYS: Final = ("key", "token", "secret", "password", "pat", "credentials", "credential", "auth", "jwt", "webhook")
_NOISE: Final = re.compile(r"\.\d+$|^secrets/|\((.*?)\)")
_TEXT: Final = """
    about after again all also answer app are ask back batch because been before build call can change check
    client cloud come could data day deploy does done each early every file find first for from get give good
    have help here host how image into job just keep know last late less line list local log look make many
    model more most move need never new next node now number of on one only open order other our out over page
    part people plan point pool port print queue read report run same say see send server service set should
    show small some start still stop such take team test than that their them then there they thing this time
    use user very wait was way week well were what when where which while who will with work write year you
"""
_WORDS: Final = tuple(_TEXT.split())
_EMPTY: Final = frozenset(["multi", "prefix", "provisioned", "detected", "generic", "encoded"])


def words(name: str) -> str:
    """What the token is called, from the name of a rule: without numbers, and with what it is at its end."""
    found = [each for each in re.split(r"[^a-z0-9]+", _NOISE.sub("", name.lower())) if each and each not in _EMPTY]
    if not found or found[-1] not in _KEYS:
        found += ["api", "key"]
    return " ".join(found)


def _constant(called: str) -> str:
    return called.replace(" ", "_").upper()


def _snake(called: str) -> str:
    return called.replace(" ", "_")


def _camel(called: str) -> str:
    first, *rest = called.split(" ")
    return first + "".join(map(str.capitalize, rest))


def _header(called: str) -> str:
    return "X-" + "-".join(map(str.capitalize, called.split(" ")))


def _env(called: str, token: str, around: Around) -> str:
    return f"LOG_LEVEL=info\nAPP_HOST={around.domain()}\n{_constant(called)}={token}\nWORKERS={around.number()}\n"


def _export(called: str, token: str, around: Around) -> str:
    return f'$ cd /srv/{around.word()}\n$ export {_constant(called)}="{token}"\n$ make run'


def _json(called: str, token: str, around: Around) -> str:
    return json.dumps({"name": around.word(), _camel(called): token, "retries": around.number()}, indent=2)


def _escaped(called: str, token: str, around: Around) -> str:
    return json.dumps({"body": json.dumps({_snake(called): token, "user": around.word()})})


def _yaml(called: str, token: str, around: Around) -> str:
    return f"service:\n  host: {around.domain()}\n  {_snake(called)}: {token}\n  timeout: {around.number()}\n"


def _compose(called: str, token: str, around: Around) -> str:
    return f"    environment:\n      - TZ={around.word()}\n      - {_constant(called)}={token}\n    restart: always\n"


def _python(called: str, token: str, around: Around) -> str:
    return f"import client\n\n{_constant(called)} = '{token}'\nsession = client.open({around.word()!r})\n"


def _keyword(called: str, token: str, around: Around) -> str:
    return f'api = {called.partition(" ")[0].capitalize()}({_snake(called)}="{token}", user="{around.word()}")'


def _javascript(called: str, token: str, around: Around) -> str:
    return f"const {_camel(called)} = '{token}';\nconst url = '{around.domain()}';"


def _environ(called: str, token: str, around: Around) -> str:
    return f'import os\nos.environ["{_constant(called)}"] = "{token}"\n# {around.sentence()}'


def _toml(called: str, token: str, around: Around) -> str:
    return f'[{around.word()}]\n{called.replace(" ", "-")} = "{token}"\nregion = "{around.word()}"\n'


def _curl(called: str, token: str, around: Around) -> str:
    return f"curl -s https://{around.domain()}/v1/{around.word()} -H '{_header(called)}: {token}' -H 'Accept: */*'"


def _bearer(_called: str, token: str, around: Around) -> str:
    return f'curl https://{around.domain()}/{around.word()} \\\n  -H "Authorization: Bearer {token}"'


def _address(called: str, token: str, around: Around) -> str:
    return f"GET https://{around.domain()}/v2/{around.word()}?limit=10&{_snake(called)}={token}"


def _flag(called: str, token: str, around: Around) -> str:
    return f"$ {around.word()} deploy --{called.replace(' ', '-')} {token} --verbose"


def _log(called: str, token: str, around: Around) -> str:
    begin = f"2026-03-04T05:06:07,{around.number():03} WARN [{around.word()}]"
    return f"{begin} request failed, {_snake(called)}={token}, retry in 3 s"


def _xml(called: str, token: str, around: Around) -> str:
    return f"<config><host>{around.domain()}</host><{_camel(called)}>{token}</{_camel(called)}></config>"


def _said(called: str, token: str, around: Around) -> str:
    return f"Hi, {around.sentence()} My {called} is {token}, why does the call return 401?"


def _asked(called: str, token: str, around: Around) -> str:
    return f"{around.sentence()}\nHere's the {called}: {token}\nCan you write the script?"


PLACES: Final[dict[str, tuple[Place, ...]]] = {
    "settings (.env, export, compose)": (_env, _export, _compose),
    "JSON, YAML, TOML, XML": (_json, _escaped, _yaml, _toml, _xml),
    "programs": (_python, _keyword, _javascript, _environ),
    "commands, headers, addresses, logs": (_curl, _bearer, _address, _flag, _log),
    "sentences": (_said, _asked),
}


def bare(token: str, around: Around) -> str:
    """Nothing but its form can tell what it is."""
    return f"{around.sentence()} {token}\n{around.sentence()}"
