// The invitations into groups as this page knows them. No DOM.

import { Emitter, hasCode } from "../library/ringback.js";

/** @typedef {"accept" | "decline"} Answer */

/**
 * Loads the invitations, and answers them: each once, and there is one loading at a time.
 *
 * Event: `change`, whenever there is something else to show.
 * @extends {Emitter<{change: undefined}>}
 */
export class InvitationBook extends Emitter {
  #api;
  /** @type {Wire.GroupInvitation[]} */
  #invitations = [];
  /** @type {Set<string>} */
  #busy = new Set();
  /** @type {Set<string>} */
  #answered = new Set();
  /** @type {Promise<void> | null} */
  #loading = null;
  #owner = {};

  /**
   * @param {Pick<import("../library/ringback.js").RingbackClient,
   *   "invitations" | "acceptInvitation" | "declineInvitation">} api
   */
  constructor(api) {
    super();
    this.#api = api;
  }

  /**
   * The newest first.
   * @returns {Wire.GroupInvitation[]}
   */
  get invitations() {
    return this.#invitations;
  }

  /** Forgets everything: the sign-in is over. What is still on its way comes to nothing here. */
  clear() {
    this.#owner = {};
    this.#invitations = [];
    this.#busy.clear();
    this.#answered.clear();
    this.#loading = null;
    this.#changed();
  }

  /**
   * Whether an answer to this one is on its way.
   * @param {string} conversationId
   */
  isBusy(conversationId) {
    return this.#busy.has(conversationId);
  }

  /** Loads the list. Never rejects: what cannot be had stays as it was, and is asked for with the next welcome. */
  load() {
    this.#loading ??= this.#load(this.#owner);
    return this.#loading;
  }

  /** @param {object} owner */
  async #load(owner) {
    this.#answered.clear();
    const invitations = await this.#api.invitations().catch(() => null);
    if (owner !== this.#owner) return;
    this.#loading = null;
    if (!invitations) return;
    // What was answered meanwhile may be in the list still.
    this.#invitations = invitations.filter(({ conversationId }) => !this.#answered.has(conversationId));
    this.#changed();
  }

  /**
   * Takes one that has just come.
   * @param {Wire.GroupInvitation} invitation
   */
  take(invitation) {
    const others = this.#invitations.filter(({ conversationId }) => conversationId !== invitation.conversationId);
    this.#invitations = [invitation, ...others];
    this.#changed();
  }

  /**
   * Forgets those of somebody who was blocked.
   * @param {string} userId
   */
  forgetInviter(userId) {
    this.#invitations = this.#invitations.filter(({ inviter }) => inviter.id !== userId);
    this.#changed();
  }

  /**
   * Answers one. Rejects with why it could not be done.
   * @param {Answer} answer
   * @param {string} conversationId
   * @returns {Promise<Wire.Conversation | null>} the group when it is accepted; null when it is not, or is being
   *   answered already
   */
  async answer(answer, conversationId) {
    if (this.#busy.has(conversationId)) return null;
    const owner = this.#owner;
    this.#busy.add(conversationId);
    this.#changed();
    try {
      const group =
        answer === "accept"
          ? await this.#api.acceptInvitation(conversationId)
          : await this.#api.declineInvitation(conversationId);
      if (owner === this.#owner) this.#drop(conversationId);
      return group ?? null;
    } catch (error) {
      // Taken back, or answered on another device.
      if (owner === this.#owner && hasCode(error, "NOT_FOUND")) this.#drop(conversationId);
      throw error;
    } finally {
      if (owner === this.#owner) {
        this.#busy.delete(conversationId);
        this.#changed();
      }
    }
  }

  /** @param {string} conversationId */
  #drop(conversationId) {
    this.#answered.add(conversationId);
    this.#invitations = this.#invitations.filter((invitation) => invitation.conversationId !== conversationId);
  }

  #changed() {
    this.emit("change");
  }
}
