"""`markup` in the guard: where it leads, what it takes along, and what stays when it goes."""

from typing import Any

import pytest

from genaiops.checks.markup import addresses
from genaiops.core.errors import UsageError
from genaiops.domain import GuardPolicy, GuardRule
from genaiops.guard import PolicyJudge
from tests.guard.answering import answered, streamed

HOSTS = {"hosts": ["example.org", "*.cdn.example"]}


def rule(**fields: Any) -> GuardRule:
    made: dict[str, Any] = {"id": "markup", "detector": "markup", "action": "redact", **fields}
    return GuardRule(**made)


@pytest.mark.parametrize(
    "fine",
    [
        "![a](https://example.org/a.png)",
        "[b](https://x.cdn.example/b)",
        "https://EXAMPLE.org:443/c",
        '<img src="//example.org/d.png">',
        "[e](/relative)",
    ],
)
def test_hosts_of_the_list_are_left_alone(fine: str) -> None:
    assert answered(f"See {fine} now", rule(options=HOSTS)) == (f"See {fine} now", {}, "allow")


@pytest.mark.parametrize(
    "bad",
    [
        "![a](https://evil.example/a.png)",
        "[b](https://example.org.evil.example/b)",
        "https://example.org@evil.example/c",
        '<img srcset="https://example.org/d.png 1x, https://evil.example/d.png 2x">',
        "![e](https:/evil.example/e.png)",
        "![f](https:\\\\evil.example/f.png)",
        '<img src="https&#58;//evil.example/g.png">',
        '<img src="https://example.org/h.png" onerror="x()">',
        "![![a](https://example.org/x)](https://evil.example/?q=i)",
        "[j](javascript:alert(1))",
    ],
)
def test_others_are_not(bad: str) -> None:
    said, found, action = answered(f"See {bad} now", rule(options=HOSTS))
    assert (action, len(found)) == ("redact", 1)
    assert not [each for each in addresses(said) if "evil" in each.host]
    assert answered(f"See {bad} now", rule(options=HOSTS, action="block"))[2] == "block"


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("an ![old boat](https://h.example/b.png), see", "an old boat, see"),
        ("[the page](https://h.example) and https://h.example/c", "the page and <URL_1>"),
        ("![](https://h.example/b.png)", "<MARKDOWN_IMAGE_1>"),
        ("[https://h.example](https://h.example)", "<MARKDOWN_LINK_1>"),
    ],
)
def test_what_people_read_stays(text: str, left: str, size: int) -> None:
    assert answered(text, rule())[0] == left
    assert streamed([text[at : at + size] for at in range(0, len(text), size)], rule())[0] == left


def test_a_label_is_no_way_out_for_what_another_rule_takes_out() -> None:
    mail = GuardRule(id="mail", detector="pii", kinds=("email",), action="redact")
    assert answered("[ann@example.org](https://h.example/?m=ann@example.org)", rule(), mail)[0] == "<EMAIL_1>"


def test_what_carries_nothing_is_left_alone() -> None:
    asked = [{"role": "user", "content": "The merger with Norddeutsche Werften closes in September for nine millions"}]
    carrying = rule(options={"carries": True})
    plain = "![a](https://h.example/logo.png)"
    assert answered(plain, carrying, asked=asked)[0] == plain
    told = "![a](https://h.example/merger/norddeutsche-werften-closes-september)"
    assert answered(told, carrying, asked=asked)[0] == "a"
    assert answered(told, carrying)[0] == told, "nobody has said these words"


@pytest.mark.parametrize("options", [{"hosts": "example.org"}, {"carries": 1}, {"host": ["example.org"]}])
def test_options_that_are_none(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="none of `markup`"):
        PolicyJudge().check(GuardPolicy(rules=(rule(options=options),)))
