import assert from "node:assert/strict";
import { test } from "node:test";
import { Switchboard } from "../../Sources/WebClient/library/switchboard.js";
import { participantOf } from "../../Sources/WebClient/library/wire.js";
import { Stream, Track, pretend, turn } from "./browser.mjs";

pretend("MediaStream", Stream);
const getUserMedia = async (/** @type {MediaStreamConstraints} */ { audio, video }) =>
  new Stream([...(audio ? [new Track("audio")] : []), ...(video ? [new Track("video")] : [])]);
pretend("navigator", { mediaDevices: { getUserMedia } });

const me = { id: "me" };

/**
 * A call with this device in it, alone: nothing is negotiated.
 * @param {string} id
 * @param {Partial<Wire.Call>} more
 * @param {Partial<Wire.CallParticipant>} own
 * @returns {Wire.Call}
 */
const mine = (id, more = {}, own = {}) => ({
  id,
  revision: "2",
  mode: "CALL_MODE_GROUP",
  status: "CALL_STATUS_ONGOING",
  initiatorId: "x",
  participants: [
    { user: me, status: "PARTICIPANT_STATUS_CONNECTED", deviceId: "d1", media: { microphone: true }, ...own },
    { user: { id: "x" }, status: "PARTICIPANT_STATUS_LEFT", leaveReason: "LEAVE_REASON_HANGUP" },
  ],
  ...more,
});
const rings = (/** @type {string} */ id) =>
  mine(id, { revision: "1" }, { status: "PARTICIPANT_STATUS_RINGING", deviceId: undefined });
/**
 * @param {string} id
 * @param {"HANGUP" | "KICKED"} leaveReason
 */
const out = (id, leaveReason, revision = "3") =>
  mine(id, { revision }, { status: "PARTICIPANT_STATUS_LEFT", leaveReason: `LEAVE_REASON_${leaveReason}` });
const asks = (/** @type {string} */ id, revision = "3") =>
  mine(id, { revision, locked: true, joinRequests: [me] }, { status: "PARTICIPANT_STATUS_LEFT" });

/** @typedef {import("../../Sources/WebClient/library/socket.js").Command} Command */

/**
 * A switchboard whose server answers with `answer(command)`.
 * @param {(command: Command) => Wire.Ok | undefined} answer
 */
function office(answer = () => undefined) {
  /** @type {Command[]} */
  const sent = [];
  /** @type {import("../../Sources/WebClient/library/client.js").ClientEvents["connection"][]} */
  const seen = [];
  /** @type {Wire.Call[]} */
  const announced = [];
  /** @type {string[]} */
  const stopped = [];
  /** @type {import("../../Sources/WebClient/library/switchboard.js").SwitchboardClient} */
  const client = {
    user: me,
    deviceId: "d1",
    renewIceServers: async () => {},
    state: "online",
    rtcConfiguration: () => ({}),
    async request(command) {
      sent.push(command);
      const ok = answer(command) ?? {};
      if (ok.call) board.take(ok.call);
      return ok;
    },
    attach: (connection, call) => board.attach(connection, call),
    leave: (callId, why) => board.leave(callId, why),
  };
  /** @type {import("../../Sources/WebClient/library/client.js").RingbackClient["emit"]} */
  const emit = (type, ...[detail]) => {
    if (type === "connection") seen.push(/** @type {(typeof seen)[number]} */ (detail));
    if (type === "ringstopped") stopped.push(/** @type {{call: Wire.Call}} */ (detail).call.id);
    if (type === "call") announced.push(/** @type {{call: Wire.Call}} */ (detail).call);
  };
  const board = new Switchboard(client, { emit, isRunning: () => true });
  return { board, sent, seen, announced, stopped, names: () => sent.map((command) => Object.keys(command)[0]) };
}

const accepting = (/** @type {Command} */ { callAccept }) => callAccept && { call: mine(callAccept.callId) };

async function inTwoCalls() {
  const made = office(accepting);
  for (const id of ["c1", "c2"]) made.board.happened({ callIncoming: { call: rings(id) } });
  const first = made.board.enter("answer", "c1", false);
  await turn();
  const second = made.board.enter("answer", "c2", false);
  await turn();
  return { ...made, first, second };
}

test("a second call puts the first on hold, and one can switch over", async () => {
  const { board, sent, seen, first, second } = await inTwoCalls();
  assert.deepEqual([first.onHold, second.onHold], [true, false]);
  assert.deepEqual([board.connection, board.held], [second, [first]]);
  assert.equal(first.local.microphone?.enabled, false);
  board.resume(first);
  assert.deepEqual([first.onHold, second.onHold], [false, true]);
  assert.deepEqual([board.connection, board.held], [first, [second]]);
  assert.equal(seen.at(-1)?.connection, first);
  const holds = sent.flatMap(({ callHold }) => (callHold ? [[callHold.callId, callHold.onHold]] : []));
  assert.deepEqual(holds, [["c1", true], ["c2", true], ["c1", false]]);
  board.abandon();
});

test("there is no third call, and no second one before the first can be held", async () => {
  const { board } = await inTwoCalls();
  board.happened({ callIncoming: { call: rings("c3") } });
  assert.throws(() => board.enter("answer", "c3", false), { code: "BUSY_HERE" });
  assert.throws(() => board.place({ peer: { id: "x" }, video: false }), { code: "BUSY_HERE" });
  board.abandon();

  const { board: other } = office(accepting);
  for (const id of ["c1", "c2"]) other.happened({ callIncoming: { call: rings(id) } });
  other.enter("answer", "c1", false);
  assert.throws(() => other.enter("answer", "c2", false), { code: "BUSY_HERE" });
  await turn();
  other.abandon();
});

test("when the second call ends the first one is there again, still on hold", async () => {
  const { board, seen, first, second } = await inTwoCalls();
  board.happened({ callUpdated: { call: mine("c2", { revision: "9", status: "CALL_STATUS_COMPLETED" }) } });
  assert.equal(second.state, "ended");
  assert.equal(board.connection, first);
  assert.equal(first.onHold, true);
  assert.deepEqual(seen.at(-1), { connection: first, ended: second });
  board.abandon();
});

test("a call on hold that ends leaves the other one alone", async () => {
  const { board, first, second } = await inTwoCalls();
  board.happened({ callUpdated: { call: out("c1", "KICKED") } });
  assert.equal(first.end?.cause, "remote");
  assert.deepEqual([board.connection, board.held, second.onHold], [second, [], false]);
  board.abandon();
});

test("at a locked call one waits until a host says yes or no", async () => {
  const joining = (/** @type {Command} */ { callJoin }) => callJoin && { call: asks(callJoin.callId) };
  for (const admitted of [true, false]) {
    const { board } = office(joining);
    board.take(out("c1", "HANGUP", "1"));
    const connection = board.enter("join", "c1", false);
    await turn();
    assert.equal(connection.state, "lobby");
    assert.equal(connection.canHold, false);
    if (admitted) {
      board.happened({ callUpdated: { call: mine("c1", { revision: "4" }) } });
      assert.equal(connection.state, "connected");
    } else {
      board.happened({ joinDenied: { callId: "c1" } });
      assert.equal(connection.end?.cause, "denied");
    }
    board.abandon();
  }
});

test("who waited at the door when the connection was lost asks again", async () => {
  const { board, names } = office(
    ({ callJoin }) => callJoin && { call: asks(callJoin.callId, String(3 + names().length)) },
  );
  board.take(out("c1", "HANGUP", "1"));
  const connection = board.enter("join", "c1", false);
  await turn();
  board.replaceAll([]);
  await turn();
  assert.deepEqual(names().filter((name) => name === "callJoin").length, 2);
  assert.equal(connection.state, "lobby");
  board.abandon();
});

test("a call that is gone stops ringing, and the server is asked how it ended", async () => {
  const { board, stopped, names, announced } = office();
  board.happened({ callIncoming: { call: rings("c1") } });
  board.happened({ callGone: { callId: "c1" } });
  board.happened({ callGone: { callId: "c2" } });
  await turn();
  assert.deepEqual(stopped, ["c1"]);
  assert.deepEqual([...board.open.keys()], []);
  assert.deepEqual(names(), ["callRinging", "callFetch"]);
  assert.equal(announced.length, 1);
});

test("what a host stops is stopped, and told", async () => {
  const { board, names } = office(accepting);
  board.happened({ callIncoming: { call: rings("c1") } });
  const connection = board.enter("answer", "c1", true);
  await turn();
  /** @type {string[]} */
  const told = [];
  connection.addEventListener("stopped", ({ detail }) => told.push(detail.medium));
  for (const medium of /** @type {const} */ (["MEDIUM_MICROPHONE", "MEDIUM_CAMERA", "MEDIUM_SCREEN"])) {
    board.happened({ mediaStopped: { callId: "c1", byUserId: "x", medium } });
  }
  await turn();
  assert.deepEqual([connection.muted, connection.cameraOn, connection.sharing], [true, false, false]);
  assert.deepEqual(told, ["MEDIUM_MICROPHONE", "MEDIUM_CAMERA", "MEDIUM_SCREEN"]);
  assert.ok(names().includes("callSetMedia"));
  // Of a call that this device is not in: nothing.
  board.happened({ mediaStopped: { callId: "c9", byUserId: "x", medium: "MEDIUM_MICROPHONE" } });
  board.abandon();
});

test("the camera is off on hold, and on again after it, unless a host has stopped it", async () => {
  for (const stopped of [false, true]) {
    const { board } = office(accepting);
    board.happened({ callIncoming: { call: rings("c1") } });
    const connection = board.enter("answer", "c1", true);
    await turn();
    connection.setOnHold(true);
    assert.equal(connection.cameraOn, false);
    if (stopped) board.happened({ mediaStopped: { callId: "c1", byUserId: "x", medium: "MEDIUM_CAMERA" } });
    connection.setOnHold(false);
    await turn();
    assert.equal(connection.cameraOn, !stopped);
    board.abandon();
  }
});

test("calls to go on with: those on hold first, two at most", () => {
  const { board } = office();
  board.replaceAll([mine("c1"), mine("c2", {}, { onHold: true }), out("c3", "HANGUP")]);
  assert.deepEqual(board.lost.map(({ id }) => id), ["c2", "c1"]);
});

test("left one call while in another: the server is told again where it did not know", async () => {
  const { board, sent, first } = await inTwoCalls();
  first.hangUp();
  await turn();
  board.happened({ callUpdated: { call: mine("c1", { revision: "7" }) } });
  await turn();
  const left = sent.flatMap(({ callHangUp }) => callHangUp?.callId ?? []);
  assert.deepEqual(left, ["c1", "c1"]);
  board.abandon();
});

test("a change is put on the call; one that does not fit has the call asked for, once", async () => {
  const { board, sent, announced, names } = office(
    ({ callFetch }) => callFetch && { call: mine(callFetch.callId, { revision: "9" }) },
  );
  board.take(mine("c1", { revision: "4" }));
  const mute = (/** @type {string} */ revision, /** @type {string} */ baseRevision) =>
    board.happened({
      callChanged: { callId: "c1", revision, baseRevision, shown: [{ userId: "me", media: { camera: true } }] },
    });
  assert.equal(mute("5", "4"), true);
  assert.deepEqual(participantOf(board.open.get("c1"), "me")?.media, { camera: true });
  assert.equal(announced.at(-1), board.open.get("c1"));
  assert.equal(names().includes("callFetch"), false);
  mute("8", "7");
  mute("9", "8");
  await turn();
  assert.deepEqual(sent.flatMap(({ callFetch }) => callFetch?.callId ?? []), ["c1"]);
  assert.equal(board.open.get("c1")?.revision, "9");
  assert.deepEqual(participantOf(board.open.get("c1"), "me")?.media, { microphone: true });
  mute("10", "9");
  assert.equal(board.open.get("c1")?.revision, "10");
});
