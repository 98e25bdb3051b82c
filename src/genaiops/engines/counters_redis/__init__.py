"""Counters that several machines share: each has its file (`counters_mmap`) and leases amounts of hard limits from
Redis, so that a reservation never waits for the network unless its machine's lease is spent.

Sums: settled + reserved over all machines never exceeds a hard limit, whatever dies or is cut off. Rates: all machines
together use of what Redis lends no more than a rate and its burst (`_rates`). Needs the extra `redis`."""

from genaiops.engines.counters_redis._keeper import LeaseKeeper
from genaiops.engines.counters_redis._lender import RedisLender
from genaiops.engines.counters_redis._looking import Seen, forget, look
from genaiops.engines.counters_redis._place import Place, place_of

__all__ = ["LeaseKeeper", "Place", "RedisLender", "Seen", "forget", "look", "place_of"]
