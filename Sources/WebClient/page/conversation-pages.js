// The conversations that this page has loaded, a page after the other. No DOM.

import { uint64 } from "../library/wire.js";

/** Conversations are asked for in pages of this many, the most that the server gives. */
const pageSize = 100;

export class ConversationPages {
  #fetch;
  /** @type {Map<string, Wire.Conversation>} */
  #known = new Map();
  #cursor = "";
  /** @type {Promise<void> | null} */
  #reloading = null;
  #isStale = false;
  #isLoadingMore = false;
  #owner = {};

  /** @param {(page: {cursor: string, limit: number}) => Promise<Required<Wire.ConversationList>>} fetch */
  constructor(fetch) {
    this.#fetch = fetch;
  }

  /**
   * The most recently used first.
   * @returns {Wire.Conversation[]}
   */
  get list() {
    return [...this.#known.values()];
  }

  /** Whether there are older ones at the server. */
  get hasMore() {
    return this.#cursor !== "";
  }

  /**
   * One of those that are loaded.
   * @param {string} id
   * @returns {Wire.Conversation | undefined}
   */
  get(id) {
    return this.#known.get(id);
  }

  /** Forgets everything. What is still on its way comes to nothing. */
  clear() {
    this.#owner = {};
    this.#known = new Map();
    this.#cursor = "";
    this.#reloading = null;
    this.#isStale = false;
    this.#isLoadingMore = false;
  }

  /** Loads anew as many as are there; one loading at a time, and what is asked for meanwhile makes one more. */
  async reload() {
    if (this.#reloading) {
      this.#isStale = true;
      await this.#reloading;
      return;
    }
    const owner = this.#owner;
    this.#reloading = this.#reload(owner);
    try {
      await this.#reloading;
    } finally {
      if (owner === this.#owner) this.#reloading = null;
    }
  }

  /** @param {object} owner */
  async #reload(owner) {
    do {
      this.#isStale = false;
      const wanted = this.#known.size;
      /** @type {Map<string, Wire.Conversation>} */
      const loaded = new Map();
      let cursor = "";
      do {
        const page = await this.#fetch({ cursor, limit: pageSize });
        if (owner !== this.#owner) return;
        for (const conversation of page.conversations) loaded.set(conversation.id, this.#newer(conversation));
        cursor = page.nextCursor;
      } while (cursor && loaded.size < wanted);
      this.#known = loaded;
      this.#cursor = cursor;
    } while (this.#isStale);
  }

  /**
   * A message that came while the list was on its way is not lost.
   * @param {Wire.Conversation} conversation
   */
  #newer(conversation) {
    const known = this.#known.get(conversation.id);
    if (!known || uint64(known.lastSeq) <= uint64(conversation.lastSeq)) return conversation;
    return { ...conversation, lastSeq: known.lastSeq, lastMessage: known.lastMessage };
  }

  /** Loads the next page; nothing when there is none, or another loading is on its way. */
  async loadMore() {
    if (!this.hasMore || this.#reloading || this.#isLoadingMore) return;
    const owner = this.#owner;
    const cursor = this.#cursor;
    this.#isLoadingMore = true;
    try {
      const page = await this.#fetch({ cursor, limit: pageSize });
      if (owner !== this.#owner || cursor !== this.#cursor) return;
      // One that came to the top meanwhile is there already, and newer.
      for (const conversation of page.conversations) {
        if (!this.#known.has(conversation.id)) this.#known.set(conversation.id, conversation);
      }
      this.#cursor = page.nextCursor;
    } finally {
      if (owner === this.#owner) this.#isLoadingMore = false;
    }
  }

  /**
   * Adds one that was just opened.
   * @param {Wire.Conversation} conversation
   */
  add(conversation) {
    if (!this.#known.has(conversation.id)) this.#toTop(conversation);
  }

  /**
   * Takes a live message: its conversation comes to the top.
   * @param {Wire.Message} message
   * @returns {boolean} false when the conversation is not known, or the message is no news
   */
  take(message) {
    const conversation = this.#known.get(message.conversationId);
    if (!conversation || uint64(message.seq) <= uint64(conversation.lastSeq)) return false;
    this.#toTop({ ...conversation, lastSeq: message.seq, lastMessage: message });
    return true;
  }

  /** @param {Wire.Conversation} conversation */
  #toTop(conversation) {
    this.#known.delete(conversation.id);
    this.#known = new Map([[conversation.id, conversation], ...this.#known]);
  }
}
