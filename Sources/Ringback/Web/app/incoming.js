// Somebody calls.

import { peerOf } from "../ringback.js";
import { attentionPaid, callForAttention } from "./attention.js";
import { avatar } from "./avatar.js";
import { byId, el, toast } from "./dom.js";
import { nameOf } from "./format.js";
import { icon } from "./icons.js";
import { errorSentence, ringStopSentence } from "./sentences.js";
import { repeatSound, stopSound } from "./sounds.js";

export class Incoming {
  #client;
  #dialog = byId("incoming");
  #waiting = [];
  #shown = null;
  #onAnswer;

  /**
   * @param {import("../ringback.js").RingbackClient} client
   * @param {{onAnswer: (call: object, video: boolean) => void}} handlers
   */
  constructor(client, { onAnswer }) {
    this.#client = client;
    this.#onAnswer = onAnswer;
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

  #caller(call) {
    return peerOf(call, this.#client.user?.id)?.user ?? { id: "" };
  }

  #rang(call) {
    const caller = this.#caller(call);
    const connection = this.#client.connection;
    if (connection) {
      // Two people who call each other at once: the server makes one call of it.
      if (connection.peer.id === caller.id) return;
      this.#client.declineCall(call.id, { busy: true }).catch(() => {});
      toast(`${nameOf(caller)} called while you were in another call.`);
      return;
    }
    this.#waiting.push(call);
    if (!this.#shown) this.#next();
  }

  #next() {
    const call = this.#waiting.shift();
    if (call) this.#show(call);
  }

  #show(call) {
    this.#shown = call;
    const caller = this.#caller(call);
    const name = nameOf(caller);
    const video = call.type === "CALL_TYPE_VIDEO";
    const choice = (label, iconName, classes, testid, action) => {
      const attributes = { type: "button", class: `round ${classes}`, testid, "aria-label": label, title: label };
      return el(
        "div",
        { class: "choice" },
        el("button", { ...attributes, on: { click: action } }, icon(iconName)),
        el("span", { "aria-hidden": "true", text: label }),
      );
    };
    const heading = el("h2", { id: "incoming-name", tabindex: "-1", text: name, testid: "incoming-name" });
    this.#dialog.replaceChildren(
      el("div", { class: "pulse" }, avatar(caller, "large")),
      heading,
      el("p", { id: "incoming-kind", text: video ? "calls you by video" : "calls you" }),
      el(
        "div",
        { class: "choices" },
        choice("Decline", "hangup", "decline", "incoming-decline", () => this.#decline()),
        choice("Accept", "phone", "accept", "incoming-accept", () => this.#answer(false)),
        choice("Accept with video", "video", "accept", "incoming-accept-video", () => this.#answer(true)),
      ),
    );
    this.#dialog.showModal();
    // On no button: somebody who is typing would press it.
    heading.focus();
    repeatSound("ring");
    callForAttention(`${name} calls`, () => {});
  }

  #hide() {
    if (!this.#shown) return;
    this.#shown = null;
    this.#dialog.close();
    stopSound("ring");
    attentionPaid();
    this.#next();
  }

  #answer(video) {
    const call = this.#shown;
    // Whoever else rings meanwhile finds this device in a call.
    for (const other of this.#waiting.splice(0)) this.#client.declineCall(other.id, { busy: true }).catch(() => {});
    this.#hide();
    this.#onAnswer(call, video);
  }

  #decline() {
    const call = this.#shown;
    if (!call) return;
    this.#hide();
    this.#client.declineCall(call.id).catch((error) => {
      if (error.code !== "CALL_ENDED" && error.code !== "ANSWERED_ELSEWHERE") toast(errorSentence(error, "call"));
    });
  }

  #stopped({ call, reason }) {
    this.#waiting = this.#waiting.filter((waiting) => waiting.id !== call.id);
    if (this.#shown?.id !== call.id) return;
    this.#hide();
    const sentence = ringStopSentence(reason, nameOf(this.#caller(call)));
    if (sentence) toast(sentence);
  }
}
