"""Bodies of Anthropic's Messages with a text in every place."""

from tests.guard.surfaces.pieces import PNG, SCHEMA, SEALED, Bodies

ASKED: Bodies = {
    ("chat", "messages"): {
        "model": "claude-sonnet-5",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": "Hello"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "See these"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                    {"type": "image", "source": {"type": "url", "url": "https://pictures.test/a b.png"}},
                    {
                        "type": "document",
                        "title": "a letter",
                        "context": "from Jane",
                        "source": {"type": "text", "media_type": "text/plain", "data": "DearAll" * 20},
                        "citations": {"enabled": True},
                    },
                    {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "c d"}]}},
                    {
                        "type": "search_result",
                        "title": "t u",
                        "source": "https://a b",
                        "content": [{"type": "text", "text": "found this"}],
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "let me see", "signature": SEALED},
                    {"type": "redacted_thinking", "data": SEALED},
                    {
                        "type": "text",
                        "text": "Well",
                        "citations": [
                            {
                                "type": "char_location",
                                "cited_text": "Dear All",
                                "document_title": "a letter",
                                "document_index": 0,
                                "start_char_index": 0,
                                "end_char_index": 8,
                            }
                        ],
                    },
                    {
                        "type": "tool_use",
                        "id": "toolu_1",
                        "name": "weather",
                        "input": {"city": "Bonn", "for whom": ["Jane Doe"], "card": 4111111111111111},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "is_error": False,
                        "content": [{"type": "text", "text": "grey sky"}],
                    },
                    {"type": "tool_result", "tool_use_id": "toolu_2", "content": "no such tool"},
                ],
            },
        ],
        "tools": [
            {
                "name": "weather",
                "description": "how it is",
                "input_schema": SCHEMA,
                "input_examples": [{"city": "Bonn am Rhein"}],
            },
            {"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a b"], "max_uses": 2},
        ],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
        "mcp_servers": [{"type": "url", "url": "https://mcp.test/x y", "name": "s", "authorization_token": "t u"}],
        "metadata": {"user_id": "u 1"},
        "stop_sequences": ["that is all"],
        "service_tier": "auto",
    },
}

ANSWERED: Bodies = {
    ("chat", "messages"): {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": [
            {"type": "thinking", "thinking": "let me see", "signature": SEALED},
            {
                "type": "text",
                "text": "It is grey.",
                "citations": [
                    {
                        "type": "web_search_result_location",
                        "url": "https://a b",
                        "title": "a b",
                        "cited_text": "c d",
                        "encrypted_index": SEALED,
                    }
                ],
            },
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bonn am Rhein"}},
            {
                "type": "web_search_tool_result",
                "tool_use_id": "srvtoolu_1",
                "content": [
                    {
                        "type": "web_search_result",
                        "url": "https://a b",
                        "title": "a b",
                        "encrypted_content": SEALED,
                        "page_age": "two days",
                    }
                ],
            },
            {
                "type": "bash_code_execution_tool_result",
                "tool_use_id": "srvtoolu_2",
                "content": {
                    "type": "bash_code_execution_result",
                    "stdout": "one two",
                    "stderr": "three four",
                    "return_code": 0,
                    "content": [],
                },
            },
        ],
        "stop_reason": "stop_sequence",
        "stop_sequence": "that is all",
        "usage": {"input_tokens": 5, "output_tokens": 3, "service_tier": "standard"},
    },
}
