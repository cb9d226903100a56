// The invitations into groups, above the conversations.

import { avatar } from "./avatar.js";
import { announce, byId, el, toast } from "./dom.js";
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
   * @param {{onAccepted: (conversation: object) => void}} handlers
   */
  constructor(book, contacts, { onAccepted }) {
    this.#book = book;
    this.#contacts = contacts;
    this.#onAccepted = onAccepted;
    book.addEventListener("change", () => this.#draw());
  }

  #draw() {
    const { invitations } = this.#book;
    const { activeElement } = document;
    const focused = this.#place.contains(activeElement) ? activeElement.dataset.key : null;
    this.#place.hidden = !invitations.length;
    const count = el("span", { class: "tally", testid: "invitation-count", text: invitations.length });
    this.#place.replaceChildren(
      el("h3", { class: "rows-title", tabindex: "-1", "data-key": "title" }, "Invitations", count),
      el("ul", { class: "rows" }, ...invitations.map((invitation) => this.#row(invitation))),
    );
    if (!focused) return;
    const same = this.#place.querySelector(`[data-key="${CSS.escape(focused)}"]`);
    (same ?? this.#place.querySelector("[data-key=title]")).focus();
  }

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

  #button(text, verb, { conversationId, name, inviter }, action, classes = "quiet") {
    const whom = verb === "block" ? nameOf(inviter) : `the invitation into ${name}`;
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

  async #accept(conversationId) {
    const group = await this.#attempt(() => this.#book.answer("accept", conversationId), "invitation");
    if (group) this.#onAccepted(group);
  }

  async #decline(conversationId) {
    await this.#attempt(() => this.#book.answer("decline", conversationId), "invitation");
  }

  async #block(inviter) {
    const done = await this.#attempt(() => changeStanding(this.#contacts, "block", inviter), "contact");
    if (!done) return;
    this.#book.forgetInviter(inviter.id);
    announce(done);
  }

  async #attempt(action, context) {
    try {
      return await action();
    } catch (error) {
      toast(errorSentence(error, context));
      return null;
    }
  }
}
