"""Where there is no Valkey wheel: Redis from the locked archive."""

import os
from pathlib import Path

import pytest
import redis

from ops.devstack.child import Site
from ops.devstack.locks import take_lock
from ops.devstack.ports import reserve_port
from ops.devstack.valkey import Valkey, archived_program

pytestmark = pytest.mark.servers


async def test_the_archived_redis_serves_and_keeps_its_data(tmp_path: Path) -> None:
    lock = take_lock(tmp_path / "servers.lock")
    assert lock is not None
    site = Site(tmp_path, lock, lambda text: None)
    with reserve_port() as port:
        for expected in (None, b"1"):
            server = Valkey(site, archived_program)
            url = (await server.up([port]))["redis_url"]
            with redis.Redis.from_url(url) as client:
                assert client.info()["redis_version"].startswith("6.2")
                assert client.get("kept") == expected
                assert client.eval("return redis.call('SET', KEYS[1], 1, 'PX', 60000)", 1, "kept") == b"OK"
            await server.stop()
    os.close(lock)


def test_the_archived_program_is_taken_out_anew_when_it_was_changed() -> None:
    program = archived_program(lambda text: None)
    whole = program.read_bytes()
    program.unlink()  # a running server keeps the old file
    program.write_bytes(b"something else")
    assert archived_program(lambda text: None) == program
    assert program.read_bytes() == whole
    assert os.access(program, os.X_OK)
