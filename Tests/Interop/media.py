"""Media as they arrive: from the receiver's own statistics, and only what grows counts."""

import asyncio

from people import Person
from waiting import until

FRAMES = 10

# The received frames of the video element with a test id, and the received sound. An element's track has the name
# `trackIdentifier` in the statistics.
RECEIVED = """async (testid) => {
  const connection = ringback.call?.peerConnection;
  if (!connection) return { frames: 0, energy: 0 };
  const element = document.querySelector(`[data-testid=${testid}]`);
  const shown = element?.srcObject?.getVideoTracks()[0]?.id;
  const received = { frames: 0, energy: 0 };
  for (const report of (await connection.getStats()).values()) {
    if (report.type !== "inbound-rtp") continue;
    if (report.kind === "audio") received.energy += report.totalAudioEnergy ?? 0;
    else if (report.trackIdentifier === shown) received.frames += report.framesDecoded ?? 0;
  }
  return received;
}"""

# The sound received from everybody in a group call, by name.
ENERGY = """async () => {
  const energy = {};
  for (const { isMe, user } of ringback.call?.roster ?? []) {
    const connection = isMe ? null : ringback.call.mediaOf(user.id)?.peerConnection;
    if (!connection) continue;
    energy[user.username] = 0;
    for (const report of (await connection.getStats()).values())
      if (report.type === "inbound-rtp" && report.kind === "audio")
        energy[user.username] += report.totalAudioEnergy ?? 0;
  }
  return energy;
}"""


async def received(person: Person, element: str = "remote-video") -> dict[str, float]:
    found: dict[str, float] = await person.page.evaluate(RECEIVED, element)
    return found


async def hears(person: Person) -> None:
    """Waits until sound arrives from now on."""
    before = await received(person)

    async def grown() -> bool:
        return (await received(person))["energy"] > before["energy"]

    await until(f"{person.username} hears the other side", grown)


async def watches(person: Person, element: str = "remote-video") -> None:
    """Waits until a video element is on the screen and more frames are decoded for it from now on."""
    await person.sees(element)
    before = (await received(person, element))["frames"]

    async def grown() -> bool:
        now = (await received(person, element))["frames"]
        # After a new beginning of the connection the count begins anew.
        return now >= before + FRAMES or FRAMES <= now < before

    await until(f"{person.username} sees {element}", grown)


async def talk(*people: Person) -> None:
    """Waits until each of them hears the other side."""
    await asyncio.gather(*map(hears, people))


async def meet(*people: Person) -> None:
    """Waits until each of them hears and sees the other side."""
    await asyncio.gather(*map(hears, people), *map(watches, people))


async def hears_all(person: Person, others: list[Person]) -> None:
    """Waits until sound arrives from each of the others from now on."""
    before = await person.page.evaluate(ENERGY)

    async def grown() -> bool:
        now = await person.page.evaluate(ENERGY)
        return all(now.get(other.username, 0) > before.get(other.username, 0) for other in others)

    await until(f"{person.username} hears everybody", grown, 30)


async def are_together(*people: Person) -> None:
    """Waits until each sees a tile for each, and hears each of the others."""
    for person in people:
        for other in people:
            await person.sees(f"tile-{other.username}")
    await asyncio.gather(*(hears_all(person, [other for other in people if other is not person]) for person in people))
