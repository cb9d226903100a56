"""Somebody whose device runs aiortc, a WebRTC stack that has nothing in common with a browser's."""

import array
import asyncio
import math
import uuid
from dataclasses import dataclass

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack, VideoStreamTrack
from aiortc.sdp import candidate_from_sdp
from av import AudioFrame, VideoFrame
from ringback_client import Json, RingbackClient
from waiting import until

MEDIA = {"microphone": True, "camera": True}
FRAMES = 10
# Of 32,767: louder than noise.
LOUD = 500


class Tone(AudioStreamTrack):
    """A hum, so that the other side has something to hear: silence would look as if nothing came."""

    async def recv(self) -> AudioFrame:
        frame = await super().recv()
        assert isinstance(frame, AudioFrame)
        start = frame.pts or 0
        samples = (
            int(8000 * math.sin(2 * math.pi * 440 * (start + n) / frame.sample_rate)) for n in range(frame.samples)
        )
        data = array.array("h", samples).tobytes()
        frame.planes[0].update(data.ljust(frame.planes[0].buffer_size, b"\0"))
        return frame


class Picture(VideoStreamTrack):
    """A small grey picture whose brightness changes, 15 times a second."""

    async def recv(self) -> VideoFrame:
        await self.next_timestamp()
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(width=320, height=240)
        for plane, value in zip(frame.planes, (pts // 6000 % 256, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


@dataclass
class Received:
    """What was decoded."""

    video_frames: int = 0
    loud_audio_frames: int = 0


class AiortcPerson:
    """Takes part in one call."""

    def __init__(self, client: RingbackClient):
        self.received = Received()
        self.call: Json = {}
        self._client = client
        self._rung: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peer_id = str(uuid.uuid4())
        self._tasks: list[asyncio.Task[None]] = []
        self._peer.on("track", lambda track: self._tasks.append(asyncio.create_task(self._drain(track))))
        self._early: list[Json] = []
        self._is_described = False
        self._tasks.append(asyncio.create_task(self._follow()))

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._peer.close()
        faults = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert not faults, faults

    async def place_call(self, username: str) -> None:
        callee = await self._client.find(username)
        invite = {"clientCallId": str(uuid.uuid4()), "userId": callee["id"], "type": "CALL_TYPE_VIDEO", "media": MEDIA}
        self.call = (await self._client.send({"callInvite": invite}))["call"]
        self._place_tracks()
        await self._peer.setLocalDescription(await self._peer.createOffer())
        await self._send_description("OFFER")

    async def answer(self) -> None:
        self.call = await asyncio.wait_for(self._rung, 15)
        await self._client.send({"callRinging": {"callId": self.call["id"]}})
        accept = {"commandId": str(uuid.uuid4()), "callId": self.call["id"], "media": MEDIA}
        self.call = (await self._client.send({"callAccept": accept}))["call"]

    async def hang_up(self) -> None:
        await self._client.send({"callHangUp": {"commandId": str(uuid.uuid4()), "callId": self.call["id"]}})

    async def meets(self) -> None:
        """Waits until sound and pictures arrive from now on."""
        frames, loud = self.received.video_frames, self.received.loud_audio_frames

        async def grown() -> bool:
            return self.received.video_frames >= frames + FRAMES and self.received.loud_audio_frames >= loud + FRAMES

        await until(f"{self._client.user['username']} hears and sees the other side", grown)

    # ---------------------------------------------------------------------------------------------- inside

    @property
    def _other(self) -> str:
        ids: set[str] = {part["user"]["id"] for part in self.call["participants"]}
        (other,) = ids - {self._client.user["id"]}
        return other

    def _place_tracks(self) -> None:
        if not self._peer.getSenders() or all(sender.track is None for sender in self._peer.getSenders()):
            self._peer.addTrack(Tone())
            self._peer.addTrack(Picture())

    async def _send_description(self, kind: str) -> None:
        # All candidates stand in the description: aiortc gathers before it gives one.
        description = {
            "type": f"DESCRIPTION_TYPE_{kind}",
            "sdp": self._peer.localDescription.sdp,
            "peerConnectionId": self._peer_id,
        }
        target = {"callId": self.call["id"], "userId": self._other}
        await self._client.send({"sendDescription": target | {"description": description}})

    async def _follow(self) -> None:
        while True:
            name, event = await self._client.event(
                "callIncoming", "descriptionReceived", "candidateReceived", seconds=3600
            )
            match name:
                case "callIncoming" if not self._rung.done():
                    self._rung.set_result(event["call"])
                case "descriptionReceived":
                    await self._take_description(event["description"])
                case "candidateReceived":
                    await self._take_candidate(event["candidate"])

    async def _take_description(self, description: Json) -> None:
        is_offer = description["type"] == "DESCRIPTION_TYPE_OFFER"
        # The caller is the impolite side: an offer that collides with its own is the other's to give up.
        if is_offer and self._peer.signalingState == "have-local-offer":
            return
        kind = "offer" if is_offer else "answer"
        await self._peer.setRemoteDescription(RTCSessionDescription(description["sdp"], kind))
        self._is_described = True
        for candidate in self._early:
            await self._take_candidate(candidate)
        self._early.clear()
        if is_offer:
            self._place_tracks()
            await self._peer.setLocalDescription(await self._peer.createAnswer())
            await self._send_description("ANSWER")

    async def _take_candidate(self, candidate: Json) -> None:
        text = candidate.get("candidate", "").removeprefix("candidate:")
        if not text:
            return
        if not self._is_described:
            self._early.append(candidate)
            return
        parsed = candidate_from_sdp(text)
        parsed.sdpMid = candidate.get("sdpMid") or None
        parsed.sdpMLineIndex = candidate.get("sdpMLineIndex", 0)
        await self._peer.addIceCandidate(parsed)

    async def _drain(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, VideoFrame):
                self.received.video_frames += 1
            elif isinstance(frame, AudioFrame):
                samples = array.array("h", bytes(frame.planes[0])[: 2 * frame.samples])
                self.received.loud_audio_frames += max(map(abs, samples)) > LOUD
