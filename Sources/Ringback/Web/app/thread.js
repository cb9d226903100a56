// One conversation: its messages, writing, and the call buttons.

import { newId, uint64 } from "../ringback.js";
import { avatar } from "./avatar.js";
import { byId, el, iconButton, sync, toast } from "./dom.js";
import { dayLabel, nameOf, timeOfDay, titleOf } from "./format.js";
import { icon } from "./icons.js";
import { errorSentence, messageLine } from "./sentences.js";
import { ThreadLog } from "./thread-log.js";

/** Messages of one person this close together stand together, in milliseconds. */
const togetherMs = 5 * 60_000;

export class Thread {
  #client;
  #root = byId("thread");
  #logs = new Map();
  #conversation = null;
  #peer = null;
  #list = null;
  #input = null;
  #nodes = new Map();
  #drafts = new Map();
  #loading = false;
  #onCall;
  #onCallGroup;
  #onBack;
  #onSeen;

  /**
   * @param {import("../ringback.js").RingbackClient} client
   * @param {object} handlers
   * @param {(user: object, video: boolean) => void} handlers.onCall
   * @param {(conversation: object, video: boolean) => void} handlers.onCallGroup
   * @param {() => void} handlers.onBack
   * @param {(id: string, seq: bigint) => void} handlers.onSeen
   */
  constructor(client, { onCall, onCallGroup, onBack, onSeen }) {
    this.#client = client;
    this.#onCall = onCall;
    this.#onCallGroup = onCallGroup;
    this.#onBack = onBack;
    this.#onSeen = onSeen;
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
    this.#peer = conversation.members?.find((member) => member.id !== this.#client.user.id) ?? this.#client.user;
    this.#nodes = new Map();
    this.#build();
    this.#input.value = this.#drafts.get(conversation.id) ?? "";
    this.#fitInput();
    this.#draw({ toEnd: true });
    this.refresh();
    if (matchMedia("(min-width: 721px)").matches) this.#input.focus();
  }

  get #log() {
    const id = this.#conversation.id;
    if (!this.#logs.has(id)) this.#logs.set(id, new ThreadLog());
    return this.#logs.get(id);
  }

  #build() {
    const group = this.#isGroup;
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
    const isGroup = this.#conversation.type === "CONVERSATION_TYPE_GROUP";
    const call = (video) => () =>
      isGroup ? this.#onCallGroup(this.#conversation, video) : this.#onCall(this.#peer, video);
    const send = { class: "send", type: "submit", "aria-label": "Send", title: "Send", testid: "message-send" };
    this.#root.replaceChildren(
      el(
        "header",
        { class: "thread-head" },
        iconButton("back", "Back to the list", { class: "back", on: { click: () => this.#onBack() } }),
        avatar(group ? { id: this.#conversation.id, displayName: name } : this.#peer),
        el(
          "div",
          { class: "who" },
          el("h2", { text: name, testid: "thread-name" }),
          el("span", { text: group ? this.#memberNames() : `@${this.#peer.username ?? ""}`, testid: "thread-detail" }),
        ),
        !group && iconButton("phone", `Call ${name}`, { testid: "call-voice", on: { click: call(false) } }),
        !group && iconButton("video", `Video call with ${name}`, { testid: "call-video", on: { click: call(true) } }),
      ),
      this.#list,
      el(
        "form",
        { class: "composer", on: { submit: (event) => this.#submitted(event) } },
        this.#input,
        el("button", send, icon("send")),
      ),
    );
  }

  get #isGroup() {
    return this.#conversation.type === "CONVERSATION_TYPE_GROUP";
  }

  #memberNames() {
    return (this.#conversation.members ?? []).map(nameOf).join(", ");
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
    for (const message of log.messages) {
      this.#pushDay(nodes, before, message);
      nodes.push(this.#once(this.#key(message, before), () => this.#messageNode(message, before)));
      before = message;
    }
    for (const unsent of log.unsent) {
      const message = { ...unsent, senderId: this.#client.user.id };
      this.#pushDay(nodes, before, message);
      nodes.push(this.#once(unsent.clientMessageId, () => this.#messageNode(message, before, unsent)));
      before = message;
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

  #key(message, before) {
    return `${message.id}:${this.#continues(message, before)}`;
  }

  #continues(message, before) {
    return (
      !!before &&
      before.senderId === message.senderId &&
      Date.parse(message.createdAt) - Date.parse(before.createdAt) < togetherMs
    );
  }

  #pushDay(nodes, before, message) {
    const day = dayLabel(new Date(message.createdAt));
    if (before && dayLabel(new Date(before.createdAt)) === day) return;
    nodes.push(this.#once(`day:${day}`, () => el("div", { class: "day" }, el("span", { text: day }))));
  }

  #firstWords() {
    const name = titleOf(this.#conversation, this.#client.user.id);
    return el("div", { class: "first-words", text: `This is the beginning. Say hello to ${name}.` });
  }

  #messageNode(message, before, unsent) {
    if (message.type === "MESSAGE_TYPE_SYSTEM" || !message.senderId) {
      const text = `${messageLine(message, this.#client.user.id)} · ${timeOfDay(new Date(message.createdAt))}`;
      return el("div", { class: "system", text, testid: message.call ? "call-line" : "system-line" });
    }
    const mine = message.senderId === this.#client.user.id;
    const classes = ["message", mine ? "mine" : "theirs", this.#continues(message, before) ? "continues" : ""];
    const time = new Date(message.createdAt);
    const sender = this.#conversation.members?.find((member) => member.id === message.senderId);
    const named = this.#isGroup && !mine && !this.#continues(message, before);
    const node = el("div", {}, named && el("span", { class: "sender", text: nameOf(sender) }), el("p", { class: "body", dir: "auto", text: message.body ?? "" }));
    if (unsent?.failed) {
      classes.push("failed");
      const on = { click: () => this.#send(this.#conversation, unsent) };
      node.append(
        el(
          "p",
          { class: "failure", role: "alert" },
          el("span", { text: `Not sent. ${unsent.failed} ` }),
          el("button", { type: "button", class: "link", text: "Send again", testid: "message-retry", on }),
        ),
      );
    } else {
      if (unsent) classes.push("pending");
      const text = unsent ? "Sending…" : timeOfDay(time);
      node.append(el("time", { datetime: message.createdAt, text, title: time.toLocaleString() }));
    }
    node.className = classes.filter(Boolean).join(" ");
    node.dataset.testid = unsent ? "message-unsent" : "message";
    if (message.seq) node.dataset.seq = String(uint64(message.seq));
    return node;
  }
}
