// Somebody calls.

import { hasCode, isGroupCall, participantOf, peerOf } from "../library/ringback.js";
import { attentionPaid, callForAttention } from "./attention.js";
import { avatar } from "./avatar.js";
import { byId, el, focused, select, selectAny, toast } from "./dom.js";
import { listOfNames, nameOf } from "./format.js";
import { icon } from "./icons.js";
import { errorSentence, ringStopSentence } from "./sentences.js";
import { repeatSound, stopSound } from "./sounds.js";

/** @typedef {"decline" | "accept" | "accept-video" | "hold-accept"} Choice */

/** @type {Record<Choice, {label: string, iconName: import("./icons.js").IconName, classes: string}>} */
const choices = {
  decline: { label: "Decline", iconName: "hangup", classes: "decline" },
  accept: { label: "Accept", iconName: "phone", classes: "accept" },
  "accept-video": { label: "Accept with video", iconName: "video", classes: "accept" },
  "hold-accept": { label: "Hold and accept", iconName: "phone", classes: "accept" },
};

export class Incoming {
  #client;
  #dialog = byId("incoming", HTMLDialogElement);
  /** @type {Wire.Call[]} */
  #waiting = [];
  /** @type {Wire.Call | null} */
  #shown = null;
  #offered = "";
  #onAnswer;
  #titleOf;

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {object} handlers
   * @param {(call: Wire.Call, video: boolean) => void} handlers.onAnswer
   * @param {(conversationId: string) => string} handlers.titleOf what a group is called; empty when it has no name
   */
  constructor(client, { onAnswer, titleOf }) {
    this.#client = client;
    this.#onAnswer = onAnswer;
    this.#titleOf = titleOf;
    client.addEventListener("connection", ({ detail: { connection } }) => {
      this.#offer();
      connection?.addEventListener("state", () => this.#offer());
    });
    client.addEventListener("call", ({ detail }) => this.#shown?.id === detail.call.id && this.#updated(detail.call));
    client.addEventListener("incoming", ({ detail }) => this.#rang(detail.call));
    client.addEventListener("ringstopped", ({ detail }) => this.#stopped(detail));
    client.addEventListener("signedout", () => this.clear());
    // Escape declines.
    this.#dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#decline();
    });
  }

  /** Stops ringing, without a word to the server. */
  clear() {
    this.#waiting = [];
    this.#hide();
  }

  /** @param {Wire.Call} call @returns {Wire.User} */
  #caller(call) {
    const initiator = participantOf(call, call.initiatorId)?.user;
    const me = this.#client.user?.id;
    if (initiator && initiator.id !== me) return initiator;
    return peerOf(call, me)?.user ?? { id: "" };
  }

  /** @param {Wire.Call} call */
  #rang(call) {
    const caller = this.#caller(call);
    const { connection, heldConnections } = this.#client;
    // Two people who call each other at once: the server makes one call of it.
    if (connection && !connection.isGroup && !isGroupCall(call) && connection.peer.id === caller.id) return;
    if (heldConnections.length) {
      this.#client.declineCall(call.id, { busy: true }).catch(() => {});
      toast(`${nameOf(caller)} called while you were in two other calls.`);
      return;
    }
    this.#waiting.push(call);
    if (!this.#shown) this.#next();
  }

  #next() {
    const call = this.#waiting.shift();
    if (call) this.#show(call);
  }

  /** @param {Wire.Call} call */
  #show(call) {
    this.#shown = call;
    this.#draw(call);
    this.#dialog.showModal();
    // On no button: somebody who is typing would press it.
    select(this.#dialog, "h2").focus();
    repeatSound(this.#client.connection ? "waiting" : "ring");
    callForAttention(`${nameOf(this.#caller(call))} calls`, () => {});
  }

  /** @param {Wire.Call} call */
  #updated(call) {
    this.#shown = call;
    const words = this.#dialog.querySelector("#incoming-kind");
    if (words) words.textContent = this.#kind(call);
  }

  /**
   * What is on offer depends on whether there is a call, and whether it can be put on hold.
   * @returns {Choice[]}
   */
  get #choices() {
    const { connection } = this.#client;
    if (!connection) return ["decline", "accept", "accept-video"];
    return connection.onHold || connection.canHold ? ["decline", "hold-accept"] : ["decline"];
  }

  #offer() {
    if (!this.#shown || this.#choices.join() === this.#offered) return;
    const at = focused()?.dataset.testid;
    this.#draw(this.#shown);
    (selectAny(this.#dialog, `[data-testid="${at}"]`) ?? select(this.#dialog, "h2")).focus();
  }

  /**
   * What kind of call it is, where, and who else is in it.
   * @param {Wire.Call} call
   */
  #kind(call) {
    const video = call.type === "CALL_TYPE_VIDEO" ? " (video)" : "";
    if (!isGroupCall(call)) return `is calling you${video}`;
    const caller = this.#caller(call);
    const title = this.#titleOf(call.conversationId ?? "");
    const others = (call.participants ?? [])
      .map(({ user }) => user)
      .filter(({ id }) => id !== caller.id && id !== this.#client.user?.id);
    const called = listOfNames(["you", ...others.map(nameOf)]);
    return title ? `is calling ${title}${video}: ${called}` : `is calling ${called}${video}`;
  }

  /** @param {Wire.Call} call */
  #draw(call) {
    const caller = this.#caller(call);
    const choice = (/** @type {Choice} */ name) => {
      const { label, iconName, classes } = choices[name];
      const action = () => (name === "decline" ? this.#decline() : this.#answer(name === "accept-video"));
      const attributes = {
        type: "button",
        class: `round ${classes}`,
        testid: `incoming-${name}`,
        "aria-label": label,
        title: label,
      };
      return el(
        "div",
        { class: "choice" },
        el("button", { ...attributes, on: { click: action } }, icon(iconName)),
        el("span", { "aria-hidden": "true", text: label }),
      );
    };
    const offered = this.#choices;
    this.#offered = offered.join();
    this.#dialog.classList.toggle("waiting", !!this.#client.connection);
    this.#dialog.replaceChildren(
      el("div", { class: "pulse" }, avatar(caller, "large")),
      el("h2", { id: "incoming-name", tabindex: "-1", text: nameOf(caller), testid: "incoming-name" }),
      el("p", { id: "incoming-kind", text: this.#kind(call), testid: "incoming-kind" }),
      el("div", { class: "choices" }, ...offered.map(choice)),
    );
  }

  #hide() {
    if (!this.#shown) return;
    this.#shown = null;
    this.#dialog.close();
    stopSound("ring");
    stopSound("waiting");
    attentionPaid();
    this.#next();
  }

  /** @param {boolean} video */
  #answer(video) {
    const call = this.#shown;
    if (!call) return;
    const others = this.#waiting.splice(0);
    this.#hide();
    this.#onAnswer(call, video);
    // Whoever else rings waits beside the call, or finds this device in two.
    for (const other of others) this.#rang(other);
  }

  #decline() {
    const call = this.#shown;
    if (!call) return;
    this.#hide();
    this.#client.declineCall(call.id).catch((error) => {
      if (!hasCode(error, "CALL_ENDED") && !hasCode(error, "ANSWERED_ELSEWHERE")) toast(errorSentence(error, "call"));
    });
  }

  /** @param {import("../library/client.js").ClientEvents["ringstopped"]} detail */
  #stopped({ call, reason }) {
    this.#waiting = this.#waiting.filter((waiting) => waiting.id !== call.id);
    if (this.#shown?.id !== call.id) return;
    this.#hide();
    const sentence = ringStopSentence(reason, nameOf(this.#caller(call)));
    if (sentence) toast(sentence);
  }
}
