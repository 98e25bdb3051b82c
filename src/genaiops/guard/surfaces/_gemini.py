"""Google's generateContent and embedContent: requests, answers, chunks of streams (Gemini API reference).

Its servers take names of fields in both manners, `inlineData` and `inline_data`: so do these.
"""

import re
from typing import Any

from genaiops.guard.surfaces._chat import GENAIOPS, USAGE, word
from genaiops.guard.surfaces._grammar import (
    AMOUNTS,
    FREE,
    MODEL,
    NAME,
    SCHEMA,
    TEXT,
    UNIT,
    Calls,
    Enter,
    Node,
    Provenance,
    Rule,
    extend,
    node,
    reachable,
    text,
)

_ROLES: dict[Any, Provenance] = {
    None: "user",
    "": "user",
    "user": "user",
    "model": "assistant",
    "function": "tool_result",
    "system": "system",
}


def _part(_: Calls, part: dict[str, Any], provenance: Provenance, tool: str) -> tuple[Provenance, str]:
    return ("reasoning" if part.get("thought") is True else provenance), tool


def _called(_: Calls, call: dict[str, Any], __: Provenance, ___: str) -> tuple[Provenance, str]:
    return "tool_arguments", word(call.get("name"))


def _result(_: Calls, result: dict[str, Any], __: Provenance, ___: str) -> tuple[Provenance, str]:
    return "tool_result", word(result.get("name"))


def _content(own: Provenance | None) -> Enter:
    """`own`: of all contents (an answer's, a system instruction's); None: it depends on the role."""

    def enter(_: Calls, content: dict[str, Any], __: Provenance, tool: str) -> tuple[Provenance, str]:
        role: Any = content.get("role")
        known = role is None or isinstance(role, str)
        return own or (_ROLES.get(role, "other") if known else "other"), tool

    return enter


_TYPE = Rule(MODEL, FREE)
_BLOB = node(said="displayName", media="data", mimeType=_TYPE)
_FILE = node(mimeType=_TYPE, said="displayName", links="fileUri")
PART = node(enter=_part, sealed="thoughtSignature")
extend(
    PART,
    text=Rule(TEXT, FREE),
    inlineData=_BLOB,
    fileData=_FILE,
    functionCall=node("id name", enter=_called, unit=True, args=UNIT, partialArgs=UNIT),
    functionResponse=node(
        "id name scheduling",
        enter=_result,
        unit=True,
        response=UNIT,
        parts=Rule(TEXT, node(inlineData=_BLOB, fileData=_FILE)),
    ),
    executableCode=Rule(TEXT, node("language id", said="code"), "tool_arguments"),
    codeExecutionResult=Rule(TEXT, node("outcome id", said="output"), "tool_result"),
    toolCall=node("id toolType name", enter=_called, unit=True, args=UNIT),
    toolResponse=node("id toolType name", enter=_result, unit=True, response=UNIT),
    videoMetadata=node("startOffset endOffset"),
    mediaResolution=Rule(NAME, node("level")),
    partMetadata=FREE,
)


def content(own: Provenance | None, *, run: bool = False) -> Node:
    return node("role", enter=_content(own), run=run, unit=True, parts=Rule(TEXT, PART))


_DECLARED = node(
    "name behavior",
    said="description",
    parameters=SCHEMA,
    parametersJsonSchema=SCHEMA,
    response=SCHEMA,
    responseJsonSchema=SCHEMA,
)
_TOOL = node(
    unit=True,
    functionDeclarations=_DECLARED,
    googleSearch=FREE,
    googleSearchRetrieval=FREE,
    codeExecution=FREE,
    urlContext=FREE,
    googleMaps=FREE,
    computerUse=FREE,
    fileSearch=FREE,
    mcpServers=FREE,
)
_VOICE = node(
    "languageCode",
    voiceConfig=node(prebuiltVoiceConfig=node("voiceName")),
)
_CONFIG = node(
    "responseModalities mediaResolution",
    responseMimeType=_TYPE,
    stopSequences=Rule(TEXT, FREE, "other"),
    responseSchema=Rule(TEXT, SCHEMA, "tool_definition"),
    responseJsonSchema=Rule(TEXT, SCHEMA, "tool_definition"),
    speechConfig=_VOICE,
    thinkingConfig=node("thinkingLevel"),
    imageConfig=node("aspectRatio imageSize"),
)
_SAFETY = node("category threshold method probability severity")
REQUEST = node(
    "cachedContent taskType serviceTier",
    model=Rule(MODEL, FREE),
    contents=Rule(TEXT, content(None, run=True), "user"),
    systemInstruction=Rule(TEXT, content("system"), "system"),
    tools=Rule(TEXT, _TOOL, "tool_definition"),
    toolConfig=node(
        functionCallingConfig=node("mode allowedFunctionNames"), retrievalConfig=node("languageCode", latLng=FREE)
    ),
    generationConfig=_CONFIG,
    safetySettings=_SAFETY,
    labels=FREE,
    content=Rule(TEXT, content("user"), "user"),
    title=text("user"),
    embedContentConfig=node("taskType", title=text("user")),
    genaiops=GENAIOPS,
)
extend(REQUEST, requests=Rule(TEXT, REQUEST), generateContentRequest=Rule(TEXT, REQUEST))
"""Of chat, of embeddings one by one and in batches, and of the question how many tokens a prompt has."""

_WEB = node("domain placeId", said="title text", links="uri")
_GROUNDS = node(
    said="webSearchQueries retrievalQueries imageSearchQueries",
    searchEntryPoint=node(sealed="sdkBlob", said="renderedContent"),
    groundingChunks=Rule(TEXT, node(web=_WEB, retrievedContext=_WEB, maps=_WEB, image=_WEB), "retrieved"),
    groundingSupports=node(segment=node(text=text("model_output"))),
    retrievalMetadata=AMOUNTS,
)
CANDIDATE = node(
    "finishReason",
    said="finishMessage",
    content=Rule(TEXT, content("model_output")),
    safetyRatings=_SAFETY,
    citationMetadata=node(
        citationSources=node("license", said="title", links="uri"), citations=node("license", said="title", links="uri")
    ),
    groundingMetadata=_GROUNDS,
    urlContextMetadata=node(urlMetadata=node("urlRetrievalStatus", links="retrievedUrl")),
)
ANSWER = node(
    "responseId createTime",
    modelVersion=Rule(MODEL, FREE),
    candidates=text("model_output", CANDIDATE),
    promptFeedback=node("blockReason", said="blockReasonMessage", safetyRatings=_SAFETY),
    usageMetadata=USAGE,
    modelStatus=node("modelStage retirementTime", said="message"),
    error=node("status code", said="message", details=FREE),
)
"""A whole answer, or a chunk of a stream."""

_HUMP = re.compile(r"(?<=[a-z])([A-Z])")


def _both(*roots: Node) -> None:
    for one in reachable(*roots):
        if one is not SCHEMA:
            one.rules |= {_HUMP.sub(lambda hump: "_" + hump[1].lower(), name): rule for name, rule in one.rules.items()}


_both(REQUEST, ANSWER)
