"""Several processes bring one fresh store to the newest revision and write to it, all at once."""

import subprocess
import sys
from collections.abc import Callable

from genaiops.domain import Team
from genaiops.ports.records import Records

WRITER = """
import sys
from genaiops.domain import Team
from genaiops.engines.records_sql import open_records

records = open_records(sys.argv[1])
print(len(records.migrate()))
for number in range(20):
    with records.write(sys.argv[2]) as unit:
        unit.add(Team(id=f"{sys.argv[2]}-{number}", title=str(unit.count(Team)), created_us=1))
records.close()
"""


def test_processes_migrate_and_write_together(store_url: str, at: Callable[..., Records]) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WRITER, store_url, name], stdout=subprocess.PIPE, text=True
        )
        for name in ("p1", "p2")
    ]
    applied = sorted(int(process.communicate(timeout=60)[0]) for process in running)
    assert applied[0] == 0  # one of them did it, the other found it done
    assert applied[1] > 0
    with at().read() as view:
        assert [change.seq for change in view.changes(0)] == list(range(1, 41))
        # Each saw everything that was written before it, by itself and by the other.
        assert sorted(int(team.title) for team in view.find(Team)) == list(range(40))
