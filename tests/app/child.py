"""A process for tests: does what its arguments say, in their order."""

import os
import signal
import sys


def main(arguments: list[str]) -> int:
    ready = int(arguments[arguments.index("--ready-fd") + 1])
    for argument in arguments:
        word, _, value = argument.partition("=")
        if word == "say":
            print(value)
        elif word == "long":
            print("x" * int(value), end="")
        elif word == "ready":
            os.write(ready, b"ready\n")
        elif word == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        elif word == "group":
            print("group", os.getpgrp())
        elif word == "exit":
            return int(value)
        elif word == "wait":
            while True:
                signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
