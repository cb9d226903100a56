import assert from "node:assert/strict";
import { test } from "node:test";
import { CallConnection } from "../../Sources/WebClient/library/call-connection.js";
import { LocalMedia } from "../../Sources/WebClient/library/local-media.js";
import { Stream, Track, pretend, turn } from "./browser.mjs";

pretend("MediaStream", Stream);

/** A browser whose questions the test answers: `asked` has one entry for each. */
function browser() {
  /** @type {{tracks: Track[], allow: () => void, deny: () => void}[]} */
  const asked = [];
  const ask = (/** @type {Track[]} */ tracks) =>
    new Promise((resolve, reject) => {
      asked.push({ tracks, allow: () => resolve(new Stream(tracks)), deny: () => reject(new Error("no")) });
    });
  const mediaDevices = {
    getUserMedia: (/** @type {MediaStreamConstraints} */ { audio, video }) =>
      ask([...(audio ? [new Track("audio")] : []), ...(video ? [new Track("video")] : [])]),
    getDisplayMedia: () => ask([new Track("video")]),
  };
  pretend("navigator", { mediaDevices });
  return asked;
}

/** @typedef {import("../../Sources/WebClient/library/socket.js").Command} Command */

/**
 * A client whose server the test is.
 * @param {(command: Command) => Promise<Wire.Ok>} request
 * @returns {import("../../Sources/WebClient/library/call-connection.js").CallClient}
 */
const clientOf = (request) => ({
  user: { id: "me" },
  deviceId: "d1",
  state: "online",
  request,
  rtcConfiguration: () => ({}),
  leave() {},
  attach() {},
  async renewIceServers() {},
});

/** @param {Partial<import("../../Sources/WebClient/library/call-connection.js").CallSubject>} more */
function connection(more = {}) {
  /** @type {Command[]} */
  const sent = [];
  const client = clientOf(async (command) => {
    sent.push(command);
    return {};
  });
  return { sent, connection: new CallConnection(client, { peer: { id: "peer" }, video: false, ...more }) };
}

/** @returns {Wire.Call} */
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
  /** @type {{command: Command, resolve: (ok: Wire.Ok) => void}[]} */
  const waiting = [];
  const client = clientOf((command) => new Promise((resolve) => waiting.push({ command, resolve })));
  const call = new CallConnection(client, { peer: { id: "peer" }, video: false, call: ongoing() });
  for (const muted of [true, false, true, false, true]) call.setMuted(muted);
  call.local.microphone = /** @type {any} as much of one as is needed */ (new Track("audio"));
  call.setMuted(false);
  assert.equal(waiting.length, 1);
  waiting[0].resolve({});
  await turn();
  assert.equal(waiting.length, 2);
  assert.equal(waiting[1].command.callSetMedia?.media?.microphone, true);
  waiting[1].resolve({});
  await turn();
  assert.equal(waiting.length, 2);
});
