// The invitations into groups, above the conversations.

import { avatar } from "./avatar.js";
import { announce, byId, el, focused, select, selectAny, toast } from "./dom.js";
import { nameOf } from "./format.js";
import { errorSentence, invitationLine } from "./sentences.js";
import { changeStanding } from "./standing.js";

export class Invitations {
  #book;
  #contacts;
  #place = byId("invitations");
  #onAccepted;

  /**
   * @param {import("./invitation-book.js").InvitationBook} book
   * @param {import("./contact-book.js").ContactBook} contacts
   * @param {{onAccepted: (conversation: Wire.Conversation) => void}} handlers
   */
  constructor(book, contacts, { onAccepted }) {
    this.#book = book;
    this.#contacts = contacts;
    this.#onAccepted = onAccepted;
    book.addEventListener("change", () => this.#draw());
  }

  #draw() {
    const { invitations } = this.#book;
    const at = focused();
    const key = this.#place.contains(at) ? at?.dataset.key : null;
    this.#place.hidden = !invitations.length;
    const count = el("span", { class: "tally", testid: "invitation-count", text: invitations.length });
    this.#place.replaceChildren(
      el("h3", { class: "rows-title", tabindex: "-1", "data-key": "title" }, "Invitations", count),
      el("ul", { class: "rows" }, ...invitations.map((invitation) => this.#row(invitation))),
    );
    if (!key) return;
    const same = selectAny(this.#place, `[data-key="${CSS.escape(key)}"]`);
    (same ?? select(this.#place, "[data-key=title]")).focus();
  }

  /** @param {Wire.GroupInvitation} invitation */
  #row(invitation) {
    const { conversationId, name } = invitation;
    return el(
      "li",
      { class: "row invitation", testid: `invitation-${name}` },
      avatar({ id: conversationId, displayName: name }),
      el(
        "span",
        { class: "row-text" },
        el("span", { class: "row-name", text: name }),
        el("span", { class: "row-detail", text: invitationLine(invitation) }),
      ),
      el(
        "span",
        { class: "row-buttons" },
        this.#button("Accept", "accept", invitation, () => this.#accept(conversationId), "primary"),
        this.#button("Decline", "decline", invitation, () => this.#decline(conversationId)),
        this.#button("Block", "block", invitation, () => this.#block(invitation.inviter)),
      ),
    );
  }

  /**
   * @param {string} text
   * @param {"accept" | "decline" | "block"} verb
   * @param {Wire.GroupInvitation} invitation
   * @param {() => void} action
   * @param {string} [classes]
   */
  #button(text, verb, { conversationId, name, inviter }, action, classes = "quiet") {
    const whom = verb === "block" ? nameOf(inviter) : `the invitation to ${name}`;
    return el("button", {
      type: "button",
      class: classes,
      text,
      "aria-label": `${text} ${whom}`,
      // Not disabled: the focus would be lost.
      "aria-disabled": this.#book.isBusy(conversationId) ? "true" : null,
      "data-key": `${verb}-${conversationId}`,
      testid: `invitation-${verb}`,
      on: { click: action },
    });
  }

  /** @param {string} conversationId */
  async #accept(conversationId) {
    const group = await this.#attempt(() => this.#book.answer("accept", conversationId), "invitation");
    if (group) this.#onAccepted(group);
  }

  /** @param {string} conversationId */
  async #decline(conversationId) {
    await this.#attempt(() => this.#book.answer("decline", conversationId), "invitation");
  }

  /** @param {Wire.User} inviter */
  async #block(inviter) {
    const done = await this.#attempt(() => changeStanding(this.#contacts, "block", inviter), "contact");
    if (!done) return;
    this.#book.forgetInviter(inviter.id);
    announce(done);
  }

  /**
   * @template Result
   * @param {() => Promise<Result>} action
   * @param {import("./sentences.js").Context} context
   */
  async #attempt(action, context) {
    try {
      return await action();
    } catch (error) {
      toast(errorSentence(error, context));
      return null;
    }
  }
}
