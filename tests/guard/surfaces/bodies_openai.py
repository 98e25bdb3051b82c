"""Bodies of OpenAI's chat, completions and embeddings with a text in every place."""

from tests.guard.surfaces.pieces import PNG, SCHEMA, SEALED, TEXT_FILE, TOOL, Bodies

ASKED: Bodies = {
    ("chat", "openai"): {
        "model": "openai/gpt-4o",
        "messages": [
            {"role": "system", "content": "Be brief.", "name": "house"},
            {"role": "developer", "content": [{"type": "text", "text": "No jokes."}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look at this", "cache_control": {"type": "ephemeral"}},
                    {"type": "image_url", "image_url": {"url": "https://pictures.test/jane doe.png", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                    {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
                    {"type": "file", "file": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{TEXT_FILE}"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "refusal": "no",
                "reasoning_content": "hm",
                "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": SEALED}],
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city": "Bonn", "card": 4111111111111111}'},
                    },
                    {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}},
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": '{"sky": "gr\\u00fcn"}'},
            {"role": "assistant", "content": "Grey.", "audio": {"id": "audio_1"}},
        ],
        "tools": [TOOL, {"type": "custom", "custom": {"name": "shell", "description": "runs"}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "description": "b", "schema": SCHEMA}},
        "stop": ["END", "that is all"],
        "prediction": {"type": "content", "content": "It is grey."},
        "metadata": {"ticket": "about Jane", "for jane": "x"},
        "user": "user-17",
        "prompt_cache_key": "k17",
        "logit_bias": {"1734": -100},
        "web_search_options": {"user_location": {"type": "approximate", "approximate": {"city": "Bonn"}}},
        "genaiops": {"session": "s1", "variables": {"who": "Jane"}},
        "field_of_tomorrow": {"deep": [{"inside": "text"}]},
        "temperature": 0.5,
        "stream": True,
    },
    ("text_completion", "openai"): {
        "model": "m",
        "prompt": ["Once upon", "a time"],
        "suffix": "the end",
        "stop": "END",
        "user": "u",
        "max_tokens": 4,
    },
    ("embeddings", "openai"): {"model": "m", "input": ["one", "two"], "encoding_format": "float", "user": "u"},
}

ANSWERED: Bodies = {
    ("chat", "openai"): {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4o",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "content": "It is grey.",
                    "refusal": None,
                    "reasoning_content": "let me see",
                    "reasoning_details": [{"type": "reasoning.text", "text": "let me see", "index": 0}],
                    "thinking_blocks": [{"type": "thinking", "thinking": "let me see", "signature": SEALED}],
                    "annotations": [
                        {
                            "type": "url_citation",
                            "url_citation": {"title": "a b", "url": "https://a b", "start_index": 0, "end_index": 2},
                        }
                    ],
                    "audio": {"id": "audio_1", "data": PNG, "transcript": "it is grey", "expires_at": 1},
                },
                "logprobs": {
                    "content": [
                        {
                            "token": "It is",
                            "logprob": -0.1,
                            "bytes": [73],
                            "top_logprobs": [{"token": "That is", "logprob": -2, "bytes": None}],
                        },
                        {"token": " grey.", "logprob": -0.1, "bytes": None, "top_logprobs": []},
                    ],
                    "refusal": None,
                },
            },
            {
                "index": 1,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": None,
                    "refusal": "not that",
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"city": "Bonn am Rhein"}'},
                        },
                        {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}},
                        {"id": "call_3", "type": "function", "function": {"name": "weather", "arguments": "not json"}},
                    ],
                },
            },
        ],
        "citations": ["https://a b"],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 3,
            "total_tokens": 8,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
        "system_fingerprint": "fp_1",
        "service_tier": "default",
    },
    ("text_completion", "openai"): {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1700000000,
        "model": "m",
        "choices": [
            {
                "text": "there was",
                "index": 0,
                "finish_reason": "length",
                "logprobs": {
                    "tokens": ["there", " was"],
                    "token_logprobs": [-1, -2],
                    "text_offset": [0, 5],
                    "top_logprobs": [{"once upon": -3}, None],
                },
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    },
    ("embeddings", "openai"): {
        "object": "list",
        "model": "m",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.25, -0.5]},
            {"object": "embedding", "index": 1, "embedding": SEALED},
        ],
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    },
}
