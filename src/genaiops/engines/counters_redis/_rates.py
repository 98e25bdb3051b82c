"""The buckets of rates inside Redis: one a rate, for all machines; lent is drawn.

The bucket is the generic cell rate algorithm in virtual scheduling: TAT, the theoretical arrival time, must not run
more than a minute ahead of the clock. What was lent at t is used by t + HOLD at the latest, when less of it would have
drained. So where a rate is used by more than one machine, a lending counts as if it came HOLD later, TAT = max(TAT, t +
HOLD) + cost, while what may be lent is looked at as of t: TAT + cost <= t + minute.

Then no interval of T seconds sees more used, by all machines together, than T/60 of the limit and the burst of one
minute. Take some uses, from t' to x, each within [t, t + HOLD] of its lending at t; m was lent first of them, L last.
TAT before L was at least tm + HOLD + the costs of m to L-1, and TAT + cost of L <= tL + minute. So t' + all costs <=
tm + HOLD + all costs <= tL + minute <= x + minute, which is what conforming means; and one alone is a minute at most.

A rate that one machine alone uses needs none of this, for that machine's own bucket holds it: there TAT is that of a
single machine, and when a second one comes, HOLD is added once.

What a machine used alone, cut off, counts when it tells it, which it does before it is lent any more: TAT = max(TAT +
a, t + own), at most t + minute, where a is all that it used so and `own` how full the bucket is in which counts all
that it used. If nobody else was lent meanwhile, no interval sees more used for the cut, either. Be S when the last
lending had come. The machines' parts of the rate begin full at S or later, so that all of them admit at most x - S from
S to x, and in any interval what conforms. Take uses again from t' to x.

    x in the cut        from before S: t' + all costs <= S + minute + (x - S) = x + minute. From S on: parts conform.
    x after it, lent    TAT when told was at least t' + all costs until then: from before S since TAT + a counts all of
                        it, from t' in the cut since `own` does (one bucket does so: TAT = max(TAT, t) + cost) or other
                        machines' a on top of it; or it was t + minute, and that is no less, as x in the cut showed.
                        Lendings after it add their costs as above.

If others were lent meanwhile, what was used alone came on top: never more than the parts of those that were cut off.

What comes back is taken off as far as its own part of the bucket is still to come (see `counters_mmap/_rate`); `w` =
TAT + given at the lending, so that what was given back meanwhile is seen: at most w - given - now is taken off.

After the server has lost its memory every bucket counts as full, at most as of a minute after the last lending of all
machines (`full`), if they all have told it; what was drawn before is not known any more.
"""

from collections.abc import Sequence
from typing import Final

from genaiops.engines.counters_mmap import Name, RateWant
from genaiops.engines.counters_redis._place import key_of
from genaiops.engines.counters_redis._scripts import START

TICK_NS: Final = 125
"""Of TAT, counted from 2026: doubles are exact to 2061. Costs are rounded down, so that a full burst is the limit."""

RATES: Final = (
    START
    + """
local HOLD, MINUTE = 8e6, 480e6
local meta = redis.call('HMGET', p .. 'meta', 'run_id', 'full')
if meta[1] ~= run then return {'lost'} end
local at_us = tonumber(ARGV[3])
local t = at_us and (at_us - 1767225600e6) * 8 or (time[1] - 1767225600) * 8e6 + time[2] * 8
local full = tonumber(meta[2] or '0')
local machines, answer, at = live(), {}, 4
while ARGV[at] do
    local key = p .. 'rate:' .. ARGV[at]
    local limit, need, size = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local extra, debt, returns = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 8])
    local alone, own = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
    at = at + 9
    local kept = redis.call('HMGET', key, 'tat', 'given', 'born', 'who')
    local tat, given, born = tonumber(kept[1] or '0'), tonumber(kept[2] or '0'), tonumber(kept[3] or text(t))
    local who = kept[4]
    tat = math.max(tat, full)
    if tat > t + 2 * MINUTE then tat = t + MINUTE end
    if tat + HOLD < t then who = false end
    if full > t then who = '*' end
    for _ = 1, returns do
        local units, of, w = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
        at = at + 3
        local off = math.min(math.floor(units * MINUTE / limit), w - given - t)
        if who == '*' then off = off - HOLD end
        if of == born and off > 0 then
            tat = tat - off
            given = given + off
        end
    end
    if debt > 0 then
        tat = math.min(math.max(tat, t) + math.floor(debt * MINUTE / limit), math.max(tat, t + 2 * MINUTE))
    end
    if alone > 0 then
        local after = math.max(tat + math.ceil(alone * MINUTE / limit), t + own)
        tat = math.max(tat, math.min(after, t + MINUTE))
    end
    if who and who ~= m and who ~= '*' then
        tat = math.max(tat, t) + HOLD
        who = '*'
    end
    local start = math.max(tat, t)
    local free = math.floor((t + MINUTE - start) * limit / MINUTE)
    while free > 0 and start + math.floor(free * MINUTE / limit) > t + MINUTE do free = free - 1 end
    if start + math.floor((free + 1) * MINUTE / limit) <= t + MINUTE then free = free + 1 end
    free = math.min(math.max(free, 0), limit)
    local amount, wait = 0, 0
    if need <= free or size <= free then
        amount = math.min(free, math.max(need, math.min(need + extra, math.floor(free / (2 * machines)))))
    end
    if amount > 0 then
        who = who or m
        if who == '*' then start = math.max(tat, t + HOLD) end
        tat = start + math.floor(amount * MINUTE / limit)
    end
    if amount < need then
        wait = math.max(math.max(tat, t) + math.floor(size * MINUTE / limit) - t - MINUTE, 1)
    end
    redis.call('HSET', key, 'tat', text(tat), 'given', text(given), 'born', text(born), 'who', who or m)
    redis.call('PEXPIRE', key, 600000)
    table.insert(answer, {text(amount), text(wait), text(math.max(tat - t, 0)), text(born), text(tat + given)})
end
return {'ok', answer}
"""
)
"""prefix, machine, now in microseconds (empty: the server's clock), then (counter, limit, need, smallest need, extra,
debt, used alone, ticks that its own bucket is ahead, number of returns, (units, born, w) each) each -> ok, (amount,
ticks to wait, ticks ahead, born, w) each."""


def spelt(name: Name, want: RateWant) -> Sequence[str | int]:
    """One of them, as the script takes it."""
    own = -(-want.own_ns // TICK_NS)
    head = key_of(name), want.limit, want.need, want.size, want.extra, want.debt, want.alone, own, len(want.back)
    return [*head, *(value for units, ticket in want.back for value in (units, *ticket))]
