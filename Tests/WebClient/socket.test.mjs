import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { RingbackSocket } from "../../Sources/WebClient/library/socket.js";
import { Socket, turn } from "./browser.mjs";

/** Sockets, the newest last. */
class Line extends Socket {
  /** @type {Line[]} */
  static all = [];
  /**
   * @param {string} url
   * @param {string[]} protocols
   */
  constructor(url, protocols) {
    super(url, protocols);
    Line.all.push(this);
  }
  /** The newest. */
  static get last() {
    const last = Line.all.at(-1);
    assert.ok(last);
    return last;
  }
  commands() {
    return this.sent.filter((frame) => !frame.hello && !frame.ping);
  }
}

/** @typedef {import("../../Sources/WebClient/library/socket.js").SocketEvents} SocketEvents */

/** @type {Wire.Call} */
const call = { id: "c1", status: "CALL_STATUS_ONGOING" };

/** @param {Partial<ConstructorParameters<typeof RingbackSocket>[0]>} options */
async function connected(options = {}) {
  Line.all = [];
  /** @type {[name: string, detail: SocketEvents[keyof SocketEvents]][]} */
  const seen = [];
  const socket = new RingbackSocket({
    url: "ws://server/v1/socket",
    device: { id: "d1", name: "Test" },
    token: async () => "t1",
    WebSocket: Line,
    random: () => 1,
    ...options,
  });
  for (const type of /** @type {const} */ (["state", "welcome", "event", "refused"])) {
    socket.addEventListener(type, ({ detail }) => seen.push([type, detail]));
  }
  socket.start();
  await turn();
  return { socket, seen, wire: () => Line.last };
}

test("hello is the first frame, by the JSON subprotocol", async () => {
  const { socket, wire } = await connected();
  wire().open();
  assert.deepEqual(wire().protocols, ["ringback.v1.json"]);
  const { id, ...frame } = wire().sent[0];
  assert.ok(id);
  assert.deepEqual(frame, { hello: { accessToken: "t1", device: { id: "d1", name: "Test" } } });
  socket.stop();
});

test("answers find their commands, errors reject with what the server said", async () => {
  const { socket, wire } = await connected();
  wire().welcome();
  const first = socket.request({ callFetch: { callId: "c1" } });
  const second = socket.request({ callFetch: { callId: "c2" } });
  const [one, two] = wire().commands();
  const over = { ...call, id: "c2" };
  wire().receive({ replyTo: two.id, error: { code: "ERROR_CODE_CALL_ENDED", message: "over", call: over } });
  wire().receive({ replyTo: one.id, ok: { call: { ...call, id: "c1" } } });
  assert.deepEqual(await first, { call: { ...call, id: "c1" } });
  await assert.rejects(second, { code: "CALL_ENDED", call: { ...call, id: "c2" } });
  socket.stop();
});

test("a lost connection comes back, resumes, and repeats what was not answered", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { socket, seen, wire } = await connected();
  wire().welcome();
  wire().receive({ seq: "1", event: { callUpdated: { call } } });
  wire().receive({ seq: "2", event: { callUpdated: { call } } });
  const reply = socket.request({ callAccept: { commandId: "x", callId: "c1" } });
  const [before] = wire().commands();
  assert.equal(before.ack, "2");
  wire().fail();
  assert.equal(socket.state, "waiting");
  mock.timers.tick(1_000);
  await turn();
  assert.equal(Line.all.length, 2);
  wire().welcome({ recovered: true, resumeToken: "r2" });
  assert.deepEqual(wire().hello.resume, { token: "r1", lastSeq: "2" });
  const [again] = wire().commands();
  assert.deepEqual(again.callAccept, { commandId: "x", callId: "c1" });
  wire().receive({ replyTo: again.id, ok: { call: { ...call, id: "c1" } } });
  assert.deepEqual(await reply, { call: { ...call, id: "c1" } });
  assert.equal(seen.filter(([type]) => type === "welcome").length, 2);
  socket.stop();
  mock.timers.reset();
});

test("goes on counting from connection to connection, and from the start when the server does", async () => {
  const { socket, wire } = await connected();
  const comeBack = async (/** @type {Partial<Wire.Welcome>} */ welcome) => {
    wire().fail();
    socket.retryNow();
    await turn();
    wire().welcome(welcome);
    return wire().hello.resume;
  };
  const event = (/** @type {number} */ seq) => wire().receive({ seq: String(seq), event: { callUpdated: { call } } });
  wire().welcome();
  event(1);
  assert.deepEqual(await comeBack({ recovered: true }), { token: "r1", lastSeq: "1" });
  event(2);
  event(3);
  // Lost before it was welcomed: nothing has changed.
  wire().fail();
  socket.retryNow();
  await turn();
  wire().open();
  assert.deepEqual(await comeBack({ resumeToken: "r2" }), { token: "r1", lastSeq: "3" });
  assert.deepEqual(await comeBack({ recovered: true, resumeToken: "r2" }), { token: "r2", lastSeq: "0" });
  event(1);
  assert.deepEqual(await comeBack({ recovered: true, resumeToken: "r2" }), { token: "r2", lastSeq: "1" });
  socket.stop();
});

test("hello is an acknowledgement: what it said is not said again", async () => {
  const { socket, wire } = await connected();
  wire().welcome();
  for (let seq = 1; seq <= 5; seq += 1) wire().receive({ seq: String(seq), event: { callUpdated: { call } } });
  wire().fail();
  socket.retryNow();
  await turn();
  wire().welcome({ recovered: true });
  const replies = [socket.request({ callFetch: { callId: "c1" } })];
  wire().receive({ seq: "6", event: { callUpdated: { call } } });
  replies.push(socket.request({ callFetch: { callId: "c2" } }));
  assert.deepEqual(wire().commands().map(({ ack }) => ack), [undefined, "6"]);
  socket.stop();
  for (const reply of replies) await assert.rejects(reply, { code: "CLOSED" });
});

test("a socket that was stopped has nothing to resume", async () => {
  const { socket, wire } = await connected();
  wire().welcome();
  wire().receive({ seq: "1", event: { callUpdated: { call } } });
  socket.stop();
  socket.start();
  await turn();
  wire().open();
  assert.equal(wire().hello.resume, undefined);
  socket.stop();
});

test("tries again later and later, and at once when asked", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { socket, wire } = await connected();
  for (const delay of [1_000, 2_000, 4_000, 8_000]) {
    const tries = Line.all.length;
    wire().fail();
    mock.timers.tick(delay - 1);
    await turn();
    assert.equal(Line.all.length, tries);
    mock.timers.tick(1);
    await turn();
    assert.equal(Line.all.length, tries + 1);
  }
  wire().fail();
  const tries = Line.all.length;
  socket.retryNow();
  await turn();
  assert.equal(Line.all.length, tries + 1);
  socket.stop();
  mock.timers.reset();
});

test("4500 and above: no way back, and whoever waits is told", async () => {
  const { socket, seen, wire } = await connected();
  wire().welcome();
  const waiting = socket.request({ callFetch: { callId: "c1" } });
  wire().fail(4502, "revoked");
  await assert.rejects(waiting, { code: "CLOSED" });
  assert.equal(socket.state, "stopped");
  assert.deepEqual(seen.at(-1), ["refused", { code: 4502, reason: "revoked" }]);
  await assert.rejects(socket.request({ ping: {} }), { code: "CLOSED" });
});

test("a token that is turned away is replaced once, then the sign-in is over", async () => {
  /** @type {(string | undefined)[]} */
  const asked = [];
  const { socket, seen, wire } = await connected({
    token: async (rejected) => {
      asked.push(rejected);
      return `t${asked.length}`;
    },
  });
  const turnAway = () => wire().receive({ replyTo: wire().sent[0].id, error: { code: "ERROR_CODE_UNAUTHENTICATED" } });
  wire().open();
  turnAway();
  await turn();
  assert.deepEqual(asked, [undefined, "t1"]);
  wire().open();
  assert.equal(wire().hello.accessToken, "t2");
  turnAway();
  await turn();
  assert.equal(socket.state, "stopped");
  assert.equal(seen.at(-1)?.[0], "refused");
});

test("closed with 4501: one try with a fresh token", async () => {
  /** @type {(string | undefined)[]} */
  const asked = [];
  const { socket, seen, wire } = await connected({
    token: async (rejected) => {
      asked.push(rejected);
      return `t${asked.length}`;
    },
  });
  wire().open();
  wire().fail(4501);
  await turn();
  assert.deepEqual(asked, [undefined, "t1"]);
  assert.equal(socket.state, "connecting");
  wire().fail(4501);
  await turn();
  assert.deepEqual(seen.at(-1), ["refused", { code: 4501, reason: "" }]);
});

test("a command that may succeed later is repeated with the same ids", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { socket, wire } = await connected();
  wire().welcome();
  const reply = socket.request({ sendMessage: { clientMessageId: "m1", body: "hi" } });
  /** @type {Wire.Error} */
  const busy = { code: "ERROR_CODE_UNAVAILABLE", retryable: true, retryAfterMs: 700 };
  wire().receive({ replyTo: wire().commands()[0].id, error: busy });
  mock.timers.tick(699);
  assert.equal(wire().commands().length, 1);
  mock.timers.tick(1);
  assert.deepEqual(wire().commands()[1], wire().commands()[0]);
  wire().receive({ replyTo: wire().commands()[1].id, ok: { message: { id: "s1", conversationId: "v1" } } });
  assert.deepEqual(await reply, { message: { id: "s1", conversationId: "v1" } });
  socket.stop();
  mock.timers.reset();
});

test("without an answer a command fails in the end", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { socket, wire } = await connected();
  wire().welcome();
  const late = socket.request({ callFetch: { callId: "c1" } }, { timeoutMs: 3_000 });
  mock.timers.tick(3_000);
  await assert.rejects(late, { code: "TIMEOUT", retryable: true });
  socket.stop();
  mock.timers.reset();
});

test("a silent connection is given up", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { socket, wire } = await connected();
  wire().welcome();
  mock.timers.tick(20_000);
  assert.ok(wire().sent.at(-1)?.ping);
  mock.timers.tick(8_000);
  await turn();
  assert.equal(socket.state, "waiting");
  socket.stop();
  mock.timers.reset();
});

test("events are acknowledged now and then", async () => {
  const { socket, wire } = await connected();
  wire().welcome();
  for (let seq = 1; seq <= 70; seq += 1) wire().receive({ seq: String(seq), event: { callUpdated: { call } } });
  assert.deepEqual(wire().sent.slice(1).map((frame) => frame.ack), ["32", "64"]);
  socket.stop();
});

test("what is requested when the connection is there goes once", async () => {
  const { socket, wire } = await connected();
  const early = socket.request({ callFetch: { callId: "early" } });
  /** @type {Promise<Wire.Ok>[]} */
  const later = [];
  const ask = (/** @type {string} */ callId) => () => later.push(socket.request({ callFetch: { callId } }));
  socket.addEventListener("state", ({ detail }) => detail.state === "online" && ask("state")());
  socket.addEventListener("welcome", ask("welcome"));
  wire().welcome();
  assert.deepEqual(wire().commands().map(({ callFetch }) => callFetch?.callId), ["early", "state", "welcome"]);
  socket.stop();
  for (const reply of [early, ...later]) await assert.rejects(reply, { code: "CLOSED" });
});

test("half a surrogate pair goes out as U+FFFD", async () => {
  const { socket, wire } = await connected({ device: { id: "d1", name: "Half \ud83d" } });
  wire().welcome();
  assert.equal(wire().hello.device?.name, "Half \ufffd");
  const reply = socket.request({ sendMessage: { body: "\ude00 half \ud83d, whole \u{1f600}" } });
  assert.equal(wire().commands()[0].sendMessage?.body, "\ufffd half \ufffd, whole \u{1f600}");
  socket.stop();
  await assert.rejects(reply, { code: "CLOSED" });
});

test("hello refused: the close code says whether to come back, the error when", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { socket, seen, wire } = await connected();
  const refuse = (/** @type {Wire.Error} */ error) => wire().receive({ replyTo: wire().sent[0].id, error });
  wire().open();
  refuse({ code: "ERROR_CODE_UNAVAILABLE", retryable: true, retryAfterMs: 5_000 });
  assert.equal(socket.state, "connecting");
  wire().fail(4000);
  assert.equal(socket.retryAt - Date.now(), 5_000);
  mock.timers.tick(5_000);
  await turn();
  wire().open();
  refuse({ code: "ERROR_CODE_UNSUPPORTED" });
  wire().fail(4505, "too old");
  assert.deepEqual(seen.at(-1), ["refused", { code: 4505, reason: "too old" }]);
  mock.timers.reset();
});

test("hello refused without a close: the connection is given up in time", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { socket, wire } = await connected();
  wire().open();
  wire().receive({ replyTo: wire().sent[0].id, error: { code: "ERROR_CODE_INTERNAL" } });
  mock.timers.tick(10_000);
  assert.equal(socket.state, "waiting");
  socket.stop();
  mock.timers.reset();
});
