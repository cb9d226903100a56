"""Waiting for something to become true, up to a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")


async def until(what: str, probe: Callable[[], Awaitable[Value | None]], seconds: float = 20) -> Value:
    """The first true value that the probe gives; fails, with what it gave last, when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = await probe()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s; at last: {value!r}"
        await asyncio.sleep(0.1)
