// The messages of one conversation: stored ones in order, and those on their way. Pure.

import { uint64 } from "../library/wire.js";

/** @typedef {{clientMessageId: string, body: string, createdAt: string, failed: string}} Unsent */

export class ThreadLog {
  /**
   * In order, without gaps.
   * @type {Wire.Message[]}
   */
  messages = [];
  /**
   * Sent from here, not yet stored. `failed` says why, and is empty while there is hope.
   * @type {Unsent[]}
   */
  unsent = [];
  /** Whether the server has older ones. */
  hasMore = true;

  /** The newest number in the log, 0 when it is empty. */
  get lastSeq() {
    return uint64(this.messages.at(-1)?.seq);
  }

  /** The oldest number in the log; undefined when it is empty. */
  get firstSeq() {
    return this.messages[0]?.seq;
  }

  /**
   * Takes one live message.
   * @param {Wire.Message} message
   * @returns {boolean} false when messages before it are missing: fetch the newest page
   */
  add(message) {
    this.#sent(message);
    const seq = uint64(message.seq);
    if (seq <= this.lastSeq) return true;
    if (this.messages.length && seq !== this.lastSeq + 1n) return false;
    if (!this.messages.length) this.hasMore = seq > 1n;
    this.messages.push(message);
    return true;
  }

  /**
   * Takes the newest page. What does not join on to it is let go, and can be fetched again by paging.
   * @param {{messages: Wire.Message[], hasMore: boolean}} page
   */
  addNewest({ messages, hasMore }) {
    for (const message of messages) this.#sent(message);
    if (!messages.length) {
      if (!this.messages.length) this.hasMore = false;
      return;
    }
    const first = uint64(messages[0].seq);
    const last = uint64(messages.at(-1)?.seq);
    const joins = this.messages.length > 0 && first <= this.lastSeq + 1n;
    const older = joins ? this.messages.filter((message) => uint64(message.seq) < first) : [];
    const newer = this.messages.filter((message) => uint64(message.seq) > last);
    this.messages = [...older, ...messages, ...newer];
    if (!older.length) this.hasMore = hasMore;
  }

  /**
   * Takes the page before the oldest message.
   * @param {{messages: Wire.Message[], hasMore: boolean}} page
   */
  addOlder({ messages, hasMore }) {
    const first = this.firstSeq;
    const older = first === undefined ? messages : messages.filter((message) => uint64(message.seq) < uint64(first));
    this.messages = [...older, ...this.messages];
    this.hasMore = hasMore;
  }

  /**
   * Puts a message on its way.
   * @param {Unsent} unsent
   */
  send(unsent) {
    this.unsent.push(unsent);
  }

  /** @param {Wire.Message} message */
  #sent(message) {
    if (message.clientMessageId) {
      this.unsent = this.unsent.filter((unsent) => unsent.clientMessageId !== message.clientMessageId);
    }
  }
}
