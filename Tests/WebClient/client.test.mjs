import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { RingbackClient } from "../../Sources/WebClient/library/client.js";
import { MemoryStorage } from "../../Sources/WebClient/library/session-store.js";

const turn = () => new Promise((resolve) => setImmediate(resolve));
const me = { id: "me" };
const peer = { id: "peer" };

/** A WebSocket without a network: the test is the server. */
class Wire {
  static last;
  readyState = 0;
  sent = [];
  constructor() {
    Wire.last = this;
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  welcome(calls = [], { recovered = false, iceServers = [] } = {}) {
    this.readyState = 1;
    this.onopen();
    const welcome = { user: me, calls, recovered, iceServers, resumeToken: "r1" };
    this.onmessage({ data: JSON.stringify({ replyTo: this.sent[0].id, ok: { welcome } }) });
  }
  update(call) {
    this.onmessage({ data: JSON.stringify({ seq: "1", event: { callUpdated: { call } } }) });
  }
  async answer(name, reply) {
    await turn();
    const { id } = this.sent.findLast((frame) => frame[name]);
    this.onmessage({ data: JSON.stringify({ replyTo: id, ...reply }) });
    await turn();
  }
  lose() {
    this.readyState = 3;
    this.onclose({ code: 1006, reason: "" });
  }
  all(name) {
    return this.sent.filter((frame) => frame[name]).map((frame) => frame[name]);
  }
}

globalThis.WebSocket = Wire;
globalThis.MediaStream = class {
  getAudioTracks() {
    return [{ stop() {} }];
  }
};

/** Somebody signed in and online, whose microphone the test allows or denies. */
async function online({ iceServers } = {}) {
  const microphone = {};
  const getUserMedia = () =>
    new Promise((resolve, reject) => {
      microphone.allow = () => resolve(new MediaStream());
      microphone.deny = () => reject(new Error("denied"));
    });
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { mediaDevices: { getUserMedia } } });
  const storage = new MemoryStorage();
  const accessTokenExpiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const credentials = { user: me, accessToken: "a", accessTokenExpiresAt, refreshToken: "r" };
  storage.setItem("ringback::credentials", JSON.stringify(credentials));
  const client = new RingbackClient({ url: "https://ringback.example", storage });
  const seen = [];
  for (const type of ["incoming", "call"]) {
    client.addEventListener(type, ({ detail }) => seen.push([type, detail.call.id]));
  }
  client.connect();
  await turn();
  Wire.last.welcome([], { iceServers });
  return { client, microphone, seen };
}

async function comeBack(client, calls, recovered) {
  client.retryNow();
  await turn();
  Wire.last.welcome(calls, { recovered });
  await turn();
}

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
  const [{ clientCallId }] = Wire.last.all("callInvite");
  Wire.last.lose();
  call.hangUp();
  await comeBack(client, [mine(client, { clientCallId })]);
  assert.deepEqual(client.callsToRejoin(), []);
  assert.deepEqual(Wire.last.all("callHangUp").map(({ callId }) => callId), ["c1"]);
  client.disconnect();
});

test("hung up while the invite is on its way: ended when it is answered, once", async () => {
  for (const name of ["ours", "merged with theirs"]) {
    const { client, microphone } = await online();
    const call = client.placeCall(peer);
    microphone.allow();
    await turn();
    call.hangUp();
    const [{ clientCallId }] = Wire.last.all("callInvite");
    await Wire.last.answer("callInvite", { ok: { call: mine(client, name === "ours" ? { clientCallId } : {}) } });
    assert.equal(Wire.last.all("callHangUp").length, 1, name);
    assert.deepEqual(client.callsToRejoin(), [], name);
    client.disconnect();
  }
});

test("a call that was not rung for, since this device was calling too, rings once nothing came of that", async () => {
  const { client, microphone, seen } = await online();
  client.placeCall(peer);
  Wire.last.update(theirs());
  assert.deepEqual(seen, [["incoming", "c2"], ["call", "c2"]]);
  microphone.deny();
  await turn();
  assert.equal(client.connection, null);
  assert.deepEqual(seen.at(-1), ["incoming", "c2"]);
  client.disconnect();
});

test("a call does not ring again after an answer that failed, nor in a client that stops", async () => {
  const { client, microphone, seen } = await online();
  Wire.last.update(theirs());
  client.answerCall("c2");
  microphone.deny();
  await turn();
  client.placeCall(peer);
  client.disconnect();
  assert.equal(seen.filter(([type]) => type === "incoming").length, 1);
});

test("an answer that failed, and was carried out all the same, is taken back", async () => {
  const { client, microphone } = await online();
  Wire.last.update(theirs());
  client.answerCall("c2");
  microphone.allow();
  await Wire.last.answer("callAccept", { error: { code: "ERROR_CODE_UNAVAILABLE" } });
  assert.equal(client.connection, null);
  assert.equal(Wire.last.all("callHangUp").length, 0);
  Wire.last.update(answeredHere(client));
  Wire.last.update(answeredHere(client, "c2", "3"));
  assert.deepEqual(Wire.last.all("callHangUp").map(({ callId }) => callId), ["c2"]);
  client.disconnect();
});

test("an invite that failed, and was carried out all the same, is taken back", async () => {
  const { client, microphone } = await online();
  client.placeCall(peer);
  microphone.allow();
  await Wire.last.answer("callInvite", { error: { code: "ERROR_CODE_UNAVAILABLE" } });
  const [{ clientCallId }] = Wire.last.all("callInvite");
  Wire.last.update(mine(client, { clientCallId }));
  assert.deepEqual(Wire.last.all("callHangUp").map(({ callId }) => callId), ["c1"]);
  client.disconnect();
});

test("not recovered: what was believed of calls is dropped", async () => {
  const { client, seen } = await online();
  const stopped = [];
  client.addEventListener("ringstopped", ({ detail }) => stopped.push(detail.call.id));
  Wire.last.update(theirs());
  Wire.last.lose();
  await comeBack(client, [theirs("c3")]);
  assert.equal(Wire.last.sent[0].hello.resume.token, "r1");
  assert.deepEqual([...client.calls.keys()], ["c3"]);
  assert.deepEqual(stopped, ["c2"]);
  assert.deepEqual(seen.at(-1), ["call", "c3"]);
  await Wire.last.answer("callFetch", { error: { code: "ERROR_CODE_NOT_FOUND" } });
  assert.deepEqual(seen.at(-1), ["call", "c2"]);
  client.disconnect();
});

test("disconnected by the page: nothing rings on, and what still rings does when it connects again", async () => {
  const { client, seen } = await online();
  const stopped = [];
  client.addEventListener("ringstopped", ({ detail }) => stopped.push([detail.call.id, detail.reason]));
  Wire.last.update(theirs());
  client.disconnect();
  assert.deepEqual(stopped, [["c2", "DISCONNECTED"]]);
  client.connect();
  await comeBack(client, [theirs()]);
  assert.equal(Wire.last.sent[0].hello.resume, undefined);
  assert.equal(seen.filter(([type]) => type === "incoming").length, 2);
  client.disconnect();
});

test("recovered: what was missed comes as events, and is rung for once", async () => {
  const { client, seen } = await online();
  Wire.last.update(theirs());
  Wire.last.lose();
  await comeBack(client, [theirs(), theirs("c3")], true);
  Wire.last.update(theirs("c3"));
  assert.deepEqual(seen, [["incoming", "c2"], ["call", "c2"], ["incoming", "c3"], ["call", "c3"]]);
  assert.deepEqual(Wire.last.all("callFetch"), []);
  client.disconnect();
});

test("recovered: a call whose end was this device's wish, and whose answer was lost, is asked for", async () => {
  const { client, seen } = await online();
  Wire.last.update(theirs());
  Wire.last.lose();
  await comeBack(client, [], true);
  // It may end by an event that follows, so that nothing is dropped.
  assert.deepEqual([...client.calls.keys()], ["c2"]);
  await Wire.last.answer("callFetch", { ok: { call: { ...theirs(), revision: "2", status: "CALL_STATUS_MISSED" } } });
  assert.equal(client.calls.size, 0);
  assert.deepEqual(seen.at(-1), ["call", "c2"]);
  client.disconnect();
});

test("a revision that comes twice is no news", async () => {
  const { client, seen } = await online();
  for (let time = 0; time < 3; time += 1) Wire.last.update(theirs());
  assert.deepEqual(seen, [["incoming", "c2"], ["call", "c2"]]);
  assert.equal(Wire.last.all("callRinging").length, 1);
  client.disconnect();
});

test("a call of this device without a connection is offered, also after the client was stopped in it", async () => {
  const { client } = await online();
  Wire.last.lose();
  await comeBack(client, [answeredHere(client)]);
  assert.deepEqual(client.callsToRejoin().map(({ id }) => id), ["c2"]);
  client.rejoinCall("c2");
  client.disconnect();
  client.connect();
  await turn();
  Wire.last.welcome([answeredHere(client)]);
  assert.deepEqual(client.callsToRejoin().map(({ id }) => id), ["c2"]);
  assert.deepEqual(Wire.last.all("callHangUp"), []);
  client.disconnect();
});

/** An RTCPeerConnection as far as its servers go. */
class Peer {
  static made = [];
  signalingState = "stable";
  connectionState = "new";
  remoteDescription = null;
  restarts = 0;
  #transceivers = [];
  constructor(configuration) {
    this.configuration = configuration;
    Peer.made.push(this);
  }
  get servers() {
    return this.configuration.iceServers.map(({ credential }) => credential);
  }
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
  setConfiguration(configuration) {
    this.configuration = configuration;
  }
  restartIce() {
    this.restarts += 1;
  }
  close() {}
}

test("a call begins, finds a new path and begins anew with credentials that are good for a while", async (t) => {
  globalThis.RTCPeerConnection = Peer;
  globalThis.MediaStream.prototype.getTracks = () => [];
  const server = (credential, seconds) => ({
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
  const [{ clientCallId }] = Wire.last.all("callInvite");
  await Wire.last.answer("callInvite", { ok: { call: mine(client, { clientCallId }) } });
  await turn();
  assert.equal(Peer.made.length, 1);
  const [first] = Peer.made;
  assert.deepEqual(first.servers, ["fetched 1"]);

  first.remoteDescription = { sdp: "" };
  call.networkChanged();
  await turn();
  assert.deepEqual([first.restarts, first.servers], [1, ["fetched 2"]]);

  // The other side began anew.
  const offer = (peerConnectionId) => ({ type: "DESCRIPTION_TYPE_OFFER", sdp: "", peerConnectionId });
  first.setRemoteDescription = first.setLocalDescription = async () => {};
  first.localDescription = { type: "answer", sdp: "" };
  call.receive(peer.id, "receiveDescription", offer("p1"));
  await turn();
  call.receive(peer.id, "receiveDescription", offer("p2"));
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
  const asked = [];
  const fetch = mock.method(globalThis, "fetch", async (url, { method, headers }) => {
    asked.push([`${method} ${url.pathname}`, headers["Ringback-Refresh-Cookie"]]);
    const accessTokenExpiresAt = new Date(Date.now() + 3_600_000).toISOString();
    return new Response(JSON.stringify({ user: me, sessionId: "s1", accessToken: "a", accessTokenExpiresAt }));
  });
  const url = "https://ringback.example";
  for (const [origin, cookieEnabled, isAsked] of [
    [url, true, true],
    [url, false, false],
    ["https://elsewhere.example", true, false],
  ]) {
    Object.defineProperty(globalThis, "navigator", { configurable: true, value: { cookieEnabled } });
    globalThis.location = { origin };
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
  delete globalThis.location;
  fetch.mock.restore();
});

test("whoever signs in while the last session ends keeps the new cookie", async () => {
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { cookieEnabled: true } });
  const asked = [];
  let finish;
  const fetch = mock.method(globalThis, "fetch", async (url, { method }) => {
    asked.push(method);
    if (method === "DELETE") await new Promise((resolve) => (finish = resolve));
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
