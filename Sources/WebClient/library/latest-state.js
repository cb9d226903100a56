// Commands that say how something is: what counts is the latest.

/** @typedef {import("./socket.js").Command} Command */

/**
 * Says how something is, one command at a time. What changes meanwhile is said once the answer is there, and only as it
 * is then: so a command that has to wait its time (`RATE_LIMITED`) never comes after a newer one.
 */
export class LatestState {
  #send;
  /** @type {Command | null} */
  #latest = null;
  /** @type {Promise<void> | null} */
  #underWay = null;

  /** @param {(command: Command) => Promise<unknown>} send sends it, and again as long as the server asks for time */
  constructor(send) {
    this.#send = send;
  }

  /**
   * @param {Command} command
   * @returns {Promise<void>} settles when the latest is said; rejects for whoever spoke first, when that was refused
   */
  tell(command) {
    this.#latest = command;
    if (this.#underWay) return this.#underWay.catch(() => {});
    this.#underWay = this.#sendLatest();
    return this.#underWay;
  }

  async #sendLatest() {
    try {
      while (this.#latest) {
        const command = this.#latest;
        this.#latest = null;
        try {
          await this.#send(command);
        } catch (error) {
          // Of what is not so any more nobody has to hear.
          if (!this.#latest) throw error;
        }
      }
    } finally {
      this.#underWay = null;
    }
  }
}
