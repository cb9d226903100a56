// The client: sign-in, REST, the live connection, and the calls.

import { endsSignIn } from "./backoff.js";
import { endSession } from "./end-session.js";
import { RingbackError } from "./errors.js";
import { IceServers } from "./ice-servers.js";
import { Rest } from "./rest.js";
import { RestRequests } from "./rest-requests.js";
import { canJoin } from "./roster.js";
import { SessionStore } from "./session-store.js";
import { RingbackSocket } from "./socket.js";
import { Switchboard } from "./switchboard.js";
import { TokenKeeper, exchange } from "./token-keeper.js";
import { describeDevice, newId } from "./wire.js";

/** @typedef {import("./call-connection.js").CallConnection} Connection */

/**
 * @typedef {object} ClientEvents
 * @property {import("./socket.js").SocketEvents["state"]} state
 * @property {Wire.Welcome} welcome
 * @property {{call: Wire.Call}} call
 * @property {{call: Wire.Call}} incoming
 * @property {{call: Wire.Call, reason: import("./switchboard.js").RingStop}} ringstopped
 * @property {{connection: Connection | null, ended?: Connection}} connection
 * @property {{message: Wire.Message}} message
 * @property {{invitation: Wire.GroupInvitation}} invitation
 * @property {{code: number, reason: string}} refused
 * @property {{reason: string}} signedout
 */

/**
 * @typedef {object} ClientOptions
 * @property {string} [url] the server's origin; the page's own when left out
 * @property {string} [profile] separates several people in one browser
 * @property {string} [deviceName] for people; made from the browser's name when left out
 * @property {Pick<Storage, "getItem" | "setItem" | "removeItem">} [storage]
 * @property {boolean} [refreshCookie] whether the browser keeps the refresh token, where scripts cannot read it; on a
 *   page of the server's own it does, unless it takes no cookies
 * @property {RTCConfiguration} [rtc] added to the configuration of every media connection
 */

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
export class RingbackClient extends RestRequests {
  #store;
  /** @type {Rest} */
  #rest;
  /** @type {TokenKeeper} */
  #keeper;
  /** @type {RingbackSocket | null} */
  #socket = null;
  #switchboard;
  #iceServers;
  #clockOffsetMs = 0;
  #options;
  /**
   * The end of the session before this one, on its way to the server.
   * @type {Promise<void> | null}
   */
  #ending = null;

  /**
   * Who is signed in.
   * @type {Wire.User | null}
   */
  user = null;
  /**
   * What the server said when the live connection was made.
   * @type {Wire.Welcome | null}
   */
  welcome = null;

  /** @param {ClientOptions} options */
  constructor(options = {}) {
    const whole = { url: globalThis.location?.origin, deviceName: describeDevice(), rtc: {}, ...options };
    const rest = new Rest(whole.url, (rejected) => this.#token(rejected));
    super(rest);
    this.#options = whole;
    this.#store = new SessionStore(this.#options);
    this.#rest = rest;
    this.#keeper = new TokenKeeper({
      store: this.#store,
      refresh: (refreshToken) => exchange(this.#rest, refreshToken, this.#cookieFields),
      now: () => Date.now() + this.#rest.clockOffsetMs,
    });
    this.#iceServers = new IceServers({
      fetch: async () => {
        /** @type {Wire.IceServerList} */
        const { iceServers } = await this.rest("GET", "/v1/ice-servers");
        return iceServers;
      },
      now: () => this.serverNow(),
    });
    this.user = this.#store.read()?.user ?? null;
    this.#switchboard = new Switchboard(this, {
      emit: this.emit.bind(this),
      isRunning: () => this.#socket !== null,
    });
    globalThis.addEventListener?.("online", () => this.#switchboard.networkChanged());
  }

  /** The id of who is signed in; empty when nobody is. */
  get userId() {
    return this.user?.id ?? "";
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
   * @returns {Map<string, Wire.Call>}
   */
  get calls() {
    return this.#switchboard.open;
  }

  /**
   * The call that this device is in. It may be on hold.
   * @returns {Connection | null}
   */
  get connection() {
    return this.#switchboard.connection;
  }

  /**
   * Calls that this device is in beside {@link connection}, on hold.
   * @returns {Connection[]}
   */
  get heldConnections() {
    return this.#switchboard.held;
  }

  /**
   * Of the live connection.
   * @returns {import("./socket.js").SocketState}
   */
  get state() {
    return this.#socket?.state ?? "stopped";
  }

  /** The server's clock, in milliseconds since 1970. */
  serverNow() {
    return Date.now() + this.#clockOffsetMs;
  }

  /**
   * What to give a new RTCPeerConnection, after {@link renewIceServers}.
   * @returns {RTCConfiguration}
   */
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

  /**
   * Signs in.
   * @param {{username: string, password: string}} account
   */
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

  /**
   * What asks for the cookie of this device.
   * @returns {Record<string, string>}
   */
  get #cookieFields() {
    return this.#keepsCookie ? { "Ringback-Refresh-Cookie": this.deviceId } : {};
  }

  get #device() {
    return { id: this.deviceId, name: this.#options.deviceName };
  }

  /** @param {import("./session-store.js").Credentials} credentials */
  #signedIn(credentials) {
    this.#store.write(credentials);
    this.user = credentials.user;
  }

  /** Whether there is a sign-in to go on with. */
  get isSignedIn() {
    return this.#store.read() !== null;
  }

  /**
   * Makes sure of a fresh access token.
   * @returns {Promise<boolean>} false when the sign-in is over
   */
  async refresh() {
    return (await this.#token()) !== null;
  }

  /** @param {string} [rejected] @returns {Promise<string | null>} */
  async #token(rejected) {
    const token = await this.#keeper.accessToken(rejected);
    if (!token && this.user) this.#signOut("Your session has ended.");
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

  /** @param {string} reason */
  #signOut(reason) {
    if (!this.user) return;
    this.user = null;
    this.disconnect();
    this.#store.clear();
    this.#iceServers.take([]);
    this.#switchboard.clear();
    this.emit("signedout", { reason });
  }

  // --------------------------------------------------------------------------------- the live connection

  /** Connects, and stays connected until {@link disconnect} or the end of the sign-in. */
  connect() {
    if (this.#socket) return;
    const url = new URL("/v1/socket", this.#options.url);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const token = (/** @type {string | undefined} */ rejected) => this.#token(rejected);
    const socket = new RingbackSocket({ url: url.href, device: this.#device, token });
    this.#socket = socket;
    socket.addEventListener("state", ({ detail }) => this.emit("state", detail));
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
   * @param {import("./socket.js").Command} command
   * @param {{timeoutMs?: number}} [options]
   */
  async request(command, options) {
    if (!this.#socket) throw new RingbackError("CLOSED", "The client is not connected.");
    try {
      const ok = await this.#socket.request(command, options);
      if (ok.call) this.#switchboard.take(ok.call);
      return ok;
    } catch (error) {
      if (error instanceof RingbackError && error.call) this.#switchboard.take(error.call);
      throw error;
    }
  }

  /**
   * Sends a message. Repeated with the same `clientMessageId`, it is the same message.
   * @param {{conversationId?: string, userId?: string, body: string, clientMessageId?: string}} message
   * @returns {Promise<Wire.Message | undefined>} the message as stored
   */
  async sendMessage({ clientMessageId = newId(), ...message }) {
    return (await this.request({ sendMessage: { clientMessageId, ...message } })).message;
  }

  /** @param {import("./socket.js").SocketEvents["refused"]} detail */
  #refused({ code, reason }) {
    if (endsSignIn(code)) {
      this.#signOut(reason || "Your session has ended.");
    } else {
      this.disconnect();
      this.emit("refused", { code, reason });
    }
  }

  /** @param {Wire.Welcome} welcome */
  #welcomed(welcome) {
    this.welcome = welcome;
    this.user = welcome.user ?? this.user;
    this.#iceServers.take(welcome.iceServers);
    if (welcome.serverTime) this.#clockOffsetMs = Date.parse(welcome.serverTime) - Date.now();
    const calls = welcome.calls ?? [];
    if (welcome.recovered) this.#switchboard.caughtUp(calls);
    else this.#switchboard.replaceAll(calls);
    this.emit("welcome", welcome);
    this.#switchboard.socketReturned(welcome.recovered ?? false);
  }

  /** @param {Wire.Event} event */
  #happened(event) {
    if (this.#switchboard.happened(event)) return;
    if (event.messageReceived) this.emit("message", { message: event.messageReceived.message });
    if (event.invitationReceived) this.emit("invitation", { invitation: event.invitationReceived.invitation });
  }

  // --------------------------------------------------------------------------------------------- calls

  /**
   * Calls somebody. Returns at once: watch the connection's `state`.
   * @param {Wire.User} user
   * @param {{video?: boolean}} options
   * @returns {Connection}
   */
  placeCall(user, { video = false } = {}) {
    return this.#switchboard.place({ peer: user, video });
  }

  /**
   * Calls in a group conversation; where a call goes on in it already, joins that one.
   * @param {{id: string}} conversation
   * @param {{video?: boolean, userIds?: string[]}} options `userIds`: whom to ring; all members when left out
   * @returns {Connection}
   */
  placeGroupCall(conversation, { video = false, userIds = [] } = {}) {
    return this.#switchboard.place({ conversation, userIds, video });
  }

  /**
   * Answers a ringing call on this device; a call that it is in is put on hold.
   * @param {string} callId
   * @param {{video?: boolean}} options
   * @returns {Connection}
   */
  answerCall(callId, { video = false } = {}) {
    return this.#switchboard.enter("answer", callId, video);
  }

  /**
   * Comes into a group call without being rung, or asks to be let in; a call that this device is in is put on hold.
   * @param {string} callId
   * @param {{video?: boolean}} options
   * @returns {Connection}
   */
  joinCall(callId, { video = false } = {}) {
    return this.#switchboard.enter("join", callId, video);
  }

  /**
   * Takes a call over from another device of the same person; a call that this one is in is put on hold.
   * @param {string} callId
   * @param {{video?: boolean}} options
   * @returns {Connection}
   */
  moveCall(callId, { video = false } = {}) {
    return this.#switchboard.enter("move", callId, video);
  }

  /**
   * Goes on with a call that this device is in according to the server: after a reload of the page.
   * @param {string} callId
   */
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
   * @param {Connection} held
   */
  resumeCall(held) {
    this.#switchboard.resume(held);
  }

  /**
   * Turns a ringing call away.
   * @param {string} callId
   * @param {{busy?: boolean}} options `busy`: the user did not decide
   */
  async declineCall(callId, { busy = false } = {}) {
    await this.request({ callDecline: { commandId: newId(), callId, busy } });
  }

  /**
   * For {@link CallConnection}: the server has answered its first command.
   * @param {Pick<Connection, "state" | "update">} connection
   * @param {Wire.Call} call
   */
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
}
