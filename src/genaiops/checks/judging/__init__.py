"""Judges: what a model is asked about an answer, and what its words are read as. Pure: who asks is elsewhere."""

from genaiops.checks.judging._labelled import answer_key
from genaiops.checks.judging._pictures import in_words, is_picture
from genaiops.checks.judging._prompt import (
    Question,
    claims_format,
    claims_question,
    marked,
    pictures_of,
    question,
    response_format,
    texts_of,
)
from genaiops.checks.judging._reading import Opinion, read_claims, read_opinion
from genaiops.checks.judging._templates import TEMPLATES, Template, choices_of
from genaiops.checks.judging._written import (
    ReadJudge,
    judge_digest,
    judge_manifest,
    judge_schema,
    read_judge,
    read_judge_document,
)

__all__ = [
    "TEMPLATES",
    "Opinion",
    "Question",
    "ReadJudge",
    "Template",
    "answer_key",
    "choices_of",
    "claims_format",
    "claims_question",
    "in_words",
    "is_picture",
    "judge_digest",
    "judge_manifest",
    "judge_schema",
    "marked",
    "pictures_of",
    "question",
    "read_claims",
    "read_judge",
    "read_judge_document",
    "read_opinion",
    "response_format",
    "texts_of",
]
