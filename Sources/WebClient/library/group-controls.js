// What one does to a call among many, and hosts to the others. Each rejects with the server's refusal.

import { LatestState } from "./latest-state.js";
import { newId } from "./wire.js";

/** The commands of one group call. */
export class GroupControls {
  #client;
  #callId;
  #toldHand;

  /**
   * @param {Pick<import("./client.js").RingbackClient, "request">} client
   * @param {() => string} callId
   */
  constructor(client, callId) {
    this.#client = client;
    this.#callId = callId;
    this.#toldHand = new LatestState((command) => client.request(command));
  }

  /** What every command to the call says that is to be carried out once. */
  get #once() {
    return { commandId: newId(), callId: this.#callId() };
  }

  /**
   * Rings more people, at most 32; a direct call becomes a group call by it.
   * @param {string[]} userIds
   */
  add(userIds) {
    return this.#client.request({ callAdd: { ...this.#once, userIds } });
  }

  /**
   * Raises or lowers a hand: one's own without `userId`.
   * @param {boolean} raised
   * @param {string} [userId]
   */
  raiseHand(raised, userId = "") {
    const command = { callRaiseHand: { callId: this.#callId(), raised, userId } };
    return userId ? this.#client.request(command) : this.#toldHand.tell(command);
  }

  /** @param {string} userId @param {"HOST" | "CO_HOST" | "PARTICIPANT"} role */
  setRole(userId, role) {
    return this.#client.request({ callSetRole: { ...this.#once, userId, role: `PARTICIPANT_ROLE_${role}` } });
  }

  /**
   * Asks for silence, or switches a camera or a screen share off.
   * @param {string} userId empty: of everybody but the host and oneself
   * @param {"MICROPHONE" | "CAMERA" | "SCREEN"} medium
   */
  stopMedia(userId, medium) {
    return this.#client.request({ callStopMedia: { ...this.#once, userId, medium: `MEDIUM_${medium}` } });
  }

  /**
   * Takes somebody out. @param {{bar?: boolean}} [how] `bar`: they may not come back by themselves
   * @param {string} userId
   */
  remove(userId, { bar = false } = {}) {
    return this.#client.request({ callRemove: { ...this.#once, userId, bar } });
  }

  /**
   * Lets newcomers in only when they are admitted, or freely again.
   * @param {boolean} locked
   */
  lock(locked) {
    return this.#client.request({ callLock: { ...this.#once, locked } });
  }

  /**
   * Lets somebody in who waits, or turns them away.
   * @param {string} userId
   * @param {boolean} admit
   */
  admit(userId, admit) {
    return this.#client.request({ callAdmit: { ...this.#once, userId, admit } });
  }

  /** Ends the call for everybody. */
  end() {
    return this.#client.request({ callEnd: this.#once });
  }
}
