"""Bodies of Google's generateContent and embeddings with a text in every place."""

from tests.guard.surfaces.pieces import PNG, SCHEMA, SEALED, TEXT_FILE, Bodies

_CALL = {"functionCall": {"id": "fc_1", "name": "weather", "args": {"town": "Bonn am Rhein", "card": 4111111111111111}},
         "thoughtSignature": SEALED}  # fmt: skip
ASKED: Bodies = {
    ("chat", "gemini"): {
        "model": "models/gemini-3-flash",
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "systemInstruction": {"role": "system", "parts": [{"text": "No jokes."}]},
        "contents": [
            {"role": "user", "parts": [
                {"text": "See these"},
                {"inlineData": {"mimeType": "image/png", "data": PNG, "displayName": "a b.png"}},
                {"inline_data": {"mime_type": "text/plain", "data": TEXT_FILE}},
                {"fileData": {"mimeType": "video/mp4", "fileUri": "https://a b"}}]},
            {"role": "model", "parts": [{"text": "let me see", "thought": True, "thoughtSignature": SEALED}, _CALL]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "fc_1", "name": "weather", "response": {"output": "grey and wet"}}}]},
            {"role": "model", "parts": [
                {"executableCode": {"language": "PYTHON", "code": "print( 1 )"}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1 and more"}},
                {"text": "Well."}]},
        ],
        "tools": [
            {"functionDeclarations": [
                {"name": "weather", "description": "how it is", "parameters": SCHEMA},
                {"name": "ask", "description": "asks it", "parametersJsonSchema": SCHEMA, "response": SCHEMA}]},
            {"googleSearch": {}, "codeExecution": {}, "urlContext": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "generationConfig": {
            "stopSequences": ["that is all"], "responseMimeType": "application/json", "responseSchema": SCHEMA,
            "temperature": 0.5, "topP": 1, "topK": 3, "maxOutputTokens": 100, "candidateCount": 1,
            "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"},
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}},
        "labels": {"team": "of jane"},
    },
    ("embeddings", "gemini"): {
        "requests": [
            {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "one text"}]}, "title": "a letter",
             "taskType": "RETRIEVAL_DOCUMENT", "outputDimensionality": 8},
            {"model": "models/gemini-embedding-001", "content": {"role": "user", "parts": [{"text": "another"}]}}],
    },
}  # fmt: skip

ANSWERED: Bodies = {
    ("chat", "gemini"): {
        "candidates": [{
            "index": 0,
            "finishReason": "STOP",
            "finishMessage": "it is done",
            "content": {"role": "model", "parts": [
                {"text": "let me see", "thought": True}, {"text": "It is grey.", "thoughtSignature": SEALED}, _CALL,
                {"inlineData": {"mimeType": "image/png", "data": PNG}}]},
            "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW", "blocked": False}],
            "citationMetadata": {"citationSources": [
                {"startIndex": 0, "endIndex": 3, "uri": "https://a b", "license": "mit", "title": "a letter"}]},
            "groundingMetadata": {
                "webSearchQueries": ["grey sky"],
                "searchEntryPoint": {"renderedContent": "<b>a b</b>", "sdkBlob": SEALED},
                "groundingChunks": [{"web": {"uri": "https://a b", "title": "a letter"}}],
                "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 3, "text": "It is"},
                                       "groundingChunkIndices": [0], "confidenceScores": [0.9]}]},
            "avgLogprobs": -0.1,
            "logprobsResult": {
                "chosenCandidates": [{"token": "It is grey.", "logProbability": -0.1, "tokenId": 3}],
                "topCandidates": [{"candidates": [{"token": "That was", "logProbability": -2}]}]},
        }],
        "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "not that"},
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8},
        "modelVersion": "gemini-3-flash",
        "responseId": "r1",
    },
    ("embeddings", "gemini"): {"embeddings": [{"values": [0.25, -0.5]}]},
}  # fmt: skip
