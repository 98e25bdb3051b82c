"""Targets of tests: functions as a suite names them."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any


def upper(case: dict[str, Any]) -> str:
    return case["input"].upper()


def same(case: dict[str, Any]) -> dict[str, Any]:
    return {"output": case["input"], "cost_nano": 1_000_000, "input_tokens": 3}


async def slow(case: dict[str, Any]) -> str:
    await asyncio.sleep(60)
    return ""


def broken(case: dict[str, Any]) -> str:
    raise ValueError(f"no answer to {case['input']}")


def odd(case: dict[str, Any]) -> int:
    return 7


def noted(case: dict[str, Any]) -> str:
    """Leaves a line for each call, as something that costs money would."""
    with Path(os.environ["NOTED"]).open("a", encoding="utf-8") as file:
        file.write(case.get("id", "") + "\n")
    time.sleep(0.01)
    return case["input"]


def strict(case: dict[str, Any]) -> dict[str, Any]:
    """A judge: Y for answers in capitals, no verdict for those with a question mark."""
    text = case["messages"][-1]["content"]
    answer = text.rpartition("<answer-")[2].split("\n")[1]
    said = "I cannot say." if "?" in answer else f"As it is.\nVerdict: {'Y' if answer.isupper() else 'N'}"
    return {"output": said, "cost_nano": 2_000_000}


def longer(case: dict[str, Any]) -> str:
    """A judge of pairs: for the longer one, for the first of two as long, and no verdict where one has a `?`."""
    text = case["messages"][-1]["content"]
    first, second = (text.partition(f"<{name}-")[2].split("\n")[1] for name in ("first", "second"))
    if "?" in first + second:
        return "I cannot say."
    return f"Verdict: {'1' if len(first) >= len(second) else '2'}"
