"""Tools in chat's words, and the names by which their calls come back."""

from tests.dialects.responses_shapes import called, chat, result


def test_tools_and_their_choice() -> None:
    function = {"type": "function", "name": "f", "description": "d", "parameters": {"z": 1, "a": 2}, "strict": True}
    plain = {"type": "function", "name": "g", "parameters": None, "strict": None}
    grammar = {"type": "grammar", "syntax": "regex", "definition": "a+"}
    custom = {"type": "custom", "name": "c", "format": grammar}
    found = chat(tools=[function, plain, custom], tool_choice={"type": "function", "name": "f"})
    assert found["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": {"z": 1, "a": 2}, "strict": True},
        },
        {"type": "function", "function": {"name": "g"}},
        {
            "type": "custom",
            "custom": {"name": "c", "format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}}},
        },
    ]
    assert found["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert chat(tool_choice="required")["tool_choice"] == "required"
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}
    assert chat(tool_choice=allowed)["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
    }


def test_tools_of_a_namespace_stand_beside_the_others() -> None:
    get = {"type": "function", "name": "get", "parameters": {}}
    long = {"type": "function", "name": "x" * 60}
    found = chat(
        input=[
            {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "late"}]},
            {"role": "user", "content": "Hi"},
            {**called("c1", "get"), "namespace": "crm"},
            result("c1"),
        ],
        tools=[
            {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [get, long]},
            {"type": "function", "name": "get"},
        ],
        tool_choice={"type": "function", "name": "get", "namespace": "crm"},
    )
    names = [tool["function"]["name"] for tool in found["tools"]]
    assert (names[0], names[2:]) == ("crm__get", ["get", "late"])
    assert names[1].startswith("crm__xxx")
    assert len(names[1]) == 64
    assert found["tool_choice"] == {"type": "function", "function": {"name": "crm__get"}}
    assert found["messages"][1]["tool_calls"][0]["function"]["name"] == "crm__get"
