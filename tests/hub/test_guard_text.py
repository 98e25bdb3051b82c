"""Guard policies as texts: what is wrong, and on which line."""

import json
import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.written import toml_lines
from genaiops.core.errors import UsageError
from genaiops.domain import GuardPolicy
from genaiops.hub import read_guard
from genaiops.hub._guards import default_text

TOML = """\
# Comments with [brackets] and "quotes.
description = \"\"\"
[[rules]]
id = "not a rule"
\"\"\"

[[rules]]
id = "secrets"
detector = "secret"
kinds = [
  "openai",  # a comment, with a ]
  "aws",
]
[[rules]]
id = "pii"
detector = "pii"
action = "redact"
options = { words = ["a", "b"] }
[rules.options2]
[tools]
denied = ["rm"]
[tools.schemas."shell.run"]
type = "object"
"""


def faults(text: str, form: Any = None) -> list[tuple[int | None, str]]:
    read = read_guard(text, form)
    assert (read.policy is None) == bool(read.faults)
    return [(fault.line, fault.path) for fault in read.faults]


def test_the_default_is_a_policy() -> None:
    policy = read_guard(default_text()).checked()
    assert [rule.id for rule in policy.rules] == [
        *("secrets", "invisible", "personal-data", "fetching-markup", "injection", "toxicity"),
    ]
    assert policy.longest == 2_000_000
    assert {rule.id: rule.action for rule in policy.rules if rule.action != "flag"} == {
        "secrets": "redact",
        "invisible": "redact",
    }


def test_the_three_forms_say_the_same() -> None:
    document = tomllib.loads(default_text())
    policies = [
        read_guard(default_text(), "toml"),
        read_guard(json.dumps(document, indent=2), "json"),
        read_guard(yaml.safe_dump(document), "yaml"),
        read_guard(json.dumps(document, indent="\t")),
        read_guard(yaml.safe_dump(document)),
    ]
    assert len({repr(read.policy) for read in policies}) == 1
    assert policies[0].policy is not None


def test_lines_of_toml() -> None:
    lines = toml_lines(TOML)
    assert lines["description"] == 2
    assert lines["rules[0]"] == 7
    assert lines["rules[0].kinds[0]"] == 11
    assert lines["rules[0].kinds[1]"] == 12
    assert lines["rules[1].action"] == 17
    assert lines["rules[1].options2"] == 19
    assert lines["tools.schemas.shell.run"] == 22


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("longest = \n", [(1, "")]),
        ('a = 1\nb = "\n', [(2, "")]),
        (TOML, [(19, "rules[1].options2")]),
        ('[[rules]]\nid = "a"\n', [(1, "rules[0]")]),
        (
            '[[rules]]\nid = "a"\ndetector = "pi"\n\n[[rules]]\nid = "B"\ndetector="pii"\n',
            [(3, "rules[0].detector"), (6, "rules[1].id")],
        ),
        ('[[rules]]\nid="a"\ndetector="pii"\n[[rules]]\nid="a"\ndetector="pii"\n', [(5, "rules[1].id")]),
        ('[[rules]]\nid="a"\ndetector="pii"\naction="block"\nwhen="after"', [(4, "rules[0].action")]),
        ('[[rules]]\nid="a"\ndetector="pii"\nreversible=true', [(4, "rules[0].reversible")]),
        ('[[rules]]\nid="a"\ndetector="pii"\nkinds=[\n"x",\n" ",\n]', [(6, "rules[0].kinds[1]")]),
        ('[tools]\ncost = "a lot"', [(2, "tools.cost")]),
        ('[tools.schemas.run]\ntype = "objekt"', [(1, "tools.schemas.run")]),
        ('rules = [\n  {id = "a", detector = "pii"},\n  {id = "b"},\n]', [(3, "rules[1]")]),
        ("rules: []\nlongest: 0\n", [(2, "longest")]),
        ("rules:\n  - id: a\n    detector: pii\n    tresshold: 1\n", [(4, "rules[0].tresshold")]),
        ("rules:\n  - id: a\n   detector: pii\n", [(3, "")]),
        ("spotlight: off\n", [(1, "spotlight")]),
        ("longest: 1\nlongest: 2\n", [(2, "longest")]),
        ("a: &a [1]\nb: [*a, *a]\n", [(1, "a")]),
        ("rules: {}\n", [(1, "rules")]),
        ("- 1\n", [(1, "")]),
        ('{\n\t"longest": "x"\n}', [(2, "longest")]),
        ('{\n"longest": 1,\n}', [(3, "")]),
        ("{" * 5000, [(1, "")]),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_line(text: str, expected: list[tuple[int | None, str]]) -> None:
    assert faults(text) == expected


def test_a_remedy_names_what_may_stand_there() -> None:
    (fault,) = read_guard('[[rules]]\nid = "a"\ndetector = "secret"\naction = "redakt"\n').faults
    assert "redact" in fault.remedy
    (fault,) = read_guard('[[rules]]\nid = "a"\ndetector = "secret"\nacton = "redact"\n').faults
    assert fault.remedy == "Did you mean 'action'?"


def test_every_fault_is_in_the_refusal() -> None:
    with pytest.raises(UsageError) as caught:
        read_guard('[[rules]]\nid = "a"\ndetector = "pi"\n[[rules]]\nid = "b"\n', "toml").checked()
    assert "line 3: rules[0].detector" in caught.value.message
    assert "line 4: rules[1]: Object missing required field `detector`" in caught.value.message
    assert (caught.value.code, caught.value.param) == ("guard_invalid", "rules[0].detector")


@given(st.text(max_size=200) | st.from_regex(r"(\[\[?rules\]?\]|[a-z]+ = [\[{\"'0-9]*|#.*|\n){0,20}", fullmatch=True))
def test_any_text_is_a_policy_or_has_faults(text: str) -> None:
    for form in (None, "toml", "yaml", "json"):
        read = read_guard(text, form)
        assert (read.policy is None) == bool(read.faults)
        for fault in read.faults:
            assert fault.line is None or 1 <= fault.line <= text.count("\n") + 2


_NAMES = st.text("abcdefghij-_.\"' ", min_size=1, max_size=6)
_VALUES = st.sampled_from(
    ['"x"', '"""a\n[b]\n= # " \n"""', "'''\n[[rules]]\n'''", "1", "[\n1, # ]\n2\n]", '{ a = "}" }']
)


@given(st.lists(st.tuples(st.lists(_NAMES, min_size=1, max_size=8, unique=True), st.data()), max_size=5))
def test_a_key_is_found_on_its_line(tables: list[tuple[list[str], Any]]) -> None:
    """Texts made line by line, with where each key was written noted by the way."""
    lines: list[str] = []
    expected: dict[str, int] = {}
    for number, (names, data) in enumerate(tables):
        lines.append(data.draw(st.sampled_from(["[[ rules ]]", "[[rules]] # [x]"])))
        expected[f"rules[{number}]"] = len(lines)
        for name in names:
            lines.append(f"{json.dumps(name)}\t= {data.draw(_VALUES)}".replace("\\u", "u"))
            expected[f"rules[{number}].{_unquoted(name)}"] = "\n".join(lines[:-1]).count("\n") + 2
            lines = "\n".join(lines).split("\n")
            lines += data.draw(st.lists(st.sampled_from(["", "# x = [", "  "]), max_size=2))
    text = "\n".join(lines)
    tomllib.loads(text)
    found = toml_lines(text)
    assert {path: found.get(path) for path in expected} == expected


def _unquoted(name: str) -> str:
    return json.dumps(name)[1:-1]


def test_a_policy_without_anything_is_one() -> None:
    assert read_guard("", "toml").checked() == GuardPolicy()
