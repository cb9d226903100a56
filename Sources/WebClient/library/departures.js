// The calls that this device has left: the server may not know it yet, and is not to draw the device back in.

import { isConnectedHere, isOpen, newId } from "./wire.js";

/** How long a hang-up is worth repeating, in milliseconds. */
const hangUpTimeoutMs = 60_000;

/** Belongs to a {@link Switchboard}. */
export class Departures {
  #client;
  /** @type {Set<string>} */
  #left = new Set();
  /** @type {Set<string>} */
  #leaving = new Set();
  /** @type {Set<string>} */
  #disowned = new Set();

  /** @param {Pick<import("./client.js").RingbackClient, "user" | "deviceId" | "request">} client */
  constructor(client) {
    this.#client = client;
  }

  /** Forgets everything: the sign-in is over. */
  clear() {
    this.#left.clear();
    this.#disowned.clear();
  }

  /**
   * Whether this device has left a call, and not come back.
   * @param {string} callId
   */
  has(callId) {
    return this.#left.has(callId);
  }

  /**
   * This device goes into a call, maybe again.
   * @param {string} callId
   */
  comesBack(callId) {
    this.#left.delete(callId);
  }

  /**
   * Notes the call of a connection that is over, without a word to the server.
   * @param {{call: Wire.Call | null, clientCallId?: string | null}} connection
   */
  note({ call, clientCallId }) {
    if (call) this.#left.add(call.id);
    // An invite that is not answered yet, or never will be: the call it makes is ended when it turns up.
    if (clientCallId && clientCallId !== call?.clientCallId) this.#disowned.add(clientCallId);
  }

  /**
   * Whether a call is made by an invite of this device that was given up. True once for each.
   * @param {Wire.Call} call
   */
  disowns(call) {
    return this.#disowned.delete(call.clientCallId ?? "") && isOpen(call);
  }

  /**
   * Whether the server has this device in a call that it has left.
   * @param {Wire.Call} call
   */
  isLeftBehind(call) {
    return this.#left.has(call.id) && isConnectedHere(call, this.#client.user?.id, this.#client.deviceId);
  }

  /**
   * Hangs up, and keeps this device from being drawn back in.
   * @param {string} callId
   * @param {{mediaFailed?: boolean}} [why]
   */
  leave(callId, why = {}) {
    this.#left.add(callId);
    if (this.#leaving.has(callId)) return;
    this.#leaving.add(callId);
    const callHangUp = { commandId: newId(), callId, mediaFailed: why.mediaFailed ?? false };
    this.#client
      .request({ callHangUp }, { timeoutMs: hangUpTimeoutMs })
      .catch(() => {})
      .finally(() => this.#leaving.delete(callId));
  }
}
