"""Names of fields that say nothing of their own: those of all dialects, and of JSON Schema."""

from genaiops.guard.surfaces import _chat, _cohere, _gemini, _media, _messages, _responses
from genaiops.guard.surfaces._grammar import SCHEMA, SCHEMA_WORDS, reachable

_FIGURES = """
temperature top_p top_k min_p n seed stream stream_options include_usage include_obfuscation max_tokens
max_completion_tokens max_output_tokens max_tool_calls presence_penalty frequency_penalty repetition_penalty
parallel_tool_calls logprobs top_logprobs echo best_of store stop user safety_identifier prompt_cache_key metadata
logit_bias strict background dimensions n_predict ignore_eos chat_template_kwargs guided_json k p
strict_tools raw_prompting max_tokens_per_doc output_dimension top_n return_documents priority
max_tokens budget_tokens cache_control enabled citations is_error stop_sequences stop_sequence user_id index
disable_parallel_tool_use max_uses allowed_callers authorization_token start_char_index end_char_index
start_page_number end_page_number start_block_index end_block_index document_index search_result_index
created created_at completed_at expires_at started_at end start sequence_number output_index content_index
summary_index annotation_index delta arguments input code refusal partial_json thinking partialArgs willContinue
obfuscation token token_ids bytes logprob token_logprobs text_offset tokens
usage prompt_tokens completion_tokens total_tokens prompt_tokens_details completion_tokens_details cached_tokens
reasoning_tokens audio_tokens text_tokens image_tokens accepted_prediction_tokens rejected_prediction_tokens
input_tokens output_tokens input_tokens_details output_tokens_details cache_creation_input_tokens
cache_read_input_tokens cache_creation ephemeral_5m_input_tokens ephemeral_1h_input_tokens server_tool_use
web_search_requests web_fetch_requests service_tier thinking_tokens cache_write_tokens cost
billed_units search_units classifications images relevance_score embedding embeddings float int8 uint8 binary
ubinary base64 seconds duration avg_logprob compression_ratio no_speech_prob speed voice partial_images
partial_image_index output_compression input_fidelity progress flagged results width height bit_depth
candidateCount maxOutputTokens topP topK presencePenalty frequencyPenalty responseLogprobs enableEnhancedCivicAnswers
includeThoughts thinkingBudget outputDimensionality autoTruncate thought streamFunctionCallArguments fps
promptTokenCount candidatesTokenCount totalTokenCount cachedContentTokenCount thoughtsTokenCount
toolUsePromptTokenCount promptTokensDetails candidatesTokensDetails cacheTokensDetails toolUsePromptTokensDetails
trafficType modality tokenCount avgLogprobs logprobsResult topCandidates chosenCandidates logProbability tokenId
startIndex endIndex partIndex groundingChunkIndices confidenceScores renderedContent latitude longitude
googleSearchDynamicRetrievalScore multiSpeakerVoiceConfig speakerVoiceConfigs blocked probabilityScore
severityScore values year month day code status system_fingerprint chunking_strategy min max percent
include_domains timings score return_code start_index end_index token_budget seek
predicted_n prompt_n predicted_ms prompt_ms cache_n prompt_per_token_ms prompt_per_second
predicted_per_token_ms predicted_per_second draft_n draft_n_accepted
hate hate/threatening harassment harassment/threatening self-harm self-harm/intent self-harm/instructions sexual
sexual/minors violence violence/graphic illicit illicit/violent
safety_violations moderation object deleted has_more sentence language_code first_id last_id
"""

ROOTS = (
    _chat.CHAT,
    _chat.COMPLETION,
    _chat.ANSWER,
    _responses.REQUEST,
    _responses.ANSWER,
    _responses.EVENT,
    _messages.REQUEST,
    _messages.ANSWER,
    _messages.EVENT,
    _cohere.CHAT,
    _cohere.EMBED,
    _cohere.ANSWER,
    _cohere.EVENT,
    _gemini.REQUEST,
    _gemini.ANSWER,
    _media.EMBEDDINGS,
    _media.EMBEDDED,
    _media.RERANK,
    _media.RERANKED,
    _media.MODERATIONS,
    _media.MODERATED,
    _media.IMAGES,
    _media.IMAGINED,
    _media.SPEECH,
    _media.SPOKEN,
    _media.TRANSCRIBED,
    _media.VIDEOS,
    _media.VIDEO,
)

WORDS: frozenset[str] = (
    frozenset(_FIGURES.split()) | SCHEMA_WORDS | {name for node in reachable(*ROOTS, SCHEMA) for name in node.rules}
)
