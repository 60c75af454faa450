"""The rate budget of everybody behind one address, in Redis."""

from __future__ import annotations

from aster_ray.model.enums import Urgency
from aster_ray.store.quota import Quota
from aster_ray.store.redis.connection import Connection

# KEYS: the bucket. ARGV: burst, rate per second, needed, weight, ceiling ('' = none), pause in s.
# The server's clock is the only one, so that machines need not agree; set back, it earns nothing.
_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'free')
local tokens, at, free = tonumber(kept[1]), tonumber(kept[2]), tonumber(kept[3] or '0')
if tokens then
  tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
else
  tokens = burst
end
local wait = 0
if ARGV[5] ~= '' then tokens = math.min(tokens, tonumber(ARGV[5])) end
free = math.min(math.max(free, now + tonumber(ARGV[6])), now + 259200)
if tonumber(ARGV[4]) > 0 then
  local needed = tonumber(ARGV[3])
  if now < free then
    wait = free - now
  elseif tokens < needed then
    wait = (needed - tokens) / rate
  else
    tokens = tokens - tonumber(ARGV[4])
  end
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at',
  string.format('%.6f', now), 'free', string.format('%.6f', free))
redis.call('PEXPIRE', KEYS[1], 260000000)
return string.format('%.6f', wait)
"""


class RedisBudget:
    """A bucket that several processes and machines draw from; satisfies ``RateBudgetPort``."""

    def __init__(self, connection: Connection, name: str, quota: Quota) -> None:
        """Name the bucket: everybody behind one address to one venue uses the same."""
        self._connection, self._quota = connection, quota
        self._key = f"aster:{{{name}}}:budget"

    def take(self, weight: int, urgency: Urgency) -> float:
        """Spend ``weight`` or say when to ask again; see ``RateBudgetPort``."""
        return self._run(self._quota.needed(weight, urgency), weight)

    def spent(self, weight: int) -> None:
        """Believe the venue's count where it leaves less than ours; see ``RateBudgetPort``."""
        self._run(ceiling=str(self._quota.limit - weight))

    def pause(self, seconds: float) -> None:
        """Let nobody spend anything for so long; see ``RateBudgetPort``."""
        self._run(pause_s=seconds)

    def _run(
        self, needed: float = 0.0, weight: int = 0, ceiling: str = "", pause_s: float = 0.0
    ) -> float:
        given = (self._quota.burst, self._quota.rate, needed, weight, ceiling, pause_s)
        with self._connection.client() as client:
            return float(client.eval(_SCRIPT, 1, self._key, *given))
