import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { RingbackClient } from "../../Sources/WebClient/library/client.js";
import { MemoryStorage } from "../../Sources/WebClient/library/session-store.js";
import { Socket, pretend, turn } from "./browser.mjs";

const me = { id: "me" };
const peer = { id: "peer" };

/** The frames that a device has sent, and the answers of the test, which is the server. */
class Line extends Socket {
  /** @type {Line | null} */
  static newest = null;
  /**
   * @param {string} url
   * @param {string[]} protocols
   */
  constructor(url, protocols) {
    super(url, protocols);
    Line.newest = this;
  }
  static get last() {
    assert.ok(Line.newest);
    return Line.newest;
  }
  /** @param {Wire.Call} call */
  update(call) {
    this.receive({ seq: "1", event: { callUpdated: { call } } });
  }
  /**
   * @param {keyof Wire.ClientFrame} name of the command
   * @param {Wire.ServerFrame} reply
   */
  async answer(name, reply) {
    await turn();
    const frame = [...this.sent].reverse().find((sent) => sent[name]);
    this.receive({ replyTo: frame?.id, ...reply });
    await turn();
  }
  /**
   * What was asked for by commands of a name.
   * @template {"callInvite" | "callHangUp" | "callRinging" | "callFetch"} Name
   * @param {Name} name
   */
  all(name) {
    return this.sent.flatMap((frame) => frame[name] ?? []);
  }
}

pretend("WebSocket", Line);
pretend(
  "MediaStream",
  class {
    getAudioTracks() {
      return [{ stop() {} }];
    }
    getTracks() {
      return [];
    }
  },
);

/**
 * Somebody signed in and online, whose microphone the test allows or denies.
 * @param {{iceServers?: Wire.IceServer[]}} options
 */
async function online({ iceServers } = {}) {
  const microphone = { allow() {}, deny() {} };
  const getUserMedia = () =>
    new Promise((resolve, reject) => {
      microphone.allow = () => resolve(new MediaStream());
      microphone.deny = () => reject(new Error("denied"));
    });
  pretend("navigator", { mediaDevices: { getUserMedia } });
  const storage = new MemoryStorage();
  const accessTokenExpiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const credentials = { user: me, accessToken: "a", accessTokenExpiresAt, refreshToken: "r" };
  storage.setItem("ringback::credentials", JSON.stringify(credentials));
  const client = new RingbackClient({ url: "https://ringback.example", storage });
  /** @type {[name: string, callId: string][]} */
  const seen = [];
  for (const type of /** @type {const} */ (["incoming", "call"])) {
    client.addEventListener(type, ({ detail }) => seen.push([type, detail.call.id]));
  }
  client.connect();
  await turn();
  Line.last.welcome({ user: me, iceServers });
  return { client, microphone, seen };
}

/**
 * @param {RingbackClient} client
 * @param {Wire.Call[]} calls
 * @param {boolean} [recovered]
 */
async function comeBack(client, calls, recovered) {
  client.retryNow();
  await turn();
  Line.last.welcome({ user: me, calls, recovered });
  await turn();
}

/**
 * @param {RingbackClient} client
 * @param {Partial<Wire.Call>} more
 * @returns {Wire.Call}
 */
const mine = (client, more = {}) => ({
  id: "c1",
  revision: "1",
  status: "CALL_STATUS_INITIATED",
  initiatorId: me.id,
  participants: [
    { user: me, status: "PARTICIPANT_STATUS_CONNECTED", deviceId: client.deviceId },
    { user: peer, status: "PARTICIPANT_STATUS_RINGING" },
  ],
  ...more,
});
/** @returns {Wire.Call} */
const theirs = (id = "c2") => ({
  id,
  revision: "1",
  status: "CALL_STATUS_INITIATED",
  initiatorId: peer.id,
  participants: [
    { user: peer, status: "PARTICIPANT_STATUS_CONNECTED", deviceId: "d9" },
    { user: me, status: "PARTICIPANT_STATUS_RINGING" },
  ],
});
/**
 * @param {RingbackClient} client
 * @returns {Wire.Call}
 */
const answeredHere = (client, id = "c2", revision = "2") => ({
  ...mine(client),
  id,
  revision,
  status: "CALL_STATUS_ONGOING",
  initiatorId: peer.id,
});

test("hung up while the invite is on its way: ended when it turns up in the snapshot", async () => {
  const { client, microphone } = await online();
  const call = client.placeCall(peer);
  microphone.allow();
  await turn();
  const [{ clientCallId }] = Line.last.all("callInvite");
  Line.last.fail();
  call.hangUp();
  await comeBack(client, [mine(client, { clientCallId })]);
  assert.deepEqual(client.callsToRejoin(), []);
  assert.deepEqual(Line.last.all("callHangUp").map(({ callId }) => callId), ["c1"]);
  client.disconnect();
});

test("hung up while the invite is on its way: ended when it is answered, once", async () => {
  for (const name of ["ours", "merged with theirs"]) {
    const { client, microphone } = await online();
    const call = client.placeCall(peer);
    microphone.allow();
    await turn();
    call.hangUp();
    const [{ clientCallId }] = Line.last.all("callInvite");
    await Line.last.answer("callInvite", { ok: { call: mine(client, name === "ours" ? { clientCallId } : {}) } });
    assert.equal(Line.last.all("callHangUp").length, 1, name);
    assert.deepEqual(client.callsToRejoin(), [], name);
    client.disconnect();
  }
});

test("a call that was not rung for, since this device was calling too, rings once nothing came of that", async () => {
  const { client, microphone, seen } = await online();
  client.placeCall(peer);
  Line.last.update(theirs());
  assert.deepEqual(seen, [["incoming", "c2"], ["call", "c2"]]);
  microphone.deny();
  await turn();
  assert.equal(client.connection, null);
  assert.deepEqual(seen.at(-1), ["incoming", "c2"]);
  client.disconnect();
});

test("a call does not ring again after an answer that failed, nor in a client that stops", async () => {
  const { client, microphone, seen } = await online();
  Line.last.update(theirs());
  client.answerCall("c2");
  microphone.deny();
  await turn();
  client.placeCall(peer);
  client.disconnect();
  assert.equal(seen.filter(([type]) => type === "incoming").length, 1);
});

test("an answer that failed, and was carried out all the same, is taken back", async () => {
  const { client, microphone } = await online();
  Line.last.update(theirs());
  client.answerCall("c2");
  microphone.allow();
  await Line.last.answer("callAccept", { error: { code: "ERROR_CODE_UNAVAILABLE" } });
  assert.equal(client.connection, null);
  assert.equal(Line.last.all("callHangUp").length, 0);
  Line.last.update(answeredHere(client));
  Line.last.update(answeredHere(client, "c2", "3"));
  assert.deepEqual(Line.last.all("callHangUp").map(({ callId }) => callId), ["c2"]);
  client.disconnect();
});

test("an invite that failed, and was carried out all the same, is taken back", async () => {
  const { client, microphone } = await online();
  client.placeCall(peer);
  microphone.allow();
  await Line.last.answer("callInvite", { error: { code: "ERROR_CODE_UNAVAILABLE" } });
  const [{ clientCallId }] = Line.last.all("callInvite");
  Line.last.update(mine(client, { clientCallId }));
  assert.deepEqual(Line.last.all("callHangUp").map(({ callId }) => callId), ["c1"]);
  client.disconnect();
});

test("not recovered: what was believed of calls is dropped", async () => {
  const { client, seen } = await online();
  /** @type {string[]} */
  const stopped = [];
  client.addEventListener("ringstopped", ({ detail }) => stopped.push(detail.call.id));
  Line.last.update(theirs());
  Line.last.fail();
  await comeBack(client, [theirs("c3")]);
  assert.equal(Line.last.hello.resume?.token, "r1");
  assert.deepEqual([...client.calls.keys()], ["c3"]);
  assert.deepEqual(stopped, ["c2"]);
  assert.deepEqual(seen.at(-1), ["call", "c3"]);
  await Line.last.answer("callFetch", { error: { code: "ERROR_CODE_NOT_FOUND" } });
  assert.deepEqual(seen.at(-1), ["call", "c2"]);
  client.disconnect();
});

test("disconnected by the page: nothing rings on, and what still rings does when it connects again", async () => {
  const { client, seen } = await online();
  /** @type {[callId: string, reason: string][]} */
  const stopped = [];
  client.addEventListener("ringstopped", ({ detail }) => stopped.push([detail.call.id, detail.reason]));
  Line.last.update(theirs());
  client.disconnect();
  assert.deepEqual(stopped, [["c2", "DISCONNECTED"]]);
  client.connect();
  await comeBack(client, [theirs()]);
  assert.equal(Line.last.hello.resume, undefined);
  assert.equal(seen.filter(([type]) => type === "incoming").length, 2);
  client.disconnect();
});

test("recovered: what was missed comes as events, and is rung for once", async () => {
  const { client, seen } = await online();
  Line.last.update(theirs());
  Line.last.fail();
  await comeBack(client, [theirs(), theirs("c3")], true);
  Line.last.update(theirs("c3"));
  assert.deepEqual(seen, [["incoming", "c2"], ["call", "c2"], ["incoming", "c3"], ["call", "c3"]]);
  assert.deepEqual(Line.last.all("callFetch"), []);
  client.disconnect();
});

test("recovered: a call whose end was this device's wish, and whose answer was lost, is asked for", async () => {
  const { client, seen } = await online();
  Line.last.update(theirs());
  Line.last.fail();
  await comeBack(client, [], true);
  // It may end by an event that follows, so that nothing is dropped.
  assert.deepEqual([...client.calls.keys()], ["c2"]);
  await Line.last.answer("callFetch", { ok: { call: { ...theirs(), revision: "2", status: "CALL_STATUS_MISSED" } } });
  assert.equal(client.calls.size, 0);
  assert.deepEqual(seen.at(-1), ["call", "c2"]);
  client.disconnect();
});

test("a revision that comes twice is no news", async () => {
  const { client, seen } = await online();
  for (let time = 0; time < 3; time += 1) Line.last.update(theirs());
  assert.deepEqual(seen, [["incoming", "c2"], ["call", "c2"]]);
  assert.equal(Line.last.all("callRinging").length, 1);
  client.disconnect();
});

test("a call of this device without a connection is offered, also after the client was stopped in it", async () => {
  const { client } = await online();
  Line.last.fail();
  await comeBack(client, [answeredHere(client)]);
  assert.deepEqual(client.callsToRejoin().map(({ id }) => id), ["c2"]);
  client.rejoinCall("c2");
  client.disconnect();
  client.connect();
  await turn();
  Line.last.welcome({ user: me, calls: [answeredHere(client)] });
  assert.deepEqual(client.callsToRejoin().map(({ id }) => id), ["c2"]);
  assert.deepEqual(Line.last.all("callHangUp"), []);
  client.disconnect();
});

/** An RTCPeerConnection as far as its servers go. */
class Peer {
  /** @type {Peer[]} */
  static made = [];
  signalingState = "stable";
  connectionState = "new";
  /** @type {{sdp: string} | null} */
  remoteDescription = null;
  localDescription = { type: "answer", sdp: "" };
  restarts = 0;
  /** @type {object[]} */
  #transceivers = [];
  /** @param {{iceServers: Wire.IceServer[]}} configuration */
  constructor(configuration) {
    this.configuration = configuration;
    Peer.made.push(this);
  }
  get servers() {
    return this.configuration.iceServers.map(({ credential }) => credential);
  }
  /** @param {object} track */
  addTrack(track) {
    const sender = { track };
    this.#transceivers.push({ sender, mid: null, receiver: { track: { kind: "audio" } } });
    return sender;
  }
  getTransceivers() {
    return this.#transceivers;
  }
  getConfiguration() {
    return this.configuration;
  }
  /** @param {{iceServers: Wire.IceServer[]}} configuration */
  setConfiguration(configuration) {
    this.configuration = configuration;
  }
  restartIce() {
    this.restarts += 1;
  }
  async setLocalDescription() {}
  async setRemoteDescription() {}
  close() {}
}

test("a call begins, finds a new path and begins anew with credentials that are good for a while", async (t) => {
  pretend("RTCPeerConnection", Peer);
  const server = (/** @type {string} */ credential, /** @type {number} */ seconds) => ({
    urls: ["turn:turn.example"],
    username: `${Math.floor(Date.now() / 1000) + seconds}:me`,
    credential,
  });
  // None of them lasts, so that each use asks anew.
  let count = 0;
  const fetch = mock.method(globalThis, "fetch", async (url) => {
    assert.equal(url.pathname, "/v1/ice-servers");
    count += 1;
    return new Response(JSON.stringify({ iceServers: [server(`fetched ${count}`, 30)] }));
  });
  const { client, microphone } = await online({ iceServers: [server("welcome", 30)] });
  t.after(() => {
    client.disconnect();
    fetch.mock.restore();
  });
  const call = client.placeCall(peer);
  microphone.allow();
  await turn();
  const [{ clientCallId }] = Line.last.all("callInvite");
  await Line.last.answer("callInvite", { ok: { call: mine(client, { clientCallId }) } });
  await turn();
  assert.equal(Peer.made.length, 1);
  const [first] = Peer.made;
  assert.deepEqual(first.servers, ["fetched 1"]);

  first.remoteDescription = { sdp: "" };
  call.networkChanged();
  await turn();
  assert.deepEqual([first.restarts, first.servers], [1, ["fetched 2"]]);

  // The other side began anew.
  /** @param {string} peerConnectionId @returns {Wire.Description} */
  const offer = (peerConnectionId) => ({ type: "DESCRIPTION_TYPE_OFFER", sdp: "", peerConnectionId });
  call.receive(peer.id, { description: offer("p1") });
  await turn();
  call.receive(peer.id, { description: offer("p2") });
  await turn();
  await turn();
  assert.deepEqual(Peer.made.map(({ servers }) => servers.join()).slice(1, 2), ["fetched 3"]);
});

test("signing out takes effect here at once, whether or not the server can be reached", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { client } = await online();
  let reasons = 0;
  client.addEventListener("signedout", () => (reasons += 1));
  const fetch = mock.method(globalThis, "fetch", async () => {
    throw new TypeError("no network");
  });
  const failure = assert.rejects(client.logout(), { code: "OFFLINE" });
  assert.equal(client.isSignedIn, false);
  assert.equal(client.state, "stopped");
  assert.equal(reasons, 1);
  for (const waitMs of [0, 2_000, 10_000]) {
    mock.timers.tick(waitMs);
    await turn();
  }
  await failure;
  assert.equal(fetch.mock.callCount(), 3);
  fetch.mock.restore();
  mock.timers.reset();
});

test("the cookie is asked for on a page of the server's own, and not from anywhere else", async () => {
  /** @type {unknown[]} */
  const asked = [];
  const fetch = mock.method(globalThis, "fetch", async (url, { method, headers }) => {
    asked.push([`${method} ${url.pathname}`, headers["Ringback-Refresh-Cookie"]]);
    const accessTokenExpiresAt = new Date(Date.now() + 3_600_000).toISOString();
    return new Response(JSON.stringify({ user: me, sessionId: "s1", accessToken: "a", accessTokenExpiresAt }));
  });
  const url = "https://ringback.example";
  for (const { origin, cookieEnabled, isAsked } of [
    { origin: url, cookieEnabled: true, isAsked: true },
    { origin: url, cookieEnabled: false, isAsked: false },
    { origin: "https://elsewhere.example", cookieEnabled: true, isAsked: false },
  ]) {
    pretend("navigator", { cookieEnabled });
    pretend("location", { origin });
    const client = new RingbackClient({ url, storage: new MemoryStorage() });
    await client.register({ username: "ann", password: "correct horse" });
    await client.login({ username: "ann", password: "correct horse" });
    await client.logout();
    const cookie = isAsked ? client.deviceId : undefined;
    assert.deepEqual(asked.splice(0), [
      ["POST /v1/accounts", cookie],
      ["POST /v1/sessions", cookie],
      ["DELETE /v1/sessions/current", cookie],
    ]);
  }
  pretend("location", undefined);
  fetch.mock.restore();
});

test("whoever signs in while the last session ends keeps the new cookie", async () => {
  pretend("navigator", { cookieEnabled: true });
  /** @type {string[]} */
  const asked = [];
  let finish = () => {};
  const fetch = mock.method(globalThis, "fetch", async (url, { method }) => {
    asked.push(method);
    if (method === "DELETE") await new Promise((resolve) => (finish = () => resolve(null)));
    const accessTokenExpiresAt = new Date(Date.now() + 3_600_000).toISOString();
    return new Response(JSON.stringify({ user: me, sessionId: "s1", accessToken: "a", accessTokenExpiresAt }));
  });
  const client = new RingbackClient({
    url: "https://ringback.example",
    storage: new MemoryStorage(),
    refreshCookie: true,
  });
  await client.login({ username: "ann", password: "correct horse" });
  const ended = client.logout();
  await turn();
  const begun = client.login({ username: "ann", password: "correct horse" });
  await turn();
  assert.deepEqual(asked, ["POST", "DELETE"]);
  finish();
  await Promise.all([ended, begun]);
  assert.deepEqual(asked, ["POST", "DELETE", "POST"]);
  fetch.mock.restore();
});
