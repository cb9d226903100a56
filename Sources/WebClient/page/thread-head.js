// The head of a conversation: whom it is with, calling them, and what can be done about them.

import { avatar } from "./avatar.js";
import { ConversationMenu } from "./conversation-menu.js";
import { el, iconButton } from "./dom.js";
import { nameOf, titleOf } from "./format.js";
import { standingWord } from "./sentences.js";

/**
 * @typedef {object} HeadHandlers
 * @property {(user: Wire.User, video: boolean) => void} onCall
 * @property {(conversation: Wire.Conversation, video: boolean) => void} onCallGroup
 * @property {(call: Wire.Call) => void} onJoin
 * @property {() => void} onBack
 */

/** The head of one conversation. */
export class ThreadHead {
  #client;
  #book;
  #conversation;
  /** @type {Wire.User | null} */
  #peer = null;
  /** @type {ConversationMenu | null} */
  #menu = null;
  #buttons;
  #detail = el("span", { testid: "thread-detail" });
  #stop = new AbortController();

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {import("./contact-book.js").ContactBook} book
   * @param {Wire.Conversation} conversation
   * @param {HeadHandlers} handlers
   */
  constructor(client, book, conversation, { onCall, onCallGroup, onJoin, onBack }) {
    this.#client = client;
    this.#book = book;
    this.#conversation = conversation;
    const me = client.userId;
    const name = titleOf(conversation, me);
    const isGroup = conversation.type === "CONVERSATION_TYPE_GROUP";
    const others = (conversation.members ?? []).filter(({ id }) => id !== me);
    if (!isGroup) {
      this.#peer = others[0] ?? client.user;
      if (others.length) this.#menu = new ConversationMenu(book, others[0]);
    }
    const call = (/** @type {boolean} */ video) => () =>
      this.#peer ? onCall(this.#peer, video) : onCallGroup(conversation, video);
    /**
     * @param {import("./icons.js").IconName} iconName
     * @param {string} label
     * @param {string} testid
     * @param {boolean} video
     */
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
        on: { click: () => this.#joinable && onJoin(this.#joinable) },
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
    for (const type of /** @type {const} */ (["call", "connection", "welcome"])) {
      client.addEventListener(type, () => this.#draw(), { signal });
    }
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
    if (peer.id === this.#client.userId) return;
    for (const button of [voice, video]) {
      button.disabled = standing.blocked;
      button.title = standing.blocked ? `Unblock ${nameOf(peer)} to call` : (button.dataset.label ?? "");
    }
  }
}
