"""A short run of the socket's fuzzer; `make fuzz-socket` is the long one."""

import asyncio
from pathlib import Path

from socket_fuzzer import fuzz
from socket_inputs import FRAME, FRAME_BYTES, Inputs, read_schema


async def test_hostile_messages_do_no_harm(tmp_path: Path) -> None:
    assert await asyncio.to_thread(fuzz, 18, 12, 4000, tmp_path), "what was found is printed above"


async def test_inputs_follow_from_their_seed_and_reach_every_command() -> None:
    def first(seed: int) -> list[bytes]:
        stream = Inputs(seed, ["id"], "token").stream(FRAME_BYTES)
        return [next(stream).payload for _ in range(300)]

    assert first(1) == first(1) != first(2)
    assert max(map(len, first(1))) <= FRAME_BYTES
    commands = {field.json_name for field in read_schema()[FRAME] if field.oneof}
    inputs = Inputs(3, ["id"], "token")
    frames = [inputs.valid("json").decode() for _ in range(2000)]
    assert len(commands) == 26
    assert commands == {name for name in commands if any(f'"{name}"' in frame for frame in frames)}
