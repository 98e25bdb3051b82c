"""Machines that share counters: what one does not use goes to those who need it, and what it uses it keeps."""

from pathlib import Path

import pytest

from genaiops.ports.counters import Refusal
from tests.engines.counters.machines import Machine
from tests.engines.counters.test_shared import HOLD, LIMIT, reserve

pytestmark = pytest.mark.needs_redis


async def test_a_call_that_needs_more_than_is_left_gets_what_the_others_do_not_use(tmp_path: Path, url: str) -> None:
    """Found by the state machine of `test_shared`, once: a lease that was idle before was given back at every beat from
    then on, so that each question got a part, gave it back, and nobody was told that more is wanted."""
    machines = [Machine(tmp_path, url, name) for name in "ab"]
    holds = [machine.open(0).prepare([HOLD]) for machine in machines]
    first = await reserve(holds[0], 2)
    assert not isinstance(first, Refusal)
    for _ in range(25):  # long enough for what is idle to go back
        machines[0].keeper.step()
    first.settle([0], 1)
    assert not isinstance(await reserve(holds[1], 2), Refusal)
    (row,) = machines[1].counters.leases.rows()
    assert row.granted > 2  # of which it does not need all
    for machine in machines:
        machine.keeper.step()
    assert isinstance(await reserve(holds[0], LIMIT - 2, machines[0]), Refusal)
    machines[1].keeper.step()
    assert not isinstance(await reserve(holds[0], LIMIT - 2, machines[0]), Refusal)
    for machine in machines:
        await machine.close()


async def test_a_lease_in_use_is_kept(tmp_path: Path, url: str) -> None:
    machine = Machine(tmp_path, url, "a")
    prepared = machine.open(0).prepare([HOLD])
    for number in range(30):
        found = await reserve(prepared, 1)
        assert not isinstance(found, Refusal)
        found.settle([number % 2], number + 1)
        (row,) = machine.counters.leases.rows()
        machine.keeper.step()
        assert machine.counters.leases.rows() == [row]
    for _ in range(25):
        machine.keeper.step()
    (row,) = machine.counters.leases.rows()
    assert row.granted == row.used
    await machine.close()
