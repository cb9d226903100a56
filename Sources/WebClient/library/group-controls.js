// What one does to a call among many, and hosts to the others. Each rejects with the server's refusal.

import { LatestState } from "./latest-state.js";
import { newId } from "./wire.js";

/** The commands of one group call. */
export class GroupControls {
  #client;
  #callId;
  #toldHand;

  /**
   * @param {import("./client.js").RingbackClient} client
   * @param {() => string} callId
   */
  constructor(client, callId) {
    this.#client = client;
    this.#callId = callId;
    this.#toldHand = new LatestState((command) => client.request(command));
  }

  #once(name, more) {
    return this.#client.request({ [name]: { commandId: newId(), callId: this.#callId(), ...more } });
  }

  /** Rings more people, at most 32; a direct call becomes a group call by it. @param {string[]} userIds */
  add(userIds) {
    return this.#once("callAdd", { userIds });
  }

  /** Raises or lowers a hand: one's own without `userId`. */
  raiseHand(raised, userId = "") {
    const command = { callRaiseHand: { callId: this.#callId(), raised, userId } };
    return userId ? this.#client.request(command) : this.#toldHand.tell(command);
  }

  /** @param {string} userId @param {"HOST" | "CO_HOST" | "PARTICIPANT"} role */
  setRole(userId, role) {
    return this.#once("callSetRole", { userId, role: `PARTICIPANT_ROLE_${role}` });
  }

  /**
   * Asks for silence, or switches a camera or a screen share off.
   * @param {string} userId empty: of everybody but the host and oneself
   * @param {"MICROPHONE" | "CAMERA" | "SCREEN"} medium
   */
  stopMedia(userId, medium) {
    return this.#once("callStopMedia", { userId, medium: `MEDIUM_${medium}` });
  }

  /** Takes somebody out. @param {{bar?: boolean}} [how] `bar`: they may not come back by themselves */
  remove(userId, { bar = false } = {}) {
    return this.#once("callRemove", { userId, bar });
  }

  /** Lets newcomers in only when they are admitted, or freely again. */
  lock(locked) {
    return this.#once("callLock", { locked });
  }

  /** Lets somebody in who waits, or turns them away. */
  admit(userId, admit) {
    return this.#once("callAdmit", { userId, admit });
  }

  /** Ends the call for everybody. */
  end() {
    return this.#once("callEnd", {});
  }
}
