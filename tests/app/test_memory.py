"""How a worker holds its memory, measured in a process of its own."""

import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource, sys
from genaiops.app import memory
if sys.argv[1] == "held":
    assert memory.hold_buffers()
def bodies():
    for _ in range(50):
        several = [bytes(200_000) + b"x" for _ in range(8)]
        del several
bodies()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bodies()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", _FAULTS, how], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt(3) is of glibc")
def test_the_buffers_of_large_bodies_are_used_again() -> None:
    assert _faults("held") < _faults("as it is") / 10
