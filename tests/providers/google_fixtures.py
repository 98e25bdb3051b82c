"""What Google answers, whole and streamed, and the targets that the tests of its providers call."""

from typing import Any

from tests.providers.calls import events, target

BASE = "https://generativelanguage.googleapis.com/v1beta"
GEMINI = target("google", "gemini-2.5-flash", BASE)
GEMINI_3 = target("google", "gemini-3-flash-preview", BASE)
ANSWER: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "Let me think.", "thought": True},
                    {"text": "It is "},
                    {"text": "warm.", "thoughtSignature": "c2ln"},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 20,
        "toolUsePromptTokenCount": 5,
        "totalTokenCount": 132,
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
}
CALLS: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"functionCall": {"name": "weather", "args": {"city": "Köln"}}, "thoughtSignature": "c2lnMQ=="},
                    {"functionCall": {"name": "weather", "args": {"city": "Bonn"}, "id": "abc"}},
                ],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2},
}
STREAM: list[dict[str, Any]] = [
    {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Hm. ", "thought": True}]}, "index": 0}],
        "usageMetadata": {"promptTokenCount": 9, "thoughtsTokenCount": 3},
        "modelVersion": "gemini-3",
        "responseId": "r2",
    },
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hé €"}]}, "index": 0}]},
    {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"functionCall": {"name": "weather", "args": {"city": "Köln"}}, "thoughtSignature": "c2lnMQ=="},
                        {"functionCall": {"name": "weather", "args": {"city": "Bonn"}, "id": "two"}},
                    ]
                },
                "index": 0,
            }
        ]
    },
    {
        "candidates": [
            {"content": {"parts": [{"text": "", "thoughtSignature": "c2ln"}]}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 4, "thoughtsTokenCount": 3},
    },
]
WIRE = b": keep-alive\r\n\r\n" + events(*STREAM).replace(b"\n", b"\r\n")
