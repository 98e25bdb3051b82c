"""Where each process of the sandbox begins: it bounds and confines itself, tells what is in force, then does its job.

`python -I -S -c "..." ROLE SECONDS MEMORY READS WRITES`. The job comes on standard input, what came out goes to
standard output; READS and WRITES are how the program and its tests speak.
"""

import os
import sys

from . import confine, program, query, tests, wire  # what they need is loaded before nothing can be


def main() -> None:
    role, seconds = sys.argv[1], float(sys.argv[2])
    memory, reads, writes = map(int, sys.argv[3:6])
    del sys.path[0]
    confine.limits(seconds, memory)
    in_force, lacking = confine.confine()
    if role == "probe":
        wire.send(1, {"in_force": in_force, "lacking": lacking})
        return
    job = wire.receive(0)
    if lacking and not job["weak"]:
        return
    if role == "query":
        wire.send(1, query.run(job))
    elif role == "tests":
        tests.answer(tests.run(job, reads, writes), 1)
    else:
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)  # nobody reads what a program writes but over its own pipe
        program.serve(job, reads, writes)


try:
    main()
except BaseException:  # noqa: BLE001 (whoever waits sees that it ended; a trace would tell of this machine)
    os._exit(1)
