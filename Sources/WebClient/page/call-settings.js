// The call settings as this page shows them, and as the server has them. No DOM.

import { Emitter } from "../library/ringback.js";

/** @typedef {import("../library/contacts.js").CallSettings} Settings */

/**
 * Sends one change at a time; what is wished meanwhile goes with the next. The last wish wins.
 *
 * Event: `change`, whenever there is something else to show.
 * @extends {Emitter<{change: undefined}>}
 */
export class CallSettings extends Emitter {
  #api;
  /** @type {Settings | null} */
  #stored = null;
  /** @type {Partial<Settings>} */
  #sent = {};
  /** @type {Partial<Settings>} */
  #wished = {};
  /** @type {Promise<void> | null} */
  #working = null;
  #owner = {};

  /**
   * Why the last loading or change came to nothing.
   * @type {unknown}
   */
  error = null;
  /** Whether a change was stored since the settings were loaded. */
  isSaved = false;
  /** Whether a wish was given up with {@link error}. */
  isGivenUp = false;

  /** @param {Pick<import("../library/contacts.js").Contacts, "callSettings" | "changeCallSettings">} api */
  constructor(api) {
    super();
    this.#api = api;
  }

  /** Forgets everything: the sign-in is over. What is still on its way comes to nothing here. */
  clear() {
    this.#owner = {};
    this.#stored = null;
    this.#sent = {};
    this.#wished = {};
    this.#working = null;
    this.error = null;
    this.isSaved = false;
    this.isGivenUp = false;
    this.#changed();
  }

  /**
   * What to show: as wished; null before they are loaded.
   * @returns {Settings | null}
   */
  get shown() {
    return this.#stored && { ...this.#stored, ...this.#sent, ...this.#wished };
  }

  /** Whether something is on its way to the server or from it. */
  get isWorking() {
    return this.#working !== null;
  }

  /** Loads them. Never rejects: see {@link error}. */
  load() {
    if (!this.#working) this.isSaved = false;
    this.#working ??= this.#work(this.#owner, true);
    return this.#working;
  }

  /**
   * Changes some of them. Never rejects: see {@link error}.
   * @param {Partial<Settings>} wish
   */
  change(wish) {
    this.#wished = { ...this.#wished, ...wish };
    this.#working ??= this.#work(this.#owner, false);
    this.#changed();
    return this.#working;
  }

  /** @param {object} owner @param {boolean} loads */
  async #work(owner, loads) {
    // Not before `#working` is set, which those who are told look at.
    await null;
    if (owner !== this.#owner) return;
    this.error = null;
    this.isGivenUp = false;
    this.#changed();
    try {
      if (loads) await this.#store(owner, this.#api.callSettings());
      while (owner === this.#owner && this.#hasWishes) {
        this.#sent = this.#wished;
        this.#wished = {};
        await this.#store(owner, this.#api.changeCallSettings(this.#sent), { isSaved: true });
      }
    } catch (error) {
      if (owner !== this.#owner) return;
      this.error = error;
      // What the server said last stands.
      this.isGivenUp = Object.keys({ ...this.#sent, ...this.#wished }).length > 0;
      this.isSaved = false;
    }
    if (owner !== this.#owner) return;
    this.#sent = {};
    this.#wished = {};
    this.#working = null;
    this.#changed();
  }

  /**
   * @param {object} owner
   * @param {Promise<Settings>} answer
   * @param {{isSaved?: boolean}} how
   */
  async #store(owner, answer, { isSaved = false } = {}) {
    const settings = await answer;
    if (owner !== this.#owner) return;
    this.#stored = settings;
    this.isSaved = isSaved;
    this.#sent = {};
    this.#changed();
  }

  /** Whether anything is wished that is not so already. */
  get #hasWishes() {
    const { callWaiting = this.#stored?.callWaiting, whoCanCall = this.#stored?.whoCanCall } = this.#wished;
    return callWaiting !== this.#stored?.callWaiting || whoCanCall !== this.#stored?.whoCanCall;
  }

  #changed() {
    this.emit("change");
  }
}
