"""A model server as the supervisor starts it: a process, a key in its environment, a free port."""

import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from genaiops.app.lifeline import PARENT_VARIABLE

KEY = "a-key-of-its-own"
VARIABLE = "TEST_MODEL_SERVER_KEY"


class ModelProcess:
    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url

    def status(self, field: str) -> int:
        """A figure of /proc/PID/status in kilobytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"^{field}:\s+(\d+)", text, re.MULTILINE)
        assert found is not None
        return int(found[1])


def command(name: str, home: Path, *options: str, listen: str = "127.0.0.1:0") -> list[str]:
    module = [sys.executable, "-m", "genaiops.app.model_server", name]
    return [*module, "--home", str(home), "--listen", listen, "--key-env", VARIABLE, *options]


@contextmanager
def running(name: str, home: Path, *options: str) -> Generator[ModelProcess]:
    reading, writing = os.pipe()
    with TemporaryFile() as output, os.fdopen(reading, "rb") as ready:
        process = subprocess.Popen(
            [*command(name, home, *options), "--ready-fd", str(writing)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(writing,),
            env=os.environ | {VARIABLE: KEY, PARENT_VARIABLE: str(os.getpid())},  # ends with the tests
        )
        os.close(writing)
        try:
            said = ready.readline()
            output.seek(0)
            text = output.read().decode()
            assert said == b"ready\n", text
            address = re.search(r"on (127\.0\.0\.1:\d+)", text)
            assert address is not None, text
            yield ModelProcess(process, f"http://{address[1]}")
        finally:
            process.kill()
            process.wait()
