"""Bodies of Cohere's chat, embed and rerank with a text in every place."""

from tests.guard.surfaces.pieces import PNG, SCHEMA, TOOL, Bodies

ASKED: Bodies = {
    ("chat", "cohere"): {
        "model": "command-a-03-2025",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "See this"},
                    {"type": "image_url", "image_url": {"url": "https://pictures.test/a b.png", "detail": "auto"}},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                ],
            },
            {
                "role": "assistant",
                "tool_plan": "I will look it up.",
                "content": [{"type": "thinking", "thinking": "let me see"}, {"type": "text", "text": "Well."}],
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"town": "Bonn am Rhein"}'},
                    }
                ],
                "citations": [
                    {
                        "start": 0,
                        "end": 4,
                        "text": "Well then",
                        "type": "TEXT_CONTENT",
                        "sources": [
                            {"type": "document", "id": "doc:1", "document": {"title": "a letter"}},
                            {"type": "tool", "id": "t:1", "tool_output": {"sky": "light grey"}},
                        ],
                    }
                ],
            },
            {
                "role": "tool",
                "tool_call_id": "call_1",
                "content": [
                    {"type": "document", "document": {"id": "doc_1", "data": {"sky": "grey and wet"}}},
                    {"type": "text", "text": "more of it"},
                ],
            },
        ],
        "documents": ["a plain one", {"id": "doc_2", "data": {"title": "a letter", "card": 4111111111111111}}],
        "tools": [TOOL],
        "tool_choice": "REQUIRED",
        "citation_options": {"mode": "accurate"},
        "response_format": {"type": "json_object", "json_schema": SCHEMA},
        "safety_mode": "CONTEXTUAL",
        "stop_sequences": ["that is all"],
        "thinking": {"type": "enabled", "token_budget": 100},
        "p": 0.5,
        "k": 3,
        "stream": False,
    },
    ("embeddings", "cohere"): {
        "model": "embed-v4.0",
        "texts": ["one text", "another one"],
        "images": [f"data:image/png;base64,{PNG}"],
        "inputs": [{"content": [{"type": "text", "text": "a third"}]}],
        "input_type": "search_document",
        "embedding_types": ["float"],
        "truncate": "END",
    },
    ("rerank", "cohere"): {
        "model": "rerank-v3.5",
        "query": "why so",
        "documents": ["one text", {"text": "another one", "title": "a letter"}],
        "top_n": 2,
        "max_tokens_per_doc": 400,
    },
}

ANSWERED: Bodies = {
    ("chat", "cohere"): {
        "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
        "finish_reason": "TOOL_CALL",
        "message": ASKED["chat", "cohere"]["messages"][2],
        "logprobs": [{"text": "Well.", "token_ids": [1, 2], "logprobs": [-0.1, -0.2]}],
        "usage": {"billed_units": {"input_tokens": 5, "output_tokens": 3}, "tokens": {"input_tokens": 5}},
    },
    ("embeddings", "cohere"): {
        "id": "da6e531f",
        "response_type": "embeddings_by_type",
        "embeddings": {"float": [[0.25, -0.5]], "int8": [[1, 2]]},
        "texts": ["one text"],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 2}, "warnings": ["too long"]},
    },
    ("rerank", "cohere"): {
        "id": "rr_1",
        "results": [{"index": 0, "relevance_score": 0.9, "document": {"text": "one text"}}],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    },
}
