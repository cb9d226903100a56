// The client: sign-in, REST, the live connection, and the calls.

import { endsSignIn } from "./backoff.js";
import { endSession } from "./end-session.js";
import { RingbackError } from "./errors.js";
import { IceServers } from "./ice-servers.js";
import { Rest } from "./rest.js";
import { canJoin } from "./roster.js";
import { SessionStore } from "./session-store.js";
import { RingbackSocket } from "./socket.js";
import { Switchboard } from "./switchboard.js";
import { TokenKeeper, exchange } from "./token-keeper.js";
import { describeDevice, newId, wellFormed } from "./wire.js";

/**
 * A client of one Ringback server for one person on one device.
 *
 * Events (`event.detail`):
 * - `state` `{state, retryAt}`: of the live connection
 * - `welcome` the server's welcome; afterwards `calls` is what the server says it is
 * - `call` `{call}`: a call began, changed or ended
 * - `incoming` `{call}`: ring; again when a call of this device to the same person came to nothing meanwhile
 * - `ringstopped` `{call, reason}`: stop ringing; `reason` is a `RING_STOP_REASON_…`, "ANSWERED_HERE", or
 *   "DISCONNECTED": this device is not told any more how the call goes on
 * - `connection` `{connection, ended}`: this device is in another call now, or in none any more (null); `ended`: the
 *   one that is over, if one is
 * - `message` `{message}`: somebody wrote, or this person on another device
 * - `invitation` `{invitation}`: somebody whom this person does not know wants them in a group
 * - `refused` `{code, reason}`: the server closed the connection and wants no coming back for now; still signed in
 * - `signedout` `{reason}`: the sign-in is over
 */
export class RingbackClient extends EventTarget {
  #store;
  #rest;
  #keeper;
  #socket = null;
  #switchboard;
  #iceServers;
  #clockOffsetMs = 0;
  #options;
  /** The end of the session before this one, on its way to the server. */
  #ending = null;

  /** Who is signed in. @type {import("./wire.js").User | null} */
  user = null;
  /** What the server said when the live connection was made. @type {object | null} */
  welcome = null;

  /**
   * @param {object} [options]
   * @param {string} [options.url] the server's origin; the page's own when left out
   * @param {string} [options.profile] separates several people in one browser
   * @param {string} [options.deviceName] for people; made from the browser's name when left out
   * @param {Pick<Storage, "getItem" | "setItem" | "removeItem">} [options.storage]
   * @param {boolean} [options.refreshCookie] whether the browser keeps the refresh token, where scripts cannot read it; on
   *   a page of the server's own it does, unless it takes no cookies
   * @param {RTCConfiguration} [options.rtc] added to the configuration of every media connection
   */
  constructor(options = {}) {
    super();
    this.#options = { url: globalThis.location?.origin, deviceName: describeDevice(), rtc: {}, ...options };
    this.#store = new SessionStore(this.#options);
    this.#rest = new Rest(this.#options.url, (rejected) => this.#token(rejected));
    this.#keeper = new TokenKeeper({
      store: this.#store,
      refresh: (refreshToken) => exchange(this.#rest, refreshToken, this.#cookieFields),
      now: () => Date.now() + this.#rest.clockOffsetMs,
    });
    this.#iceServers = new IceServers({
      fetch: async () => (await this.rest("GET", "/v1/ice-servers")).iceServers,
      now: () => this.serverNow(),
    });
    this.user = this.#store.read()?.user ?? null;
    this.#switchboard = new Switchboard(this, {
      emit: (type, detail) => this.#emit(type, detail),
      isRunning: () => this.#socket !== null,
    });
    globalThis.addEventListener?.("online", () => this.#switchboard.networkChanged());
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
    return this.#switchboard.open;
  }

  /**
   * The call that this device is in. It may be on hold.
   * @returns {import("./call-connection.js").CallConnection | null}
   */
  get connection() {
    return this.#switchboard.connection;
  }

  /**
   * Calls that this device is in beside {@link connection}, on hold.
   * @returns {import("./call-connection.js").CallConnection[]}
   */
  get heldConnections() {
    return this.#switchboard.held;
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
    await this.#ending;
    const account = { username, password, displayName, device: this.#device };
    this.#signedIn(await this.#rest.open("POST", "/v1/accounts", account, this.#cookieFields));
  }

  /** Signs in. @param {{username: string, password: string}} account */
  async login({ username, password }) {
    await this.#ending;
    const account = { username, password, device: this.#device };
    this.#signedIn(await this.#rest.open("POST", "/v1/sessions", account, this.#cookieFields));
  }

  /** Whether the browser keeps the refresh token. */
  get #keepsCookie() {
    const isOwnPage = this.#options.url === globalThis.location?.origin;
    return this.#options.refreshCookie ?? (isOwnPage && globalThis.navigator?.cookieEnabled === true);
  }

  /** What asks for the cookie of this device. */
  get #cookieFields() {
    return this.#keepsCookie ? { "Ringback-Refresh-Cookie": this.deviceId } : {};
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
    this.#switchboard.hangUp();
    this.#signOut("");
    if (!credentials) return;
    // Whoever signs in meanwhile has a cookie of the same name, in another tab, too: that one is to stay.
    const cookieFields = () => (this.isSignedIn ? {} : this.#cookieFields);
    const ended = endSession(credentials, { ...this.#options, cookieFields });
    this.#ending = ended.catch(() => {});
    await ended;
  }

  #signOut(reason) {
    if (!this.user) return;
    this.user = null;
    this.disconnect();
    this.#store.clear();
    this.#iceServers.take([]);
    this.#switchboard.clear();
    this.#emit("signedout", { reason });
  }

  // ---------------------------------------------------------------------------------------------- REST

  /** A request to the REST interface as the person who is signed in. */
  rest(method, path, body) {
    return this.#rest.signed(method, path, body);
  }

  /** People whose names match. @returns {Promise<import("./wire.js").User[]>} */
  async searchUsers(query) {
    return (await this.rest("GET", `/v1/users?query=${encodeURIComponent(wellFormed(query))}`)).users ?? [];
  }

  /** The direct conversation with somebody, made when there is none. */
  openConversation(userId) {
    return this.rest("POST", "/v1/conversations", { userId });
  }

  /**
   * Makes a group. Those who do not know this person are invited into it. Repeated with the same `clientConversationId`, it is the same group.
   * @param {{name: string, memberIds: string[], clientConversationId?: string}} group
   */
  makeGroup({ clientConversationId = newId(), ...group }) {
    return this.rest("POST", "/v1/conversations", { type: "CONVERSATION_TYPE_GROUP", clientConversationId, ...group });
  }

  /** Adds people to a group; those who do not know this person are invited. @returns {Promise<object>} the group as it is now */
  addMembers(conversationId, userIds) {
    return this.rest("POST", `/v1/conversations/${encodeURIComponent(conversationId)}/members`, { userIds });
  }

  /** Takes somebody out of a group, takes an invitation back, or leaves. */
  async removeMember(conversationId, userId) {
    const path = `/v1/conversations/${encodeURIComponent(conversationId)}/members/${encodeURIComponent(userId)}`;
    await this.rest("DELETE", path);
  }

  /**
   * A page of conversations, the most recently used first.
   * @param {{cursor?: string, limit?: number}} [page] the first one without `cursor`
   * @returns {Promise<{conversations: object[], nextCursor: string}>} `nextCursor` is empty at the end
   */
  async conversations({ cursor = "", limit = 50 } = {}) {
    const query = new URLSearchParams({ limit: String(limit), ...(cursor && { cursor }) });
    const { conversations = [], nextCursor = "" } = await this.rest("GET", `/v1/conversations?${query}`);
    return { conversations, nextCursor };
  }

  /**
   * Groups that people whom this person does not know want them in; the newest first.
   * @returns {Promise<object[]>} `GroupInvitation`s; there are at most 100
   */
  async invitations() {
    return (await this.rest("GET", "/v1/invitations?limit=100")).invitations ?? [];
  }

  /** Becomes a member. @returns {Promise<object>} the group */
  acceptInvitation(conversationId) {
    return this.rest("POST", `/v1/invitations/${encodeURIComponent(conversationId)}/accept`);
  }

  /** Turns an invitation away, of which the inviter hears nothing. */
  async declineInvitation(conversationId) {
    await this.rest("POST", `/v1/invitations/${encodeURIComponent(conversationId)}/decline`);
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
    this.#switchboard.abandon();
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
      if (ok.call) this.#switchboard.take(ok.call);
      return ok;
    } catch (error) {
      if (error.call) this.#switchboard.take(error.call);
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
    if (welcome.recovered) this.#switchboard.caughtUp(calls);
    else this.#switchboard.replaceAll(calls);
    this.#emit("welcome", welcome);
    this.#switchboard.socketReturned(welcome.recovered ?? false);
  }

  #happened(event) {
    if (this.#switchboard.happened(event)) return;
    if (event.messageReceived) this.#emit("message", { message: event.messageReceived.message });
    if (event.invitationReceived) this.#emit("invitation", { invitation: event.invitationReceived.invitation });
  }

  // --------------------------------------------------------------------------------------------- calls

  /**
   * Calls somebody. Returns at once: watch the connection's `state`.
   * @param {import("./wire.js").User} user
   * @param {{video?: boolean}} [options]
   * @returns {import("./call-connection.js").CallConnection}
   */
  placeCall(user, { video = false } = {}) {
    return this.#switchboard.place({ peer: user, video });
  }

  /**
   * Calls in a group conversation; where a call goes on in it already, joins that one.
   * @param {{id: string}} conversation
   * @param {{video?: boolean, userIds?: string[]}} [options] `userIds`: whom to ring; all members when left out
   * @returns {import("./call-connection.js").CallConnection}
   */
  placeGroupCall(conversation, { video = false, userIds = [] } = {}) {
    return this.#switchboard.place({ conversation, userIds, video });
  }

  /**
   * Answers a ringing call on this device; a call that it is in is put on hold.
   * @returns {import("./call-connection.js").CallConnection}
   */
  answerCall(callId, { video = false } = {}) {
    return this.#switchboard.enter("answer", callId, video);
  }

  /**
   * Comes into a group call without being rung, or asks to be let in; a call that this device is in is put on hold.
   * @returns {import("./call-connection.js").CallConnection}
   */
  joinCall(callId, { video = false } = {}) {
    return this.#switchboard.enter("join", callId, video);
  }

  /**
   * Takes a call over from another device of the same person; a call that this one is in is put on hold.
   * @returns {import("./call-connection.js").CallConnection}
   */
  moveCall(callId, { video = false } = {}) {
    return this.#switchboard.enter("move", callId, video);
  }

  /** Goes on with a call that this device is in according to the server: after a reload of the page. */
  rejoinCall(callId) {
    return this.#switchboard.rejoin(callId);
  }

  /** Open calls that this device is in although it has no connection for them; those on hold first. */
  callsToRejoin() {
    return this.#switchboard.lost;
  }

  /** Open group calls that this person is not in, and may come into. */
  callsToJoin() {
    return [...this.calls.values()].filter((call) => canJoin(call, this.user?.id));
  }

  /**
   * Goes on with a call on hold; the one that this device speaks in is put on hold.
   * @param {import("./call-connection.js").CallConnection} held
   */
  resumeCall(held) {
    this.#switchboard.resume(held);
  }

  /** Turns a ringing call away. @param {{busy?: boolean}} [options] `busy`: the user did not decide */
  async declineCall(callId, { busy = false } = {}) {
    await this.request({ callDecline: { commandId: newId(), callId, busy } });
  }

  /** For {@link CallConnection}: the server has answered its first command. */
  attach(connection, call) {
    this.#switchboard.attach(connection, call);
  }

  /**
   * For {@link CallConnection}: hangs up, and keeps this device from being drawn back in.
   * @param {string} callId
   * @param {{mediaFailed?: boolean}} [why]
   */
  leave(callId, why) {
    this.#switchboard.leave(callId, why);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
