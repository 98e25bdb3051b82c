"""What runs inside Redis, each script as one atomic step.

Keys, below a prefix:

    meta       run_id of the server whose memory all this is; target: the newest version of the records published;
               full: until when buckets of rates count as full at least (ticks, see `_rates`); lent: when the last
               machine was lent of a rate before the server lost its memory, as far as they have told
    gen, open  machine -> its generation; whether it is joined (1) or being set equal (0)
    pending    machines that have not told yet what they hold, since the server lost its memory; untold: those that
               have not told when they were lent of a rate last
    beats      machine -> when it was heard last (milliseconds); versions: what all its workers have in force
    wanted     counter -> when which machine asked for more of it in vain
    lease:C    machine -> what it was lent of the counter; used:C  machine -> what it has settled
    slots:M    the counters that the machine has leases of
    rate:C     a rate's bucket: tat, given (back so far), born, who uses it: one machine, or several (*)

A server that was started again, from an old copy or from none, has another run_id: it lends nothing until every
machine that is known has told what it holds.
"""

from typing import Final

START: Final = """
local p, m = ARGV[1], ARGV[2]
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function until_ms(key, ms)
    if tonumber(ms) > now then redis.call('PEXPIREAT', key, ms) end
end
local function sum(key)
    local total = 0
    for _, value in ipairs(redis.call('HVALS', key)) do total = total + value end
    return total
end
local function trouble(generation)
    if redis.call('HGET', p .. 'meta', 'run_id') ~= run then return 'lost' end
    if redis.call('HGET', p .. 'gen', m) ~= generation then return 'stale' end
    if redis.call('HGET', p .. 'open', m) ~= '1' then return 'stale' end
    if redis.call('SCARD', p .. 'pending') > 0 then return 'pending' end
end
local function live()
    local count = 0
    for _, ms in ipairs(redis.call('HVALS', p .. 'beats')) do
        if now - ms < 5000 then count = count + 1 end
    end
    return math.max(count, 1)
end
"""

LEND: Final = (
    START
    + """
local why = trouble(ARGV[3])
if why then return {why, redis.call('SMEMBERS', p .. 'pending')} end
local machines, answer = live(), {}
for at = 4, #ARGV, 5 do
    local name, limit, need, size = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local lease = p .. 'lease:' .. name
    local lent = sum(lease)
    local left = math.max(limit - lent, 0)
    local amount = math.min(left, math.max(need, math.min(math.floor(left / (2 * machines)), size * 32)))
    if amount > 0 then
        redis.call('HINCRBY', lease, m, text(amount))
        until_ms(lease, ARGV[at + 4])
        redis.call('SADD', p .. 'slots:' .. m, name)
    end
    if amount < need then
        redis.call('HSET', p .. 'wanted', name, text(now) .. ' ' .. m)
    end
    table.insert(answer, {text(amount), text(sum(p .. 'used:' .. name)), text(lent + amount)})
end
return {'ok', answer}
"""
)
"""prefix, machine, generation, then (counter, limit, need, size, end in ms) each -> ok, (amount, used, lent) each."""

BEGIN: Final = (
    START
    + """
local at_ms = tonumber(ARGV[4]) or now
local function full_after(ms) return math.max((ms - 1767225600e3) * 8e3 + 480e6, 0) end
if redis.call('HGET', p .. 'meta', 'run_id') ~= run then
    redis.call('HSET', p .. 'meta', 'run_id', run, 'lent', '0', 'full', text(full_after(at_ms)))
    redis.call('DEL', p .. 'open', p .. 'pending', p .. 'beats', p .. 'untold')
    for _, set in ipairs({p .. 'pending', p .. 'untold'}) do
        for at = 6, #ARGV do redis.call('SADD', set, ARGV[at]) end
        for _, known in ipairs(redis.call('HKEYS', p .. 'gen')) do redis.call('SADD', set, known) end
        redis.call('SADD', set, m)
    end
end
if ARGV[3] ~= '' and redis.call('SREM', p .. 'untold', m) == 1 then
    local lent = math.max(at_ms - ARGV[3], tonumber(redis.call('HGET', p .. 'meta', 'lent')))
    redis.call('HSET', p .. 'meta', 'lent', text(lent))
    if redis.call('SCARD', p .. 'untold') == 0 then
        local full = math.min(full_after(lent), tonumber(redis.call('HGET', p .. 'meta', 'full')))
        redis.call('HSET', p .. 'meta', 'full', text(full))
    end
end
redis.call('HSET', p .. 'open', m, '0')
redis.call('DEL', p .. 'new:' .. m)
local generation = math.max(tonumber(redis.call('HGET', p .. 'gen', m) or '0'), tonumber(ARGV[5])) + 1
redis.call('HSET', p .. 'gen', m, text(generation))
return generation
"""
)
"""prefix, machine, for how long it used no rate (ms; empty: unknown), now (ms; empty: the server's
clock), its last generation, all machines -> the new generation, which it never had before: an answer to an older
one may still come."""

PUT: Final = (
    START
    + """
if redis.call('HGET', p .. 'meta', 'run_id') ~= run or redis.call('HGET', p .. 'gen', m) ~= ARGV[3] then
    return 'stale'
end
for at = 4, #ARGV, 4 do
    local name = ARGV[at]
    redis.call('HSET', p .. 'lease:' .. name, m, ARGV[at + 1])
    redis.call('HSET', p .. 'used:' .. name, m, ARGV[at + 2])
    until_ms(p .. 'lease:' .. name, ARGV[at + 3])
    until_ms(p .. 'used:' .. name, ARGV[at + 3])
    redis.call('SADD', p .. 'new:' .. m, name)
end
return 'ok'
"""
)
"""prefix, machine, generation, then (counter, granted, settled, end in ms) each."""

END: Final = (
    START
    + """
if redis.call('HGET', p .. 'meta', 'run_id') ~= run or redis.call('HGET', p .. 'gen', m) ~= ARGV[3] then
    return 'stale'
end
for _, name in ipairs(redis.call('SDIFF', p .. 'slots:' .. m, p .. 'new:' .. m)) do
    redis.call('HDEL', p .. 'lease:' .. name, m)
end
redis.call('DEL', p .. 'slots:' .. m)
if redis.call('EXISTS', p .. 'new:' .. m) == 1 then redis.call('RENAME', p .. 'new:' .. m, p .. 'slots:' .. m) end
redis.call('HSET', p .. 'open', m, '1')
redis.call('SREM', p .. 'pending', m)
return 'ok'
"""
)
"""prefix, machine, generation: what it did not put it does not hold."""

RETURN: Final = (
    START
    + """
local why = trouble(ARGV[3])
if why == 'lost' or why == 'stale' then return why end
for at = 4, #ARGV, 2 do
    redis.call('HINCRBY', p .. 'lease:' .. ARGV[at], m, '-' .. ARGV[at + 1])
end
return 'ok'
"""
)
"""prefix, machine, generation, then (counter, amount) each."""

BEAT: Final = (
    START
    + """
local why = trouble(ARGV[3])
if why == 'lost' or why == 'stale' then return {why} end
redis.call('HSET', p .. 'beats', m, text(now))
redis.call('HSET', p .. 'versions', m, ARGV[4])
local target = math.max(tonumber(redis.call('HGET', p .. 'meta', 'target') or '0'), tonumber(ARGV[5]))
redis.call('HSET', p .. 'meta', 'target', text(target))
local found = {}
for at = 6, #ARGV, 5 do
    local name, limit, granted = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local lease, used = p .. 'lease:' .. name, p .. 'used:' .. name
    local mine = tonumber(redis.call('HGET', lease, m) or '0')
    if mine < granted then
        redis.call('HSET', lease, m, ARGV[at + 2])
        redis.call('SADD', p .. 'slots:' .. m, name)
        mine = granted
    end
    redis.call('HSET', used, m, ARGV[at + 3])
    until_ms(lease, ARGV[at + 4])
    until_ms(used, ARGV[at + 4])
    local over = 0
    if limit >= 0 and sum(lease) > limit then over = 1 end
    table.insert(found, {text(mine), text(sum(used) - ARGV[at + 3]), over})
end
local wanted = {}
for _, name in ipairs(redis.call('HKEYS', p .. 'wanted')) do
    local ms, who = string.match(redis.call('HGET', p .. 'wanted', name), '^(%d+) (.*)$')
    if now - ms < 3000 then
        if who ~= m then table.insert(wanted, name) end
    else
        redis.call('HDEL', p .. 'wanted', name)
    end
end
local lowest = tonumber(ARGV[4])
local beats = redis.call('HGETALL', p .. 'beats')
for at = 1, #beats, 2 do
    if now - beats[at + 1] < 5000 then
        lowest = math.min(lowest, tonumber(redis.call('HGET', p .. 'versions', beats[at]) or '0'))
    end
end
local known, pending = redis.call('HLEN', p .. 'gen'), redis.call('SMEMBERS', p .. 'pending')
for _, name in ipairs(pending) do
    known = known + 1 - redis.call('HEXISTS', p .. 'gen', name)
end
return {why or 'ok', live(), known, text(target), text(lowest), wanted, found, pending}
"""
)
"""prefix, machine, generation, version in force, version published, then (counter, limit or -1, granted, settled,
end in ms) each -> status, machines that live, machines that there are (those awaited, too), target, lowest version of
those that live, wanted by others, (lent here, settled elsewhere, more lent than the limit) each, pending. What this
machine has granted is a fact: never lowered here."""

FORGET: Final = (
    START
    + """
redis.call('SREM', p .. 'pending', m)
redis.call('SREM', p .. 'untold', m)
for _, key in ipairs({'beats', 'versions', 'open', 'gen'}) do redis.call('HDEL', p .. key, m) end
return redis.call('SCARD', p .. 'slots:' .. m)
"""
)
"""prefix, machine: it never comes back. What it was lent counts as used until the counters' windows end."""

LEAVE: Final = (
    START
    + """
if redis.call('HGET', p .. 'gen', m) == ARGV[3] then redis.call('HDEL', p .. 'beats', m) end
return 'ok'
"""
)
"""prefix, machine, generation: it stops, in order."""
