// One conversation: its head, its messages, and writing.

import { hasCode, newId } from "../library/ringback.js";
import { byId, el, sync, toast } from "./dom.js";
import { titleOf } from "./format.js";
import { icon } from "./icons.js";
import { continues, dayLine, dayOf, messageNode } from "./message-node.js";
import { errorSentence } from "./sentences.js";
import { ThreadHead } from "./thread-head.js";
import { ThreadLog } from "./thread-log.js";

/**
 * A conversation on show, and what of the page is its own.
 * @typedef {object} Shown
 * @property {Wire.Conversation} conversation
 * @property {ThreadLog} log
 * @property {ThreadHead} head
 * @property {HTMLElement} list
 * @property {HTMLTextAreaElement} input
 * @property {Map<string, HTMLElement>} nodes those in the list, by what they stand for
 */

/** @typedef {import("./thread-log.js").Unsent} Unsent */

/**
 * @typedef {object} ThreadHandlers
 * @property {(id: string, seq: bigint) => void} onSeen how far the conversation was read
 * @property {(message: Wire.Message) => void} onSent the server has stored a message of this page
 */

export class Thread {
  #client;
  #root = byId("thread");
  /** @type {Map<string, ThreadLog>} */
  #logs = new Map();
  /** @type {Shown | null} */
  #shown = null;
  /** @type {Map<string, string>} */
  #drafts = new Map();
  #loading = false;
  #book;
  #onSeen;
  #onSent;
  #headHandlers;

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {import("./contact-book.js").ContactBook} book
   * @param {import("./thread-head.js").HeadHandlers & ThreadHandlers} handlers
   */
  constructor(client, book, { onSeen, onSent, ...headHandlers }) {
    this.#client = client;
    this.#book = book;
    this.#onSeen = onSeen;
    this.#onSent = onSent;
    this.#headHandlers = headHandlers;
    client.addEventListener("message", ({ detail }) => this.#arrived(detail.message));
    this.close();
  }

  /** The conversation on show. */
  get conversationId() {
    return this.#shown?.conversation.id ?? null;
  }

  /** Shows nothing. */
  close() {
    this.#leave();
    this.#root.replaceChildren(
      el(
        "div",
        { class: "empty" },
        el("img", { class: "mark", src: "/page/favicon.svg", alt: "", width: 64, height: 64 }),
        el("h2", { text: "No one selected" }),
        el("p", { text: "Find somebody by name, or select a conversation." }),
      ),
    );
  }

  /** Forgets everything: somebody else signs in. */
  clear() {
    this.close();
    this.#logs.clear();
    this.#drafts.clear();
  }

  #leave() {
    const shown = this.#shown;
    if (!shown) return;
    this.#drafts.set(shown.conversation.id, shown.input.value);
    shown.head.end();
    this.#shown = null;
  }

  /**
   * Shows a conversation.
   * @param {Wire.Conversation} conversation
   */
  open(conversation) {
    if (this.#shown?.conversation.id === conversation.id) {
      this.#shown.input.focus();
      return;
    }
    this.#leave();
    const shown = this.#build(conversation);
    this.#shown = shown;
    shown.input.value = this.#drafts.get(conversation.id) ?? "";
    fit(shown.input);
    this.#draw(shown, { toEnd: true });
    this.refresh();
    if (matchMedia("(min-width: 721px)").matches) shown.input.focus();
  }

  /**
   * Takes news of the conversation on show: somebody has come or gone.
   * @param {Wire.Conversation | undefined} conversation
   */
  update(conversation) {
    const shown = this.#shown;
    const before = shown?.conversation;
    if (!conversation || !shown || !before || conversation.id !== before.id) return;
    const isMember = new Set((conversation.members ?? []).map(({ id }) => id));
    // Lists do not say who is invited.
    const invited = (before.invited ?? []).filter(({ id }) => !isMember.has(id));
    shown.conversation = { ...conversation, invited };
    const isSame = before.members?.length === isMember.size && before.members.every(({ id }) => isMember.has(id));
    if (isSame) return;
    const old = shown.head;
    shown.head = this.#makeHead(shown.conversation);
    old.element.replaceWith(shown.head.element);
    old.end();
  }

  /** @param {string} conversationId */
  #logOf(conversationId) {
    const log = this.#logs.get(conversationId) ?? new ThreadLog();
    this.#logs.set(conversationId, log);
    return log;
  }

  /** @param {Wire.Conversation} conversation */
  #makeHead(conversation) {
    return new ThreadHead(this.#client, this.#book, conversation, this.#headHandlers);
  }

  /**
   * @param {Wire.Conversation} conversation
   * @returns {Shown}
   */
  #build(conversation) {
    const name = titleOf(conversation, this.#client.userId);
    const list = el("div", {
      class: "messages",
      role: "log",
      "aria-label": `Messages with ${name}`,
      tabindex: "0",
      testid: "message-list",
      on: { scroll: () => this.#scrolled() },
    });
    /** @type {HTMLTextAreaElement} */
    const input = el("textarea", {
      rows: "1",
      placeholder: "Write a message",
      "aria-label": `Message to ${name}`,
      testid: "message-input",
      on: { input: () => fit(input), keydown: (event) => this.#keyPressed(event) },
    });
    const send = { class: "send", type: "submit", "aria-label": "Send", title: "Send", testid: "message-send" };
    const head = this.#makeHead(conversation);
    const on = { submit: (/** @type {SubmitEvent} */ event) => this.#submitted(event) };
    this.#root.replaceChildren(
      head.element,
      list,
      el("form", { class: "composer", on }, input, el("button", send, icon("send"))),
    );
    return { conversation, log: this.#logOf(conversation.id), head, list, input, nodes: new Map() };
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#submitted(event);
  }

  // ------------------------------------------------------------------------------------------- loading

  /** Fetches the newest messages: when opened, and after time away. */
  async refresh() {
    const shown = this.#shown;
    if (!shown) return;
    const { log } = shown;
    try {
      log.addNewest(await this.#client.messages(shown.conversation.id));
    } catch (error) {
      if (!hasCode(error, "OFFLINE") && !hasCode(error, "UNAUTHENTICATED")) toast(errorSentence(error));
    }
    if (this.#shown === shown) this.#draw(shown, { toEnd: log.messages.length <= 50 || isAtEnd(shown) });
  }

  #scrolled() {
    if (this.#shown && this.#shown.list.scrollTop < 200) this.#loadOlder(this.#shown);
  }

  /** @param {Shown} shown */
  async #loadOlder(shown) {
    const { log } = shown;
    if (this.#loading || !log.hasMore || log.firstSeq === undefined) return;
    this.#loading = true;
    try {
      log.addOlder(await this.#client.messages(shown.conversation.id, { beforeSeq: log.firstSeq }));
    } catch (error) {
      toast(errorSentence(error));
    }
    this.#loading = false;
    if (this.#shown === shown) this.#draw(shown, { keepPlace: true });
  }

  /** @param {Wire.Message} message */
  #arrived(message) {
    const complete = this.#logs.get(message.conversationId)?.add(message);
    const shown = this.#shown;
    if (!shown || message.conversationId !== shown.conversation.id) return;
    if (complete) this.#draw(shown, { toEnd: isAtEnd(shown) });
    else this.refresh();
  }

  // ------------------------------------------------------------------------------------------- sending

  /** @param {Event} event */
  #submitted(event) {
    event.preventDefault();
    const shown = this.#shown;
    const body = shown?.input.value.trim();
    if (!shown || !body) return;
    const unsent = { clientMessageId: newId(), body, createdAt: new Date().toISOString(), failed: "" };
    shown.input.value = "";
    fit(shown.input);
    shown.log.send(unsent);
    this.#draw(shown, { toEnd: true });
    this.#send(shown.conversation.id, unsent);
  }

  /**
   * @param {string} conversationId
   * @param {Unsent} unsent
   */
  async #send(conversationId, unsent) {
    const log = this.#logOf(conversationId);
    unsent.failed = "";
    this.#redraw(conversationId, unsent);
    try {
      const { clientMessageId, body } = unsent;
      const message = await this.#client.sendMessage({ conversationId, clientMessageId, body });
      if (message && !log.add(message) && this.conversationId === conversationId) this.refresh();
      if (message) this.#onSent(message);
    } catch (error) {
      unsent.failed = errorSentence(error, "message");
    }
    this.#redraw(conversationId, unsent);
  }

  // ------------------------------------------------------------------------------------------- drawing

  /**
   * Draws a conversation, if it is on show, with news of a message that is on its way.
   * @param {string} conversationId
   * @param {Unsent} unsent
   */
  #redraw(conversationId, unsent) {
    const shown = this.#shown;
    if (!shown || shown.conversation.id !== conversationId) return;
    shown.nodes.delete(unsent.clientMessageId);
    this.#draw(shown, { toEnd: isAtEnd(shown) });
  }

  /**
   * @param {Shown} shown
   * @param {{toEnd?: boolean, keepPlace?: boolean}} how
   */
  #draw(shown, { toEnd = false, keepPlace = false }) {
    const { conversation, log, list, nodes: known } = shown;
    const me = this.#client.userId;
    const group = conversation.type === "CONVERSATION_TYPE_GROUP" ? conversation : null;
    const fromEnd = list.scrollHeight - list.scrollTop;
    /** @type {HTMLElement[]} */
    const nodes = [];
    /**
     * @param {string} key
     * @param {() => HTMLElement} make
     */
    const place = (key, make) => {
      const node = known.get(key) ?? make();
      known.set(key, node);
      nodes.push(node);
    };
    /** @type {import("./message-node.js").Shown | null} */
    let before = null;
    if (!log.hasMore && !log.messages.length && !log.unsent.length) {
      const text = `No messages yet. Say hello to ${titleOf(conversation, me)}.`;
      place("none", () => el("div", { class: "first-words", text }));
    }
    /**
     * @param {import("./message-node.js").Shown} message
     * @param {string} key
     * @param {Unsent} [unsent]
     */
    const push = (message, key, unsent) => {
      const day = dayOf(message);
      if (!before || dayOf(before) !== day) place(`day:${day}`, () => dayLine(day));
      const onRetry = () => unsent && this.#send(conversation.id, unsent);
      const around = { me, group, isContinued: continues(message, before), unsent, onRetry };
      place(key, () => messageNode(message, around));
      before = message;
    };
    for (const message of log.messages) push(message, `${message.id}:${continues(message, before)}`);
    for (const unsent of log.unsent) push({ ...unsent, senderId: me }, unsent.clientMessageId, unsent);
    sync(list, nodes);
    if (toEnd) list.scrollTop = list.scrollHeight;
    else if (keepPlace) list.scrollTop = list.scrollHeight - fromEnd;
    if (log.messages.length) this.#onSeen(conversation.id, log.lastSeq);
  }
}

/**
 * Makes the input as high as what is in it.
 * @param {HTMLTextAreaElement} input
 */
function fit(input) {
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight, 160)}px`;
}

/**
 * Whether the newest messages are in sight.
 * @param {Shown} shown
 */
function isAtEnd({ list }) {
  return list.scrollHeight - list.scrollTop - list.clientHeight < 120;
}
