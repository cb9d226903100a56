// The call settings as this page shows them, and as the server has them. No DOM.

/**
 * Sends one change at a time; what is wished meanwhile goes with the next. The last wish wins.
 *
 * Event: `change`, whenever there is something else to show.
 */
export class CallSettings extends EventTarget {
  #api;
  #stored = null;
  #sent = {};
  #wished = {};
  #working = null;
  #owner = {};

  /** Why the last loading or change came to nothing. @type {Error | null} */
  error = null;
  /** Whether a change was stored since the settings were loaded. */
  isSaved = false;
  /** Whether a wish was given up with {@link error}. */
  isGivenUp = false;

  /** @param {import("../library/contacts.js").Contacts} api */
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
   * @returns {import("../library/contacts.js").CallSettings | null}
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
   * @param {Partial<import("../library/contacts.js").CallSettings>} wish
   */
  change(wish) {
    this.#wished = { ...this.#wished, ...wish };
    this.#working ??= this.#work(this.#owner, false);
    this.#changed();
    return this.#working;
  }

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
    return Object.entries(this.#wished).some(([name, value]) => this.#stored?.[name] !== value);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
