import assert from "node:assert/strict";
import { test } from "node:test";
import { CallConnection } from "../../Sources/WebClient/library/call-connection.js";
import { LocalMedia } from "../../Sources/WebClient/library/local-media.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));

class Track extends EventTarget {
  enabled = true;
  stopped = false;
  constructor(kind) {
    super();
    this.kind = kind;
  }
  stop() {
    this.stopped = true;
  }
}

globalThis.MediaStream = class {
  #tracks;
  constructor(tracks = []) {
    this.#tracks = new Set(tracks);
  }
  addTrack(track) {
    this.#tracks.add(track);
  }
  removeTrack(track) {
    this.#tracks.delete(track);
  }
  getAudioTracks() {
    return [...this.#tracks].filter(({ kind }) => kind === "audio");
  }
  getVideoTracks() {
    return [...this.#tracks].filter(({ kind }) => kind === "video");
  }
};

/** A browser whose questions the test answers: `asked` has one entry for each. */
function browser() {
  const asked = [];
  const ask = (kinds) =>
    new Promise((resolve, reject) => {
      const tracks = kinds.map((kind) => new Track(kind));
      asked.push({ tracks, allow: () => resolve(new MediaStream(tracks)), deny: () => reject(new Error("no")) });
    });
  const mediaDevices = {
    getUserMedia: ({ audio, video }) => ask([...(audio ? ["audio"] : []), ...(video ? ["video"] : [])]),
    getDisplayMedia: () => ask(["video"]),
  };
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { mediaDevices } });
  return asked;
}

function connection(more = {}) {
  const sent = [];
  const request = async (command) => {
    sent.push(command);
    return {};
  };
  const client = { user: { id: "me" }, deviceId: "d1", request, leave() {}, attach() {}, async renewIceServers() {} };
  return { sent, connection: new CallConnection(client, { peer: { id: "peer" }, video: false, ...more }) };
}

const ongoing = (microphone = true) => ({
  id: "c1",
  status: "CALL_STATUS_ONGOING",
  participants: [{ user: { id: "me" }, media: { microphone } }, { user: { id: "peer" } }],
});

test("a mute pressed while the browser asks for the microphone holds", async () => {
  const asked = browser();
  const { connection: call } = connection();
  call.begin("place").catch(() => {});
  call.setMuted(true);
  asked[0].allow();
  call.addEventListener("media", () => call.hangUp());
  const heard = asked[0].tracks[0];
  await turn();
  assert.equal(call.muted, true);
  assert.equal(heard.enabled, false);
});

test("who was muted comes back muted, who was not comes back heard", async () => {
  for (const microphone of [true, false]) {
    const asked = browser();
    const { connection: call } = connection({ call: ongoing(microphone) });
    call.begin("rejoin");
    asked[0].allow();
    call.addEventListener("media", () => call.hangUp());
    await turn();
    assert.equal(call.muted, !microphone);
  }
});

test("the camera is left alone while the call begins", async () => {
  const asked = browser();
  const { connection: call } = connection({ video: true });
  call.begin("place");
  await call.setCamera(true);
  assert.equal(asked.length, 1);
  call.hangUp();
  asked[0].allow();
  await turn();
  assert.ok(asked[0].tracks.every(({ stopped }) => stopped));
});

test("the camera and the screen are asked for once at a time", async () => {
  const asked = browser();
  const { sent, connection: call } = connection({ call: ongoing() });
  call.state = "connected";
  const camera = [call.setCamera(true), call.setCamera(true)];
  await turn();
  assert.equal(asked.length, 1);
  asked[0].allow();
  await Promise.all(camera);
  assert.equal(call.local.camera, asked[0].tracks[0]);
  const screen = [call.startScreenShare(), call.startScreenShare()];
  await turn();
  assert.equal(asked.length, 2);
  asked[1].deny();
  await assert.rejects(screen[0], { code: "NO_SCREEN" });
  await screen[1];
  assert.ok(call.canShareScreen);
  const names = sent.map((command) => Object.keys(command)[0]);
  assert.deepEqual(names, ["callSetMedia", "startScreenShare", "stopScreenShare"]);
});

test("what is opened after the end of the call is stopped", async () => {
  const asked = browser();
  const { connection: call } = connection({ call: ongoing() });
  call.state = "connected";
  const opened = [call.setCamera(true), call.startScreenShare()];
  await turn();
  call.hangUp();
  for (const { allow } of asked) allow();
  await Promise.all(opened);
  assert.equal(asked.length, 2);
  for (const { tracks } of asked) assert.ok(tracks[0].stopped);
});

test("a track that takes another's place stops it", async () => {
  const asked = browser();
  const local = new LocalMedia();
  const opened = [local.openCamera(), local.openCamera(), local.openScreen(), local.openScreen()];
  for (const { allow } of asked) allow();
  await Promise.all(opened);
  assert.deepEqual(asked.map(({ tracks }) => tracks[0].stopped), [true, false, true, false]);
  assert.deepEqual(local.preview.getVideoTracks(), [local.camera]);
});

test("mutes in quick succession end with the last, whatever the server lets wait", async () => {
  browser();
  const waiting = [];
  const request = (command) => new Promise((resolve) => waiting.push({ command, resolve }));
  const client = { user: { id: "me" }, deviceId: "d1", request, leave() {}, attach() {}, async renewIceServers() {} };
  const call = new CallConnection(client, { peer: { id: "peer" }, video: false, call: ongoing() });
  for (const muted of [true, false, true, false, true]) call.setMuted(muted);
  call.local.microphone = new Track("audio");
  call.setMuted(false);
  assert.equal(waiting.length, 1);
  waiting[0].resolve({});
  await turn();
  assert.equal(waiting.length, 2);
  assert.equal(waiting[1].command.callSetMedia.media.microphone, true);
  waiting[1].resolve({});
  await turn();
  assert.equal(waiting.length, 2);
});
