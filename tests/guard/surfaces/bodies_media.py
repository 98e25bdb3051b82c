"""Bodies of operations beside chat with a text in every place."""

from tests.guard.surfaces.pieces import PNG, Bodies

ASKED: Bodies = {
    ("rerank", "openai"): {
        "model": "r", "query": "why so", "documents": ["one text", {"text": "another one"}], "return_documents": True},
    ("moderations", "openai"): {
        "model": "omni-moderation-latest",
        "input": [{"type": "text", "text": "one text"}, {"type": "image_url", "image_url": {"url": "https://a b"}}]},
    ("image_generation", "openai"): {
        "model": "gpt-image-1", "prompt": "a grey sky", "size": "1024x1024", "n": 1, "user": "u 1", "quality": "low"},
    ("speech", "openai"): {
        "model": "tts", "input": "It is grey.", "voice": "alloy", "instructions": "say it low", "speed": 1.0,
        "response_format": "mp3"},
    ("video_generation", "openai"): {
        "model": "sora-2", "prompt": "a grey sky", "seconds": "4", "size": "720x1280",
        "input_reference": {"image_url": f"data:image/png;base64,{PNG}"}},
}  # fmt: skip

ANSWERED: Bodies = {
    ("rerank", "openai"): {
        "id": "rr_1", "model": "r", "usage": {"total_tokens": 8},
        "results": [{"index": 0, "relevance_score": 0.9, "document": {"text": "one text"}}]},
    ("moderations", "openai"): {
        "id": "modr_1", "model": "omni-moderation-latest",
        "results": [{"flagged": False, "categories": {"hate": False, "self-harm/intent": False},
                     "category_scores": {"hate": 0.1}, "category_applied_input_types": {"hate": ["text"]}}]},
    ("image_generation", "openai"): {
        "created": 1700000000, "data": [{"b64_json": PNG, "revised_prompt": "a grey sky"}, {"url": "https://a b"}],
        "usage": {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}},
    ("transcription", "openai"): {
        "text": "It is grey.", "task": "transcribe", "language": "english", "duration": 2.5,
        "words": [{"word": "It is", "start": 0, "end": 1}],
        "segments": [{"id": 0, "text": "It is grey.", "tokens": [1, 2], "start": 0, "end": 2.5, "seek": 0,
                      "speaker": "jane doe", "avg_logprob": -0.1}],
        "logprobs": [{"token": "It is grey.", "logprob": -0.1, "bytes": [73]}],
        "usage": {"type": "duration", "seconds": 3}},
    ("video_generation", "openai"): {
        "id": "video_1", "object": "video", "model": "sora-2", "status": "failed", "progress": 0, "size": "720x1280",
        "prompt": "a grey sky", "error": {"code": "moderation", "message": "not that"}},
    ("video_job", "openai"): {
        "object": "list", "has_more": False,
        "data": [{"id": "video_1", "object": "video", "prompt": "a grey sky"}]},
}  # fmt: skip
