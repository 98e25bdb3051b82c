"""Bodies of OpenAI's Responses with a text in every place."""

from tests.guard.surfaces.pieces import PNG, SCHEMA, SEALED, TEXT_FILE, Bodies

ASKED: Bodies = {
    ("chat", "responses"): {
        "model": "gpt-5",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Hello"},
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "And this"},
                    {"type": "input_image", "image_url": "https://pictures.test/a b.png", "detail": "auto"},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
                    {"type": "input_file", "filename": "b.txt", "file_data": f"data:text/plain;base64,{TEXT_FILE}"},
                ],
            },
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "so"}],
                "content": [{"type": "reasoning_text", "text": "hm"}],
                "encrypted_content": SEALED,
            },
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
            },
            {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Bonn"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "grey sky"},
            {"type": "custom_tool_call", "call_id": "call_2", "name": "shell", "input": "ls -l"},
            {
                "type": "custom_tool_call_output",
                "call_id": "call_2",
                "output": [{"type": "input_text", "text": "a file"}],
            },
            {
                "type": "local_shell_call",
                "call_id": "call_3",
                "id": "l1",
                "action": {"type": "exec", "command": ["rm", "-r x"], "env": {"HOME": "house of jane"}},
            },
            {"type": "local_shell_call_output", "id": "l1", "output": "gone now"},
            {
                "type": "web_search_call",
                "id": "w1",
                "status": "completed",
                "action": {"type": "search", "query": "grey sky", "sources": [{"type": "url", "url": "https://a b"}]},
            },
            {
                "type": "file_search_call",
                "id": "f1",
                "queries": ["jane doe"],
                "results": [
                    {
                        "file_id": "file_1",
                        "filename": "a b.txt",
                        "text": "found this",
                        "score": 0.5,
                        "attributes": {"by": "jane doe"},
                    }
                ],
            },
            {
                "type": "code_interpreter_call",
                "id": "c1",
                "code": "print(1)",
                "container_id": "cntr_1",
                "outputs": [{"type": "logs", "logs": "1 and more"}],
            },
            {
                "type": "mcp_call",
                "id": "m1",
                "name": "ask",
                "server_label": "s",
                "arguments": '{"q": "why so"}',
                "output": "that is why",
            },
            {"type": "image_generation_call", "id": "i1", "result": PNG, "revised_prompt": "a grey sky"},
        ],
        "tools": [
            {"type": "function", "name": "weather", "description": "how it is", "parameters": SCHEMA, "strict": True},
            {
                "type": "mcp",
                "server_label": "s",
                "server_url": "https://mcp.test/x y",
                "server_description": "asks",
                "headers": {"x-for": "jane doe"},
            },
            {"type": "web_search", "user_location": {"type": "approximate", "city": "Bonn am Rhein"}},
        ],
        "text": {"format": {"type": "json_schema", "name": "a", "description": "b c", "schema": SCHEMA}},
        "prompt": {"id": "pmpt_1", "variables": {"who": "Jane Doe"}},
        "metadata": {"ticket": "about Jane"},
        "safety_identifier": "u 1",
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
    },
}

ANSWERED: Bodies = {
    ("chat", "responses"): {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "status": "completed",
        "model": "gpt-5",
        "instructions": "Be brief.",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [
            {
                "id": "rs_1",
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "so it is"}],
                "content": [{"type": "reasoning_text", "text": "let me see"}],
                "encrypted_content": SEALED,
            },
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {
                        "type": "output_text",
                        "text": "It is grey.",
                        "annotations": [
                            {
                                "type": "url_citation",
                                "title": "a b",
                                "url": "https://a b",
                                "start_index": 0,
                                "end_index": 2,
                            }
                        ],
                        "logprobs": [{"token": "It is", "logprob": -0.1, "bytes": [73], "top_logprobs": []}],
                    },
                    {"type": "refusal", "refusal": "not that"},
                ],
            },
            {
                "id": "fc_1",
                "type": "function_call",
                "call_id": "call_1",
                "name": "weather",
                "status": "completed",
                "arguments": '{"city":"Bonn am Rhein"}',
            },
            {"id": "ctc_1", "type": "custom_tool_call", "call_id": "call_2", "name": "shell", "input": "ls -l"},
            {
                "id": "m1",
                "type": "mcp_call",
                "name": "ask",
                "server_label": "s",
                "arguments": '{"q": "why so"}',
                "output": "that is why",
            },
            {
                "id": "ml1",
                "type": "mcp_list_tools",
                "server_label": "s",
                "tools": [{"name": "ask", "description": "asks it", "input_schema": SCHEMA}],
            },
            {
                "id": "i1",
                "type": "image_generation_call",
                "status": "completed",
                "result": PNG,
                "revised_prompt": "a grey sky",
            },
        ],
        "output_text": "It is grey.",
        "metadata": {"ticket": "about Jane"},
        "usage": {
            "input_tokens": 5,
            "output_tokens": 3,
            "total_tokens": 8,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
        "tools": [],
        "text": {"format": {"type": "text"}},
        "temperature": 1.0,
    },
}
