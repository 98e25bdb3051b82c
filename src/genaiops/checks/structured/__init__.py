"""Structured output: the JSON in an answer, mended where only its writing is broken, and held against a JSON Schema.

What is mended: a fence or prose around it, trailing and missing commas, single and typographic quotes, Python's True,
False and None, names without quotes, comments, control characters and wrong escapes in strings, and an end that was cut
off. What would have to be guessed (a quote inside a string, NaN, brackets that do not match) is not mended but asked
for again. The number that a cut-off text ends with is dropped: 12 may have been the beginning of 125.

parse     an answer -> Parsed, or Broken
Schema    validates, by the draft that the schema declares
reask     what to tell the model
judge     the verdict
"""

from genaiops.checks.structured._parse import Broken, Parsed, parse
from genaiops.checks.structured._repair import Repair, RepairKind
from genaiops.checks.structured._schema import Problem, Schema, judge, reask

__all__ = ["Broken", "Parsed", "Problem", "Repair", "RepairKind", "Schema", "judge", "parse", "reask"]
