// The media of one call on this device: one PeerMedia for each participant it exchanges media with.

import { Emitter } from "./emitter.js";
import { hasCode } from "./errors.js";
import { PeerMedia, tickMs } from "./peer-media.js";
import { isPolite, mediaPeers } from "./roster.js";
import { participantOf } from "./wire.js";

/** So many signals are kept of people whose part in the call is not known yet. */
const keptSignals = 256;

/**
 * The client as a mesh needs it.
 * @typedef {Pick<import("./client.js").RingbackClient,
 *   "user" | "state" | "request" | "rtcConfiguration" | "renewIceServers">} MeshClient
 */

/**
 * Events: `connection`, `tracks`, `lost`, `failure`: as those of {@link PeerMedia}, of any of them.
 * @extends {Emitter<{connection: undefined, tracks: undefined, lost: undefined, failure: unknown}>}
 */
export class Mesh extends Emitter {
  #client;
  #local;
  /** @type {Wire.Call | null} */
  #call = null;
  /** @type {Map<string, PeerMedia>} */
  #peers = new Map();
  /** @type {(import("./peer-media.js").Signal & {userId: string})[]} */
  #early = [];
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticker;
  #closed = false;

  /**
   * @param {MeshClient} client
   * @param {import("./peer-link.js").OutgoingMedia} local what is sent
   */
  constructor(client, local) {
    super();
    this.#client = client;
    this.#local = local;
  }

  /** Whether {@link start} was called. */
  get isStarted() {
    return this.#ticker !== undefined;
  }

  /**
   * By user id.
   * @returns {Map<string, PeerMedia>}
   */
  get peers() {
    return this.#peers;
  }

  /**
   * Begins.
   * @param {Wire.Call} call
   * @param {{eager: boolean}} how `eager`: the user was in the call already, with this device or another one
   */
  start(call, { eager }) {
    this.#ticker = setInterval(() => this.#tick(), tickMs);
    this.update(call, { eager });
  }

  /** Ends. */
  close() {
    this.#closed = true;
    clearInterval(this.#ticker);
    for (const peer of this.#peers.values()) peer.close();
    this.#early = [];
  }

  /**
   * Takes the call as it is now: links go to whoever came, and end with whoever left.
   * @param {Wire.Call} call
   * @param {{eager?: boolean}} how
   */
  update(call, { eager = false } = {}) {
    const before = this.#call;
    this.#call = call;
    if (!this.isStarted || this.#closed) return;
    const wanted = mediaPeers(call, this.#client.user?.id);
    for (const [userId, peer] of this.#peers) {
      if (wanted.includes(userId)) continue;
      peer.close();
      this.#peers.delete(userId);
    }
    for (const userId of wanted) if (!this.#peers.has(userId)) this.#link(call, userId, eager);
    const isAnswered = call.status === "CALL_STATUS_ONGOING" && before?.status !== call.status;
    for (const peer of this.#peers.values()) {
      peer.participantChanged();
      if (isAnswered) peer.answerExpected();
    }
  }

  /**
   * @param {Wire.Call} call
   * @param {string} userId
   * @param {boolean} eager
   */
  #link(call, userId, eager) {
    const callId = call.id;
    const relay = (/** @type {import("./socket.js").Command} */ command) =>
      this.#client.request(command).catch((error) => {
        // A call that is over needs no signals; anything else is mended by repetition.
        if (!hasCode(error, "CALL_ENDED")) this.emit("failure", error);
      });
    const peer = new PeerMedia({
      local: this.#local,
      isPolite: () => isPolite(this.#call, this.#client.user?.id, userId),
      participant: () => participantOf(this.#call ?? undefined, userId),
      configuration: () => this.#client.rtcConfiguration(),
      renewIceServers: () => this.#client.renewIceServers(),
      sendDescription: (description) => relay({ sendDescription: { callId, userId, description } }),
      sendCandidate: (candidate) => relay({ sendCandidate: { callId, userId, candidate } }),
      expectsAnswer: () => this.#call?.status === "CALL_STATUS_ONGOING",
    });
    for (const type of /** @type {const} */ (["connection", "tracks", "lost"])) {
      peer.addEventListener(type, () => this.emit(type));
    }
    peer.addEventListener("failure", ({ detail }) => this.emit("failure", detail));
    this.#peers.set(userId, peer);
    peer.start({ eager });
    const mine = this.#early.filter((signal) => signal.userId === userId);
    this.#early = this.#early.filter((signal) => signal.userId !== userId);
    for (const signal of mine) peer.receive(signal);
  }

  /**
   * @param {string} userId whose signal it is
   * @param {import("./peer-media.js").Signal} signal
   */
  receive(userId, signal) {
    const peer = this.#peers.get(userId);
    if (peer) peer.receive(signal);
    else if (this.#early.length < keptSignals) this.#early.push({ userId, ...signal });
  }

  /**
   * An offer of this device was not answered in time.
   * @param {string} userId
   */
  offerAgain(userId) {
    this.#peers.get(userId)?.offerAgain();
  }

  /** Takes the local tracks as they are now. */
  tracksChanged() {
    for (const peer of this.#peers.values()) peer.tracksChanged();
  }

  /**
   * Looks for new paths.
   * @param {{all: boolean}} which `all`: also where media flow
   */
  restart({ all }) {
    for (const peer of this.#peers.values()) if (all || peer.connectionState !== "connected") peer.restart();
  }

  #tick() {
    const counts = this.#call?.status === "CALL_STATUS_ONGOING" && this.#client.state === "online";
    for (const peer of this.#peers.values()) peer.tick(counts);
  }
}
