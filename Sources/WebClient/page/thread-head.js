// The head of a conversation: whom it is with, calling them, and what can be done about them.

import { avatar } from "./avatar.js";
import { ConversationMenu } from "./conversation-menu.js";
import { el, iconButton } from "./dom.js";
import { nameOf, titleOf } from "./format.js";
import { standingWord } from "./sentences.js";

/**
 * @typedef {object} HeadHandlers
 * @property {(user: object, video: boolean) => void} onCall
 * @property {(conversation: object, video: boolean) => void} onCallGroup
 * @property {(call: object) => void} onJoin
 * @property {() => void} onBack
 */

/** The head of one conversation. */
export class ThreadHead {
  #client;
  #book;
  #conversation;
  #peer = null;
  #menu = null;
  #buttons;
  #detail = el("span", { testid: "thread-detail" });
  #stop = new AbortController();

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {import("./contact-book.js").ContactBook} book
   * @param {object} conversation as on the wire
   * @param {HeadHandlers} handlers
   */
  constructor(client, book, conversation, { onCall, onCallGroup, onJoin, onBack }) {
    this.#client = client;
    this.#book = book;
    this.#conversation = conversation;
    const me = client.user;
    const name = titleOf(conversation, me.id);
    const isGroup = conversation.type === "CONVERSATION_TYPE_GROUP";
    const others = (conversation.members ?? []).filter(({ id }) => id !== me.id);
    if (!isGroup) {
      this.#peer = others[0] ?? me;
      if (this.#peer !== me) this.#menu = new ConversationMenu(book, this.#peer);
    }
    const call = (video) => () => (isGroup ? onCallGroup(conversation, video) : onCall(this.#peer, video));
    const button = (iconName, label, testid, video) =>
      iconButton(iconName, label, { testid, "data-label": label, on: { click: call(video) } });
    this.#buttons = {
      voice: button("phone", `Call ${name}`, "call-voice", false),
      video: button("video", isGroup ? `Video call ${name}` : `Video call with ${name}`, "call-video", true),
      join: el("button", {
        type: "button",
        class: "primary join",
        text: "Join call",
        hidden: true,
        testid: "thread-join-call",
        on: { click: () => onJoin(this.#joinable) },
      }),
    };
    // There is nobody to call in a group of one.
    this.#buttons.voice.disabled = this.#buttons.video.disabled = !others.length;
    /** To be put on the page. */
    this.element = el(
      "header",
      { class: "thread-head" },
      iconButton("back", "Back to the list", { class: "back", on: { click: onBack } }),
      avatar(this.#peer ?? { id: conversation.id, displayName: name }),
      el("div", { class: "who" }, el("h2", { text: name, testid: "thread-name" }), this.#detail),
      ...Object.values(this.#buttons),
      this.#menu?.element,
    );
    const { signal } = this.#stop;
    book.addEventListener("change", () => this.#draw(), { signal });
    for (const type of ["call", "connection", "welcome"]) client.addEventListener(type, () => this.#draw(), { signal });
    this.#draw();
  }

  /** Ends: another conversation is shown. */
  end() {
    this.#stop.abort();
    this.#menu?.end();
  }

  /** The call that goes on in this conversation without this person, if they may come into it. */
  get #joinable() {
    return this.#client.callsToJoin().find(({ conversationId }) => conversationId === this.#conversation.id);
  }

  #draw() {
    const { voice, video, join } = this.#buttons;
    const peer = this.#peer;
    if (!peer) {
      const { members = [], invited = [] } = this.#conversation;
      const others = invited.length ? ` · invited: ${invited.map(nameOf).join(", ")}` : "";
      this.#detail.textContent = members.map(nameOf).join(", ") + others;
      join.hidden = !this.#joinable;
      voice.hidden = video.hidden = !join.hidden;
      return;
    }
    const standing = this.#book.standingOf(peer.id);
    this.#detail.textContent = [`@${peer.username ?? ""}`, standingWord(standing)].filter(Boolean).join(" · ");
    if (peer === this.#client.user) return;
    for (const button of [voice, video]) {
      button.disabled = standing.blocked;
      button.title = standing.blocked ? `Unblock ${nameOf(peer)} to call` : button.dataset.label;
    }
  }
}
