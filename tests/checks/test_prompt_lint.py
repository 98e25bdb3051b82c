"""What rules say of prompts: each rule's fault, and what looks like it and is none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.prompts import RULES, PromptFinding, faulty, lint_prompt
from genaiops.domain import prompt_manifest

SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "schema": {"type": "object", "required": ["answer"], "properties": {"answer": {"type": "string"}}},
    },
}
ONE_SENTENCE = "Answer in one sentence."


def linted(*texts: str, window: int | None = None, roles: tuple[str, ...] = (), **more: Any) -> list[PromptFinding]:
    roles = roles or ("system",) * len(texts)
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
    return list(lint_prompt(prompt_manifest({"messages": messages, **more}), window=window))


def rules(*texts: str, **more: Any) -> set[str]:
    return {one.rule for one in linted(*texts, **more)}


TEXT = {"company": "string"}
QUESTION = {"question": {"type": "string", "max_length": 500}}
LOOP = "<p>\n{{#each passages}}{{this}}{{/each}}\n</p>"
PASSAGES = {"passages": {"type": "list", "max_length": 5}}


@pytest.mark.parametrize(
    ("rule", "texts", "more"),
    [
        ("undeclared-variable", [f"{ONE_SENTENCE} {{{{name}}}}"], {}),
        ("unused-variable", [ONE_SENTENCE], {"variables": TEXT}),
        ("undelimited-input", [f"{ONE_SENTENCE} Question: {{{{question}}}}"], {"variables": QUESTION}),
        ("untrusted-in-system", [f"{ONE_SENTENCE} <q>{{{{question}}}}</q>"], {"variables": QUESTION}),
        ("unbounded-input", [f"{ONE_SENTENCE} <q>{{{{question}}}}</q>"], {"variables": {"question": "string"}}),
        ("no-output-format", ["You help customers."], {}),
        ("contradictory-format", ["Answer in JSON. Present the result as a table."], {}),
        ("contradictory-format", ["Answer in Markdown."], {"response_format": SCHEMA}),
        ("contradictory-length", ["Be brief. Explain in detail."], {}),
        ("contradictory-length", ["Write at least 200 words, and at most 100 words."], {}),
        ("contradictory-length", ["Write at least 200 words."], {"parameters": {"max_tokens": 100}}),
        ("json-unsaid", [ONE_SENTENCE], {"response_format": {"type": "json_object"}}),
        ("example-schema", ['Like this:\n```json\n{"anser": "x"}\n```'], {"response_format": SCHEMA}),
        ("no-way-out", [f"{ONE_SENTENCE}\n{LOOP}"], {"variables": PASSAGES}),
        ("secret", [f"{ONE_SENTENCE} Use ghp_16C7e42F292c6912E7710c838347Ae178B4a1x."], {}),
        ("personal-data", [f"{ONE_SENTENCE} Write to ann.smith@acme-corp.com."], {}),
        ("left-over", [f"{ONE_SENTENCE} TODO: the tone."], {}),
        ("left-over", [f"{ONE_SENTENCE} You are of [your company]."], {}),
        ("foreign-placeholder", [f"{ONE_SENTENCE} You are of {{company}}."], {}),
        ("foreign-placeholder", [f"{ONE_SENTENCE} You are of ${{company}}."], {}),
        ("vague-word", [f"{ONE_SENTENCE} Name prices, dates, etc."], {}),
        ("repeated-line", ["Answer in one short sentence.\nBe kind.\nAnswer in one short sentence."], {}),
        ("empty-message", [ONE_SENTENCE, ""], {}),
        ("late-system", ["Hello", ONE_SENTENCE], {"roles": ("user", "system")}),
        ("too-long", [f"{ONE_SENTENCE} word " * 200], {"window": 600}),
        ("long", [f"{ONE_SENTENCE} " + "word " * 400], {"window": 800}),
    ],
)  # fmt: skip
def test_each_fault_is_found(rule: str, texts: list[str], more: dict[str, Any]) -> None:
    assert rule in rules(*texts, **more)


@pytest.mark.parametrize(
    ("rule", "texts", "more"),
    [
        ("undelimited-input", [ONE_SENTENCE, "{{question}}"], {"variables": QUESTION, "roles": ("system", "user")}),
        ("undelimited-input", [f'{ONE_SENTENCE} The question is "{{{{question}}}}".'], {"variables": QUESTION}),
        ("undelimited-input", [f"{ONE_SENTENCE}\n```\n{{{{question}}}}\n```"], {"variables": QUESTION}),
        ("untrusted-in-system", [f"{ONE_SENTENCE} You are of {{{{company}}}}."], {"variables": TEXT}),
        ("unused-variable", [f"{ONE_SENTENCE} {{{{#if company}}}}Be formal.{{{{/if}}}}"], {"variables": TEXT}),
        ("undeclared-variable", [f"{ONE_SENTENCE} \\{{{{name}}}}"], {}),
        ("contradictory-format", ["Answer in JSON, not in Markdown."], {}),
        ("example-schema", ['Like this:\n```json\n{"answer": "x"}\n```'], {"response_format": SCHEMA}),
        ("foreign-placeholder", ['Answer with JSON: {"name": "..."}, one line.'], {}),
        ("no-way-out", [f"If they do not say it, say so.\n{LOOP}"], {"variables": PASSAGES}),
        ("no-output-format", ["You help customers."], {"response_format": SCHEMA}),
        ("too-long", [ONE_SENTENCE], {"window": 8192}),
        ("left-over", ["Answer with a list of todos, one line each."], {}),
    ],
)  # fmt: skip
def test_what_is_no_fault(rule: str, texts: list[str], more: dict[str, Any]) -> None:
    assert rule not in rules(*texts, **more)


def test_a_finding_tells_place_and_line_and_no_secret() -> None:
    secret = "ghp_16C7e42F292c6912E7710c838347Ae178B4a1x"
    found = linted("Answer in one sentence.", f"First.\nThe key is {secret}.", roles=("system", "user"))
    [one] = [each for each in found if each.rule == "secret"]
    assert (one.place, one.line, one.severity) == ("messages[1].content", 2, "error")
    assert all(secret not in str(each) for each in found)
    assert all(each.why == RULES[each.rule].why and each.remedy for each in found)
    assert faulty(found)
    assert not faulty(linted("Answer in one sentence."), strict=True)
    assert [each.severity for each in found] == sorted(
        (each.severity for each in found), key="error warning note".index
    )


@given(st.text(max_size=300), st.sampled_from(["system", "user", "assistant"]))
def test_no_text_breaks_it(text: str, role: str) -> None:
    from genaiops.domain import PromptManifest, PromptMessage  # what prompt_manifest refuses is checked as well

    manifest = PromptManifest(messages=(PromptMessage(role=role, content=text),))  # pyright: ignore[reportArgumentType]
    for one in lint_prompt(manifest, window=100):
        assert one.rule in RULES
        assert one.line is None or 1 <= one.line <= text.count("\n") + 1
