"""How many cases a test that finds its own inputs tries: a third in the default tests, all in `make test-slow`."""

import os

THOROUGH = os.environ.get("GENAIOPS_TEST_THOROUGH", "") not in {"", "0"}
USUAL = 100


def examples(whole: int = USUAL) -> int:
    return whole if THOROUGH else max(10, whole // 3)
