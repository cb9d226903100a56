// Calls of which a change was missed: they are asked for.

/** How often in a row a call is asked for whose answers stay behind what was told of it meanwhile. */
const questionsInARow = 5;
/** How long to wait between two of them, in milliseconds. */
const pauseMs = 1_000;

/** Asks for calls, for each by one question at a time, however many changes come that do not fit. */
export class MissedChanges {
  #fetch;
  #isKnown;
  #pause;
  /**
   * The latest revision that was told of, of each call that is being asked for.
   * @type {Map<string, bigint>}
   */
  #wanted = new Map();

  /**
   * @param {object} shell
   * @param {(callId: string) => Promise<unknown>} shell.fetch asks for a call, and takes the answer in
   * @param {(callId: string, revision: bigint) => boolean} shell.isKnown whether a call is known at a revision or a later one
   * @param {() => Promise<unknown>} [shell.pause]
   */
  constructor({ fetch, isKnown, pause = () => new Promise((resolve) => setTimeout(resolve, pauseMs)) }) {
    this.#fetch = fetch;
    this.#isKnown = isKnown;
    this.#pause = pause;
  }

  /**
   * A change of a call did not fit.
   * @param {string} callId
   * @param {bigint} revision what the call has become by it
   */
  note(callId, revision) {
    const wanted = this.#wanted.get(callId);
    if (wanted === undefined || revision > wanted) this.#wanted.set(callId, revision);
    if (wanted === undefined) this.#ask(callId);
  }

  /** Asks for nothing more. */
  clear() {
    this.#wanted.clear();
  }

  /** @param {string} callId */
  async #ask(callId) {
    for (let question = 0; question < questionsInARow; question += 1) {
      if (question > 0) await this.#pause();
      if (!this.#wanted.has(callId)) return;
      const isAnswered = await this.#fetch(callId).then(
        () => true,
        () => false,
      );
      // An event may overtake the answer. Where there is none, the next change asks again.
      if (!isAnswered || this.#isKnown(callId, this.#wanted.get(callId) ?? 0n)) break;
    }
    this.#wanted.delete(callId);
  }
}
