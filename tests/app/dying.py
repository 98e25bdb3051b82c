"""A process that begins to erase a person and is killed in the middle: `python -m tests.app.dying HOME USER`."""

import os
import signal
import sys
from pathlib import Path

from genaiops.app import erasing
from genaiops.app.home import Home
from genaiops.app.services import Services
from genaiops.domain import Content, Person
from genaiops.watch import erased_content
from tests.app.test_erasing import settings_of


def main(home: str, user_id: str) -> None:
    seen = 0

    def remains(content: Content) -> Content:
        nonlocal seen
        seen += 1
        if seen > 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return erased_content(content)

    erasing._PAGE = 1
    erasing.erased_content = remains
    services = Services(settings_of(Home(Path(home))))
    services.erasing.begin(Person(user_id), "request 9", by="admin")
    services.erasing.work()


if __name__ == "__main__":
    main(*sys.argv[1:])
