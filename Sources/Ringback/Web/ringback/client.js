// The client: sign-in, REST, the live connection, and the calls.

import { endsSignIn } from "./backoff.js";
import { CallBook } from "./call-book.js";
import { CallConnection } from "./call-connection.js";
import { endSession } from "./end-session.js";
import { RingbackError } from "./errors.js";
import { IceServers } from "./ice-servers.js";
import { Rest } from "./rest.js";
import { SessionStore } from "./session-store.js";
import { RingbackSocket } from "./socket.js";
import { TokenKeeper } from "./token-keeper.js";
import {
  describeDevice,
  isConnectedElsewhere,
  isConnectedHere,
  isOpen,
  isRingingFor,
  newId,
  participantOf,
  peerOf,
} from "./wire.js";

/** How long a hang-up is worth repeating, in milliseconds. */
const hangUpTimeoutMs = 60_000;

/**
 * A client of one Ringback server for one person on one device.
 *
 * Events (`event.detail`):
 * - `state` `{state, retryAt}`: of the live connection
 * - `welcome` the server's welcome; afterwards `calls` is what the server says it is
 * - `call` `{call}`: a call began, changed or ended
 * - `incoming` `{call}`: ring; again when a call of this device to the same person came to nothing meanwhile
 * - `ringstopped` `{call, reason}`: stop ringing; `reason` is a `RING_STOP_REASON_…`, or "ANSWERED_HERE"
 * - `connection` `{connection}`: this device is in a call now, or not any more (null)
 * - `message` `{message}`: somebody wrote, or this person on another device
 * - `refused` `{code, reason}`: the server closed the connection and wants no coming back for now; still signed in
 * - `signedout` `{reason}`: the sign-in is over
 */
export class RingbackClient extends EventTarget {
  #store;
  #rest;
  #keeper;
  #socket = null;
  #book = new CallBook();
  #ringing = new Set();
  #left = new Set();
  #leaving = new Set();
  #disowned = new Set();
  #iceServers;
  #clockOffsetMs = 0;
  #options;

  /** Who is signed in. @type {import("./wire.js").User | null} */
  user = null;
  /** The call that this device is in. @type {CallConnection | null} */
  connection = null;
  /** What the server said when the live connection was made. @type {object | null} */
  welcome = null;

  /**
   * @param {object} [options]
   * @param {string} [options.url] the server's origin; the page's own when left out
   * @param {string} [options.profile] separates several people in one browser
   * @param {string} [options.deviceName] for people; made from the browser's name when left out
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} [options.storage]
   * @param {RTCConfiguration} [options.rtc] added to the configuration of every media connection
   */
  constructor(options = {}) {
    super();
    this.#options = { url: globalThis.location?.origin, deviceName: describeDevice(), rtc: {}, ...options };
    this.#store = new SessionStore(this.#options);
    this.#rest = new Rest(this.#options.url, (rejected) => this.#token(rejected));
    this.#keeper = new TokenKeeper({
      store: this.#store,
      refresh: (refreshToken) => this.#rest.open("POST", "/v1/sessions/refresh", { refreshToken }),
      now: () => Date.now() + this.#rest.clockOffsetMs,
    });
    this.#iceServers = new IceServers({
      fetch: async () => (await this.rest("GET", "/v1/ice-servers")).iceServers,
      now: () => this.serverNow(),
    });
    this.user = this.#store.read()?.user ?? null;
    globalThis.addEventListener?.("online", () => this.connection?.networkChanged());
  }

  /** The id of this device, made once and kept. */
  get deviceId() {
    return this.#store.deviceId;
  }

  /** Where this person's data are kept in the browser: a prefix for keys of one's own. */
  get namespace() {
    return this.#store.namespace;
  }

  /**
   * Open calls by id; an older revision never replaces a newer one.
   * @returns {Map<string, import("./wire.js").Call>}
   */
  get calls() {
    return this.#book.open;
  }

  /** Of the live connection. @returns {import("./socket.js").SocketState} */
  get state() {
    return this.#socket?.state ?? "stopped";
  }

  /** The server's clock, in milliseconds since 1970. */
  serverNow() {
    return Date.now() + this.#clockOffsetMs;
  }

  /** What to give a new RTCPeerConnection, after {@link renewIceServers}. @returns {RTCConfiguration} */
  rtcConfiguration() {
    return { iceServers: this.#iceServers.list, ...this.#options.rtc };
  }

  /** Makes sure that the credentials for TURN servers last for a while. Takes a few seconds at most; never rejects. */
  renewIceServers() {
    return this.#iceServers.renew();
  }

  // ------------------------------------------------------------------------------------------- sign-in

  /**
   * Makes an account and signs in.
   * @param {{username: string, password: string, displayName?: string}} account
   */
  async register({ username, password, displayName = "" }) {
    const account = { username, password, displayName, device: this.#device };
    this.#signedIn(await this.#rest.open("POST", "/v1/accounts", account));
  }

  /** Signs in. @param {{username: string, password: string}} account */
  async login({ username, password }) {
    this.#signedIn(await this.#rest.open("POST", "/v1/sessions", { username, password, device: this.#device }));
  }

  get #device() {
    return { id: this.deviceId, name: this.#options.deviceName };
  }

  #signedIn(credentials) {
    this.#store.write(credentials);
    this.user = credentials.user;
  }

  /** Whether there is a sign-in to go on with. */
  get isSignedIn() {
    return this.#store.read() !== null;
  }

  /** Makes sure of a fresh access token. @returns {Promise<boolean>} false when the sign-in is over */
  async refresh() {
    return (await this.#token()) !== null;
  }

  async #token(rejected) {
    const token = await this.#keeper.accessToken(rejected);
    if (!token && this.user) this.#signOut("Your sign-in is over.");
    return token;
  }

  /** Signs this device out: here at once, then at the server. Rejects when the server could not be told. */
  async logout() {
    const credentials = this.#store.read();
    this.connection?.hangUp();
    this.#signOut("");
    if (credentials) await endSession(credentials, this.#options);
  }

  #signOut(reason) {
    if (!this.user) return;
    this.user = null;
    this.disconnect();
    this.#store.clear();
    this.#iceServers.take([]);
    this.#book.clear();
    this.#ringing.clear();
    this.#left.clear();
    this.#disowned.clear();
    this.#emit("signedout", { reason });
  }

  // ---------------------------------------------------------------------------------------------- REST

  /** A request to the REST interface as the person who is signed in. */
  rest(method, path, body) {
    return this.#rest.signed(method, path, body);
  }

  /** People whose names match. @returns {Promise<import("./wire.js").User[]>} */
  async searchUsers(query) {
    return (await this.rest("GET", `/v1/users?query=${encodeURIComponent(query)}`)).users ?? [];
  }

  /** The direct conversation with somebody, made when there is none. */
  openConversation(userId) {
    return this.rest("POST", "/v1/conversations", { userId });
  }

  /**
   * Makes a group. Repeated with the same `clientConversationId`, it is the same group.
   * @param {{name: string, memberIds: string[], clientConversationId?: string}} group
   */
  makeGroup({ clientConversationId = newId(), ...group }) {
    return this.rest("POST", "/v1/conversations", { type: "CONVERSATION_TYPE_GROUP", clientConversationId, ...group });
  }

  /** Adds people to a group. @returns {Promise<object>} the group as it is now */
  addMembers(conversationId, userIds) {
    return this.rest("POST", `/v1/conversations/${encodeURIComponent(conversationId)}/members`, { userIds });
  }

  /** Takes somebody out of a group, or leaves it. */
  async removeMember(conversationId, userId) {
    const path = `/v1/conversations/${encodeURIComponent(conversationId)}/members/${encodeURIComponent(userId)}`;
    await this.rest("DELETE", path);
  }

  /** Conversations, the most recently used first. @returns {Promise<object[]>} */
  async conversations() {
    return (await this.rest("GET", "/v1/conversations")).conversations ?? [];
  }

  /**
   * A page of messages, in order.
   * @param {string} conversationId
   * @param {{beforeSeq?: string | number, limit?: number}} [page] the newest ones without `beforeSeq`
   * @returns {Promise<{messages: object[], hasMore: boolean}>}
   */
  async messages(conversationId, { beforeSeq, limit = 50 } = {}) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (beforeSeq !== undefined) query.set("before_seq", String(beforeSeq));
    const page = await this.rest("GET", `/v1/conversations/${encodeURIComponent(conversationId)}/messages?${query}`);
    return { messages: page.messages ?? [], hasMore: page.hasMore ?? false };
  }

  /**
   * A page of the call history, the newest first.
   * @returns {Promise<{calls: object[], records: object[], nextCursor: string}>} a record for each call
   */
  async callHistory({ cursor = "", limit = 30, missed = false } = {}) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (missed) query.set("missed", "true");
    if (cursor) query.set("cursor", cursor);
    const page = await this.rest("GET", `/v1/calls?${query}`);
    return { calls: page.calls ?? [], records: page.records ?? [], nextCursor: page.nextCursor ?? "" };
  }

  /** How many missed calls nobody has looked at yet. @returns {Promise<number>} */
  async unseenMissedCalls() {
    return (await this.rest("GET", "/v1/calls/missed")).unseen ?? 0;
  }

  /** Takes a missed call, and all that were missed before it, for seen. @returns {Promise<number>} what is left */
  async markMissedCallsSeen(callId) {
    return (await this.rest("POST", "/v1/calls/missed/seen", { callId })).unseen ?? 0;
  }

  /** Where this person is signed in. @returns {Promise<object[]>} */
  async sessions() {
    return (await this.rest("GET", "/v1/sessions")).sessions ?? [];
  }

  /** Signs another device out. */
  async revokeSession(id) {
    await this.rest("DELETE", `/v1/sessions/${encodeURIComponent(id)}`);
  }

  // --------------------------------------------------------------------------------- the live connection

  /** Connects, and stays connected until {@link disconnect} or the end of the sign-in. */
  connect() {
    if (this.#socket) return;
    const url = new URL("/v1/socket", this.#options.url);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const token = (rejected) => this.#token(rejected);
    const socket = new RingbackSocket({ url: url.href, device: this.#device, token });
    this.#socket = socket;
    socket.addEventListener("state", ({ detail }) => this.#emit("state", detail));
    socket.addEventListener("welcome", ({ detail }) => this.#welcomed(detail));
    socket.addEventListener("event", ({ detail }) => this.#happened(detail));
    socket.addEventListener("refused", ({ detail }) => this.#refused(detail));
    socket.start();
  }

  /** Ends the live connection. */
  disconnect() {
    const socket = this.#socket;
    this.#socket = null;
    this.connection?.abandon();
    socket?.stop();
  }

  /** Tries to connect at once, instead of waiting for the next try. */
  retryNow() {
    this.#socket?.retryNow();
  }

  /**
   * Sends a command over the live connection. See {@link RingbackSocket.request}.
   * @param {object} command
   * @param {{timeoutMs?: number}} [options]
   */
  async request(command, options) {
    if (!this.#socket) throw new RingbackError("CLOSED", "The client is not connected.");
    try {
      const ok = await this.#socket.request(command, options);
      if (ok.call) this.#take(ok.call);
      return ok;
    } catch (error) {
      if (error.call) this.#take(error.call);
      throw error;
    }
  }

  /**
   * Sends a message. Repeated with the same `clientMessageId`, it is the same message.
   * @param {{conversationId?: string, userId?: string, body: string, clientMessageId?: string}} message
   * @returns {Promise<object>} the message as stored
   */
  async sendMessage({ clientMessageId = newId(), ...message }) {
    return (await this.request({ sendMessage: { clientMessageId, ...message } })).message;
  }

  #refused({ code, reason }) {
    if (endsSignIn(code)) {
      this.#signOut(reason || "Your sign-in is over.");
    } else {
      this.disconnect();
      this.#emit("refused", { code, reason });
    }
  }

  #welcomed(welcome) {
    this.welcome = welcome;
    this.user = welcome.user ?? this.user;
    this.#iceServers.take(welcome.iceServers);
    if (welcome.serverTime) this.#clockOffsetMs = Date.parse(welcome.serverTime) - Date.now();
    const calls = welcome.calls ?? [];
    if (welcome.recovered) this.#caughtUp(calls);
    else this.#beganAnew(calls);
    this.#emit("welcome", welcome);
    this.connection?.socketReturned(welcome.recovered ?? false);
  }

  /** What was believed of calls is void. */
  #beganAnew(calls) {
    const { gone, present } = this.#book.replaceAll(calls);
    for (const call of gone) this.#vanished(call);
    for (const call of present) this.#announce(call);
  }

  /** Every missed event follows. What became of commands of this device whose answers were lost is told by no event. */
  #caughtUp(calls) {
    for (const call of calls) this.#take(call);
    const open = new Set(calls.map(({ id }) => id));
    for (const callId of this.calls.keys()) {
      // Its end follows as an event, unless this device has asked for it.
      if (!open.has(callId)) this.request({ callFetch: { callId } }).catch(() => {});
    }
  }

  /** A call ended while this device was away: how, the server tells when it is asked. */
  #vanished(call) {
    this.#stopRinging(call, "RING_STOP_REASON_CANCELLED");
    this.request({ callFetch: { callId: call.id } }).catch(() => {
      this.#announce({ ...call, status: "CALL_STATUS_COMPLETED", endReason: "CALL_END_REASON_DISCONNECTED" });
    });
  }

  #happened(event) {
    if (event.callIncoming) this.#take(event.callIncoming.call);
    else if (event.callUpdated) this.#take(event.callUpdated.call);
    else if (event.callRingStopped) this.#ringStopped(event.callRingStopped);
    else if (event.callMoved) this.#moved(event.callMoved.call);
    else if (event.descriptionReceived) this.#signal(event.descriptionReceived, "receiveDescription", "description");
    else if (event.candidateReceived) this.#signal(event.candidateReceived, "receiveCandidate", "candidate");
    else if (event.messageReceived) this.#emit("message", { message: event.messageReceived.message });
  }

  #signal(event, method, field) {
    if (this.connection?.call?.id === event.callId) this.connection.receive(method, event[field] ?? {});
  }

  #ringStopped({ call, reason }) {
    if (!call) return;
    this.#stopRinging(call, reason);
    this.#take(call);
  }

  #moved(call) {
    if (!call) return;
    const connection = this.connection;
    this.#take(call);
    if (connection?.call?.id === call.id) connection.movedAway();
  }

  // --------------------------------------------------------------------------------------------- calls

  /** Takes a call in, if it is news. */
  #take(call) {
    if (call && this.#book.put(call).changed) this.#announce(call);
  }

  #announce(call) {
    const disowned = this.#disowned.delete(call.clientCallId) && isOpen(call);
    // A command that failed here may have been carried out all the same.
    if (disowned || (!this.connection && this.#isLeftBehind(call))) this.leave(call.id);
    if (isRingingFor(call, this.user?.id)) {
      if (!this.#ringing.has(call.id)) {
        this.#ringing.add(call.id);
        this.request({ callRinging: { callId: call.id } }).catch(() => {});
        this.#emit("incoming", { call });
      }
    } else {
      this.#stopRinging(call, this.#whyRingingStopped(call));
    }
    if (this.connection?.call?.id === call.id) this.connection.update(call);
    this.#emit("call", { call });
  }

  /** Whether the server has this device in a call that it has left. */
  #isLeftBehind(call) {
    return this.#left.has(call.id) && isConnectedHere(call, this.user?.id, this.deviceId);
  }

  #stopRinging(call, reason) {
    if (this.#ringing.delete(call.id)) this.#emit("ringstopped", { call, reason });
  }

  #whyRingingStopped(call) {
    if (isConnectedHere(call, this.user?.id, this.deviceId)) return "ANSWERED_HERE";
    if (isConnectedElsewhere(call, this.user?.id, this.deviceId)) return "RING_STOP_REASON_ANSWERED_ELSEWHERE";
    const own = participantOf(call, this.user?.id);
    if (own?.status === "PARTICIPANT_STATUS_DECLINED") return "RING_STOP_REASON_DECLINED_ELSEWHERE";
    return own?.leaveReason === "LEAVE_REASON_NO_ANSWER" ? "RING_STOP_REASON_NO_ANSWER" : "RING_STOP_REASON_CANCELLED";
  }

  /**
   * Calls somebody. Returns at once: watch the connection's `state`.
   * @param {import("./wire.js").User} user
   * @param {{video?: boolean}} [options]
   * @returns {CallConnection}
   */
  placeCall(user, { video = false } = {}) {
    return this.#begin("place", { peer: user, video });
  }

  /** Answers a ringing call on this device. @returns {CallConnection} */
  answerCall(callId, { video = false } = {}) {
    return this.#begin("answer", this.#subject(callId, video));
  }

  /** Takes a call over from another device of the same person. @returns {CallConnection} */
  moveCall(callId, { video = false } = {}) {
    return this.#begin("move", this.#subject(callId, video));
  }

  /** Goes on with a call that this device is in according to the server: after a reload of the page. */
  rejoinCall(callId) {
    const own = participantOf(this.calls.get(callId), this.user?.id);
    return this.#begin("rejoin", this.#subject(callId, own?.media?.camera ?? false));
  }

  /** Open calls that this device is in although it has no connection for them. */
  callsToRejoin() {
    return [...this.calls.values()].filter(
      (call) =>
        isConnectedHere(call, this.user?.id, this.deviceId) &&
        this.connection?.call?.id !== call.id &&
        !this.#left.has(call.id),
    );
  }

  /** Turns a ringing call away. @param {{busy?: boolean}} [options] `busy`: the user did not decide */
  async declineCall(callId, { busy = false } = {}) {
    await this.request({ callDecline: { commandId: newId(), callId, busy } });
  }

  #subject(callId, video) {
    const call = this.calls.get(callId);
    if (!call) throw new RingbackError("CALL_ENDED", "The call is over.");
    return { call, peer: peerOf(call, this.user?.id)?.user ?? { id: "" }, video };
  }

  #begin(kind, subject) {
    if (this.connection) throw new RingbackError("BUSY_HERE", "This device is in a call.");
    const connection = new CallConnection(this, subject);
    this.connection = connection;
    connection.addEventListener("ended", () => {
      if (this.connection === connection) this.connection = null;
      // A client that is being stopped leaves no call: it may go on in another tab.
      const leaves = this.#socket !== null;
      if (leaves) this.#leftWith(connection);
      this.#emit("connection", { connection: null, ended: connection });
      if (leaves) this.#ringAgain(connection);
    });
    if (subject.call) this.#left.delete(subject.call.id);
    this.#emit("connection", { connection });
    connection.begin(kind);
    return connection;
  }

  /** The server may not know yet that this device has left: it is not to be drawn back in. */
  #leftWith({ call, clientCallId }) {
    if (call) this.#left.add(call.id);
    // An invite that is not answered yet, or never will be: the call it makes is ended when it turns up.
    if (clientCallId && clientCallId !== call?.clientCallId) this.#disowned.add(clientCallId);
  }

  /**
   * Two people who call each other at once get one call, so a page need not ring for somebody it is calling.
   * Where nothing came of that call, it has to ring now.
   */
  #ringAgain({ call: ended, peer }) {
    for (const id of this.#ringing) {
      const call = this.calls.get(id);
      if (id !== ended?.id && peerOf(call, this.user?.id)?.user?.id === peer.id) this.#emit("incoming", { call });
    }
  }

  /** For {@link CallConnection}: the server has answered its first command. */
  attach(connection, call) {
    const newest = this.#book.open.get(call.id) ?? this.#book.ended.get(call.id) ?? call;
    if (connection.state === "ended") {
      // Given up while the command was on its way.
      this.#left.add(newest.id);
      if (this.#isLeftBehind(newest)) this.leave(newest.id);
    } else {
      this.#left.delete(newest.id);
    }
    connection.update(newest);
  }

  /**
   * For {@link CallConnection}: hangs up, and keeps this device from being drawn back in.
   * @param {string} callId
   * @param {{mediaFailed?: boolean}} [why]
   */
  leave(callId, { mediaFailed = false } = {}) {
    this.#left.add(callId);
    if (this.#leaving.has(callId)) return;
    this.#leaving.add(callId);
    const callHangUp = { commandId: newId(), callId, mediaFailed };
    this.request({ callHangUp }, { timeoutMs: hangUpTimeoutMs })
      .catch(() => {})
      .finally(() => this.#leaving.delete(callId));
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
