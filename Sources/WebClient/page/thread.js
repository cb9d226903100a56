// One conversation: its head, its messages, and writing.

import { newId } from "../library/ringback.js";
import { byId, el, sync, toast } from "./dom.js";
import { titleOf } from "./format.js";
import { icon } from "./icons.js";
import { continues, dayLine, dayOf, messageNode } from "./message-node.js";
import { errorSentence } from "./sentences.js";
import { ThreadHead } from "./thread-head.js";
import { ThreadLog } from "./thread-log.js";

export class Thread {
  #client;
  #root = byId("thread");
  #logs = new Map();
  #conversation = null;
  #head = null;
  #list = null;
  #input = null;
  #nodes = new Map();
  #drafts = new Map();
  #loading = false;
  #book;
  #onSeen;
  #headHandlers;

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {import("./contact-book.js").ContactBook} book
   * @param {import("./thread-head.js").HeadHandlers & {onSeen: (id: string, seq: bigint) => void}} handlers
   */
  constructor(client, book, { onSeen, ...headHandlers }) {
    this.#client = client;
    this.#book = book;
    this.#onSeen = onSeen;
    this.#headHandlers = headHandlers;
    client.addEventListener("message", ({ detail }) => this.#arrived(detail.message));
    this.close();
  }

  /** The conversation on show. */
  get conversationId() {
    return this.#conversation?.id ?? null;
  }

  /** Shows nothing. */
  close() {
    this.#keepDraft();
    this.#conversation = null;
    this.#head?.end();
    this.#head = null;
    this.#root.replaceChildren(
      el(
        "div",
        { class: "empty" },
        el("img", { class: "mark", src: "/favicon.svg", alt: "", width: 64, height: 64 }),
        el("h2", { text: "Nobody chosen yet" }),
        el("p", { text: "Find somebody by name, or choose a conversation." }),
      ),
    );
  }

  /** Forgets everything: somebody else signs in. */
  clear() {
    this.close();
    this.#logs.clear();
    this.#drafts.clear();
  }

  #keepDraft() {
    if (this.#conversation) this.#drafts.set(this.#conversation.id, this.#input.value);
  }

  /** Shows a conversation. @param {object} conversation as on the wire */
  open(conversation) {
    if (this.#conversation?.id === conversation.id) {
      this.#input.focus();
      return;
    }
    this.#keepDraft();
    this.#conversation = conversation;
    this.#nodes = new Map();
    this.#build();
    this.#input.value = this.#drafts.get(conversation.id) ?? "";
    this.#fitInput();
    this.#draw({ toEnd: true });
    this.refresh();
    if (matchMedia("(min-width: 721px)").matches) this.#input.focus();
  }

  /** Takes news of the conversation on show: somebody has come or gone. @param {object | undefined} conversation */
  update(conversation) {
    const shown = this.#conversation;
    if (!conversation || conversation.id !== shown?.id) return;
    const isMember = new Set((conversation.members ?? []).map(({ id }) => id));
    // Lists do not say who is invited.
    const invited = (shown.invited ?? []).filter(({ id }) => !isMember.has(id));
    this.#conversation = { ...conversation, invited };
    const isSame = shown.members?.length === isMember.size && shown.members.every(({ id }) => isMember.has(id));
    if (isSame) return;
    const old = this.#head;
    this.#head = new ThreadHead(this.#client, this.#book, this.#conversation, this.#headHandlers);
    old.element.replaceWith(this.#head.element);
    old.end();
  }

  get #log() {
    const id = this.#conversation.id;
    if (!this.#logs.has(id)) this.#logs.set(id, new ThreadLog());
    return this.#logs.get(id);
  }

  #build() {
    const name = titleOf(this.#conversation, this.#client.user.id);
    this.#list = el("div", {
      class: "messages",
      role: "log",
      "aria-label": `Messages with ${name}`,
      tabindex: "0",
      testid: "message-list",
      on: { scroll: () => this.#scrolled() },
    });
    this.#input = el("textarea", {
      rows: "1",
      placeholder: "Write a message",
      "aria-label": `Message to ${name}`,
      testid: "message-input",
      on: { input: () => this.#fitInput(), keydown: (event) => this.#keyPressed(event) },
    });
    const send = { class: "send", type: "submit", "aria-label": "Send", title: "Send", testid: "message-send" };
    this.#head?.end();
    this.#head = new ThreadHead(this.#client, this.#book, this.#conversation, this.#headHandlers);
    this.#root.replaceChildren(
      this.#head.element,
      this.#list,
      el(
        "form",
        { class: "composer", on: { submit: (event) => this.#submitted(event) } },
        this.#input,
        el("button", send, icon("send")),
      ),
    );
  }

  #fitInput() {
    this.#input.style.height = "auto";
    this.#input.style.height = `${Math.min(this.#input.scrollHeight, 160)}px`;
  }

  #keyPressed(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.#submitted(event);
  }

  // ------------------------------------------------------------------------------------------- loading

  /** Fetches the newest messages: when opened, and after time away. */
  async refresh() {
    const conversation = this.#conversation;
    if (!conversation) return;
    const log = this.#log;
    try {
      log.addNewest(await this.#client.messages(conversation.id));
    } catch (error) {
      if (error.code !== "OFFLINE" && error.code !== "UNAUTHENTICATED") toast(errorSentence(error));
    }
    if (this.#conversation === conversation) this.#draw({ toEnd: log.messages.length <= 50 || this.#isAtEnd() });
  }

  #scrolled() {
    if (this.#list.scrollTop < 200) this.#loadOlder();
  }

  async #loadOlder() {
    const conversation = this.#conversation;
    const log = this.#log;
    if (this.#loading || !log.hasMore || log.firstSeq === undefined) return;
    this.#loading = true;
    try {
      log.addOlder(await this.#client.messages(conversation.id, { beforeSeq: log.firstSeq }));
    } catch (error) {
      toast(errorSentence(error));
    }
    this.#loading = false;
    if (this.#conversation === conversation) this.#draw({ keepPlace: true });
  }

  #arrived(message) {
    const log = this.#logs.get(message.conversationId);
    if (!log) return;
    const complete = log.add(message);
    if (message.conversationId !== this.#conversation?.id) return;
    if (complete) this.#draw({ toEnd: this.#isAtEnd() });
    else this.refresh();
  }

  // ------------------------------------------------------------------------------------------- sending

  #submitted(event) {
    event.preventDefault();
    const body = this.#input.value.trim();
    if (!body) return;
    const unsent = { clientMessageId: newId(), body, createdAt: new Date().toISOString(), failed: "" };
    this.#input.value = "";
    this.#fitInput();
    this.#log.send(unsent);
    this.#draw({ toEnd: true });
    this.#send(this.#conversation, unsent);
  }

  async #send(conversation, unsent) {
    const log = this.#log;
    unsent.failed = "";
    this.#nodes.delete(unsent.clientMessageId);
    this.#draw({ toEnd: this.#isAtEnd() });
    try {
      const { clientMessageId, body } = unsent;
      const message = await this.#client.sendMessage({ conversationId: conversation.id, clientMessageId, body });
      const complete = log.add(message);
      this.#client.dispatchEvent(new CustomEvent("sent", { detail: { message } }));
      if (!complete && this.#conversation?.id === conversation.id) this.refresh();
    } catch (error) {
      unsent.failed = errorSentence(error, "message");
      this.#nodes.delete(unsent.clientMessageId);
    }
    if (this.#conversation?.id === conversation.id) this.#draw({ toEnd: this.#isAtEnd() });
  }

  // ------------------------------------------------------------------------------------------- drawing

  #isAtEnd() {
    return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 120;
  }

  #draw({ toEnd = false, keepPlace = false } = {}) {
    const log = this.#log;
    const list = this.#list;
    const fromEnd = list.scrollHeight - list.scrollTop;
    const nodes = [];
    let before = null;
    if (!log.hasMore && !log.messages.length && !log.unsent.length) {
      nodes.push(this.#once("none", () => this.#firstWords()));
    }
    const push = (message, key, unsent) => {
      const day = dayOf(message);
      if (!before || dayOf(before) !== day) nodes.push(this.#once(`day:${day}`, () => dayLine(day)));
      const around = {
        me: this.#client.user.id,
        group: this.#isGroup ? this.#conversation : null,
        isContinued: continues(message, before),
        unsent,
        onRetry: () => this.#send(this.#conversation, unsent),
      };
      nodes.push(this.#once(key, () => messageNode(message, around)));
      before = message;
    };
    for (const message of log.messages) push(message, `${message.id}:${continues(message, before)}`);
    for (const unsent of log.unsent) {
      push({ ...unsent, senderId: this.#client.user.id }, unsent.clientMessageId, unsent);
    }
    sync(list, nodes);
    if (toEnd) list.scrollTop = list.scrollHeight;
    else if (keepPlace) list.scrollTop = list.scrollHeight - fromEnd;
    if (log.messages.length) this.#onSeen(this.#conversation.id, log.lastSeq);
  }

  #once(key, make) {
    if (!this.#nodes.has(key)) this.#nodes.set(key, make());
    return this.#nodes.get(key);
  }

  get #isGroup() {
    return this.#conversation.type === "CONVERSATION_TYPE_GROUP";
  }

  #firstWords() {
    const name = titleOf(this.#conversation, this.#client.user.id);
    return el("div", { class: "first-words", text: `This is the beginning. Say hello to ${name}.` });
  }
}
