// The calls of this client: which it knows of, which ring, and which this device is in.

import { CallBook } from "./call-book.js";
import { CallConnection } from "./call-connection.js";
import { Departures } from "./departures.js";
import { RingbackError } from "./errors.js";
import { MissedChanges } from "./missed-changes.js";
import {
  isConnectedElsewhere,
  isConnectedHere,
  isRingingFor,
  participantOf,
  peerOf,
  uint64,
} from "./wire.js";

/** In so many calls a device can be: one in which it speaks, the others on hold. */
export const callsAtOnce = 2;

/** @typedef {import("./call-connection.js").CallSubject} CallSubject */

/**
 * Why it does not ring any more: as the server says, or because of what happened here.
 * @typedef {Wire.RingStopReason | "ANSWERED_HERE" | "DISCONNECTED"} RingStop
 */

/**
 * The client as its switchboard needs it.
 * @typedef {import("./call-connection.js").CallClient} SwitchboardClient
 */

/** Belongs to a {@link RingbackClient}, which tells it what happens and hands its events on. */
export class Switchboard {
  #client;
  #emit;
  #isRunning;
  #book = new CallBook();
  #missed;
  /** @type {Set<string>} */
  #ringing = new Set();
  #departures;
  /** @type {CallConnection[]} */
  #held = [];

  /**
   * The call that this device speaks in, or would if it were not on hold.
   * @type {CallConnection | null}
   */
  connection = null;

  /**
   * @param {SwitchboardClient} client
   * @param {{emit: import("./client.js").RingbackClient["emit"], isRunning: () => boolean}} shell
   *   `isRunning`: false once the client is being stopped
   */
  constructor(client, { emit, isRunning }) {
    this.#client = client;
    this.#departures = new Departures(client);
    this.#missed = new MissedChanges({
      fetch: (callId) => client.request({ callFetch: { callId } }),
      isKnown: (callId, revision) => this.#book.isKnown(callId, revision),
    });
    this.#emit = emit;
    this.#isRunning = isRunning;
  }

  /**
   * Open calls by id.
   * @returns {Map<string, Wire.Call>}
   */
  get open() {
    return this.#book.open;
  }

  /**
   * Calls that this device is in beside {@link connection}, on hold.
   * @returns {CallConnection[]}
   */
  get held() {
    return [...this.#held];
  }

  get #connections() {
    return this.connection ? [this.connection, ...this.#held] : this.held;
  }

  /** Forgets everything: the sign-in is over. */
  clear() {
    this.#book.clear();
    this.#ringing.clear();
    this.#departures.clear();
    this.#missed.clear();
  }

  /** Leaves nothing running, without a word to the server. */
  abandon() {
    this.#missed.clear();
    for (const call of [...this.open.values()]) this.#stopRinging(call, "DISCONNECTED");
    for (const connection of this.#connections) connection.abandon();
  }

  /** Hangs up everywhere. */
  hangUp() {
    for (const connection of this.#connections) connection.hangUp();
  }

  // ------------------------------------------------------------------------------------- what happens

  /**
   * Takes the server's snapshot of every open call in.
   * @param {Wire.Call[]} calls
   */
  replaceAll(calls) {
    const { gone, present } = this.#book.replaceAll(calls);
    for (const call of gone) this.#vanished(call);
    for (const call of present) this.#announce(call);
  }

  /**
   * Takes the server's snapshot in where every missed event follows it. What became of commands of this device whose
   * answers were lost is told by no event.
   * @param {Wire.Call[]} calls
   */
  caughtUp(calls) {
    for (const call of calls) this.take(call);
    const open = new Set(calls.map(({ id }) => id));
    for (const callId of this.open.keys()) {
      // Its end follows as an event, unless this device has asked for it.
      if (!open.has(callId)) this.#client.request({ callFetch: { callId } }).catch(() => {});
    }
  }

  /**
   * The socket is back.
   * @param {boolean} recovered whether nothing was missed
   */
  socketReturned(recovered) {
    for (const connection of this.#connections) connection.socketReturned(recovered);
  }

  /** The machine has another network. */
  networkChanged() {
    for (const connection of this.#connections) connection.networkChanged();
  }

  /**
   * Takes a call in, if it is news.
   * @param {Wire.Call | undefined} call
   */
  take(call) {
    if (call && this.#book.put(call).changed) this.#announce(call);
  }

  /**
   * An event of the wire.
   * @param {Wire.Event} event
   * @returns {boolean} whether it was about calls
   */
  happened(event) {
    const of = (/** @type {string} */ callId) => this.#connectionFor(callId);
    if (event.callIncoming) this.take(event.callIncoming.call);
    else if (event.callUpdated) this.take(event.callUpdated.call);
    else if (event.callChanged) this.#changed(event.callChanged);
    else if (event.callRingStopped) this.#ringStopped(event.callRingStopped);
    else if (event.callMoved) this.#moved(event.callMoved.call);
    else if (event.callGone) this.#gone(event.callGone);
    else if (event.descriptionReceived) {
      const { callId, fromUserId = "", description = {} } = event.descriptionReceived;
      of(callId)?.receive(fromUserId, { description });
    } else if (event.candidateReceived) {
      const { callId, fromUserId = "", candidate = {} } = event.candidateReceived;
      of(callId)?.receive(fromUserId, { candidate });
    } else if (event.offerUnanswered) {
      const { callId, userId = "" } = event.offerUnanswered;
      of(callId)?.offerUnanswered(userId);
    } else if (event.mediaStopped) {
      const { callId, medium = "MEDIUM_UNSPECIFIED", byUserId = "" } = event.mediaStopped;
      of(callId)?.mediaStopped(medium, byUserId);
    } else if (event.joinDenied) of(event.joinDenied.callId)?.joinDenied();
    else return false;
    return true;
  }

  /** @param {string | undefined} callId */
  #connectionFor(callId) {
    return callId ? this.#connections.find(({ call }) => call?.id === callId) : undefined;
  }

  /**
   * A call ended while this device was away: how, the server tells when it is asked.
   * @param {Wire.Call} call
   */
  #vanished(call) {
    const connection = this.#connectionFor(call.id);
    if (connection?.isInLobby) {
      connection.askAgain();
      return;
    }
    this.#stopRinging(call, "RING_STOP_REASON_CANCELLED");
    this.#client.request({ callFetch: { callId: call.id } }).catch(() => {
      this.#announce({ ...call, status: "CALL_STATUS_COMPLETED", endReason: "CALL_END_REASON_DISCONNECTED" });
    });
  }

  /** @param {Wire.CallChanged} change */
  #changed(change) {
    const { call, isMissed } = this.#book.change(change);
    if (isMissed) this.#missed.note(change.callId, uint64(change.revision));
    else if (call) this.#announce(call);
  }

  /** @param {Wire.CallRingStopped} event */
  #ringStopped({ call, reason = "RING_STOP_REASON_UNSPECIFIED" }) {
    if (!call) return;
    this.#stopRinging(call, reason);
    this.take(call);
  }

  /** @param {Wire.CallGone} event */
  #gone({ callId }) {
    const call = this.#book.forget(callId);
    if (call) this.#vanished(call);
  }

  /** @param {Wire.Call} call */
  #moved(call) {
    if (!call) return;
    const connection = this.#connectionFor(call.id);
    this.take(call);
    connection?.movedAway();
  }

  /** @param {Wire.Call} call */
  #announce(call) {
    const { user } = this.#client;
    const disowned = this.#departures.disowns(call);
    const connection = this.#connectionFor(call.id);
    // A command that failed here may have been carried out all the same.
    if (disowned || (!connection && !this.#isEntering && this.#departures.isLeftBehind(call))) this.leave(call.id);
    if (isRingingFor(call, user?.id)) {
      if (!this.#ringing.has(call.id)) {
        this.#ringing.add(call.id);
        this.#client.request({ callRinging: { callId: call.id } }).catch(() => {});
        this.#emit("incoming", { call });
      }
    } else {
      this.#stopRinging(call, this.#whyRingingStopped(call));
    }
    connection?.update(call);
    this.#emit("call", { call });
  }

  /** Whether a connection waits for the answer that tells which call it is in. */
  get #isEntering() {
    return this.#connections.some(({ call }) => !call);
  }

  /** @param {Wire.Call} call @param {RingStop} reason */
  #stopRinging(call, reason) {
    if (this.#ringing.delete(call.id)) this.#emit("ringstopped", { call, reason });
  }

  /** @param {Wire.Call} call @returns {RingStop} */
  #whyRingingStopped(call) {
    const { user, deviceId } = this.#client;
    if (isConnectedHere(call, user?.id, deviceId)) return "ANSWERED_HERE";
    if (isConnectedElsewhere(call, user?.id, deviceId)) return "RING_STOP_REASON_ANSWERED_ELSEWHERE";
    const own = participantOf(call, user?.id);
    if (own?.status === "PARTICIPANT_STATUS_DECLINED") return "RING_STOP_REASON_DECLINED_ELSEWHERE";
    return own?.leaveReason === "LEAVE_REASON_NO_ANSWER" ? "RING_STOP_REASON_NO_ANSWER" : "RING_STOP_REASON_CANCELLED";
  }

  // --------------------------------------------------------------------------------- going into calls

  /**
   * Calls.
   * @param {CallSubject} subject
   */
  place(subject) {
    if (this.connection) throw new RingbackError("BUSY_HERE", "This device is in a call.");
    return this.#begin("place", subject);
  }

  /** @param {"answer" | "join" | "move"} kind @param {string} callId @param {boolean} video */
  enter(kind, callId, video) {
    this.#makeWay();
    return this.#begin(kind, this.#subject(callId, video));
  }

  /** @param {string} callId */
  rejoin(callId) {
    this.#makeWay();
    const own = participantOf(this.open.get(callId), this.#client.user?.id);
    return this.#begin("rejoin", this.#subject(callId, own?.media?.camera ?? false));
  }

  /** Open calls that the server has this device in, and that it has no connection for; those on hold first. */
  get lost() {
    const { user, deviceId } = this.#client;
    const onHold = (/** @type {Wire.Call} */ call) => Number(!!participantOf(call, user?.id)?.onHold);
    return [...this.open.values()]
      .filter(
        (call) =>
          isConnectedHere(call, user?.id, deviceId) && !this.#connectionFor(call.id) && !this.#departures.has(call.id),
      )
      .sort((left, right) => onHold(right) - onHold(left))
      .slice(-callsAtOnce);
  }

  /**
   * Goes on with a call on hold.
   * @param {CallConnection} held
   */
  resume(held) {
    if (held !== this.connection) {
      if (!this.#held.includes(held)) throw new RingbackError("CALL_ENDED", "The call is over.");
      this.#held = this.#held.filter((connection) => connection !== held);
      this.#hold();
      this.connection = held;
      this.#emit("connection", { connection: held });
    }
    held.setOnHold(false);
  }

  /** Puts the call that this device speaks in on hold, where another one may be gone into. */
  #makeWay() {
    if (!this.connection) return;
    const canWait = this.connection.onHold || this.connection.canHold;
    if (!canWait || this.#connections.length >= callsAtOnce) {
      throw new RingbackError("BUSY_HERE", "This device is in a call.");
    }
  }

  #hold() {
    if (!this.connection) return;
    this.connection.setOnHold(true);
    this.#held.push(this.connection);
    this.connection = null;
  }

  /**
   * @param {string} callId
   * @param {boolean} video
   * @returns {CallSubject}
   */
  #subject(callId, video) {
    const call = this.open.get(callId);
    if (!call) throw new RingbackError("CALL_ENDED", "The call is over.");
    return { call, peer: peerOf(call, this.#client.user?.id)?.user ?? { id: "" }, video };
  }

  /** @param {import("./call-connection.js").Beginning} kind @param {CallSubject} subject */
  #begin(kind, subject) {
    const connection = new CallConnection(this.#client, subject);
    this.#hold();
    this.connection = connection;
    connection.addEventListener("ended", () => this.#ended(connection));
    if (subject.call) this.#departures.comesBack(subject.call.id);
    this.#emit("connection", { connection });
    connection.begin(kind);
    return connection;
  }

  /** @param {CallConnection} connection */
  #ended(connection) {
    this.#held = this.#held.filter((held) => held !== connection);
    // A client that is being stopped leaves no call: it may go on in another tab.
    const leaves = this.#isRunning();
    if (this.connection === connection) this.connection = (leaves && this.#held.pop()) || null;
    if (leaves) this.#departures.note(connection);
    this.#emit("connection", { connection: this.connection, ended: connection });
    if (leaves) this.#ringAgain(connection);
  }

  /**
   * Two people who call each other at once get one call, so a page need not ring for somebody it is calling.
   * Where nothing came of that call, it has to ring now.
   * @param {CallConnection} connection
   */
  #ringAgain({ call: ended, peer }) {
    for (const id of this.#ringing) {
      const call = this.open.get(id);
      if (call && id !== ended?.id && peerOf(call, this.#client.user?.id)?.user?.id === peer.id) {
        this.#emit("incoming", { call });
      }
    }
  }

  /**
   * The server has answered the first command of a connection.
   * @param {Pick<CallConnection, "state" | "update">} connection
   * @param {Wire.Call} call
   */
  attach(connection, call) {
    const newest = this.#book.open.get(call.id) ?? this.#book.ended.get(call.id) ?? call;
    if (connection.state === "ended") {
      // Given up while the command was on its way.
      this.#departures.note({ call: newest });
      if (this.#departures.isLeftBehind(newest)) this.leave(newest.id);
    } else {
      this.#departures.comesBack(newest.id);
    }
    connection.update(newest);
  }

  /**
   * Hangs up, and keeps this device from being drawn back in.
   * @param {string} callId
   * @param {{mediaFailed?: boolean}} [why]
   */
  leave(callId, why) {
    this.#departures.leave(callId, why);
  }
}
