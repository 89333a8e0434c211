"""A lock in Redis that passes on by itself when its holder dies."""

import uuid

from tasks.infra.redis_client import get_redis

#: Both ask and act at one moment: in between, the lock could run out and be another's.
_PROLONG = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('pexpire', KEYS[1], ARGV[2])
"""
_RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end"


class Lock:
    """Lets one of several processes act; ``seconds`` after its last `hold` it is free again.

    It makes a thing done once in the ordinary case. Who stood still for longer than that may go on
    beside the next holder, so that what it guards must bear being done by two.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self.name = name
        self.token = uuid.uuid4().hex
        self.milliseconds = int(seconds * 1000)

    def hold(self) -> bool:
        """Whether this process holds the lock, taking it where it is free. Raises RedisError."""
        client = get_redis()
        if client.set(self.name, self.token, nx=True, px=self.milliseconds):
            return True
        return bool(client.eval(_PROLONG, 1, self.name, self.token, self.milliseconds))

    def release(self) -> None:
        """Lets the next one in. Raises RedisError."""
        get_redis().eval(_RELEASE, 1, self.name, self.token)
