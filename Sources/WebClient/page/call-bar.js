// A call that goes on without this device: on another device of the same person, or among the others.

import { isConnectedElsewhere, peerOf, rosterOf } from "../library/ringback.js";
import { byId, el } from "./dom.js";
import { listOfNames, nameOf } from "./format.js";

/** The bar above the page. */
export class CallBar {
  #client;
  #bar = byId("ongoing");
  #handlers;

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {object} handlers
   * @param {(call: Wire.Call) => void} handlers.onMove
   * @param {(call: Wire.Call) => void} handlers.onJoin
   * @param {(conversationId: string) => string} handlers.titleOf what a group is called; empty when it has no name
   */
  constructor(client, handlers) {
    this.#client = client;
    this.#handlers = handlers;
    for (const type of /** @type {const} */ (["call", "connection", "signedout"])) {
      client.addEventListener(type, () => this.draw());
    }
  }

  draw() {
    const { connection } = this.#client;
    const offers = this.#client.user && !connection ? [...this.#elsewhere(), ...this.#joinable()] : [];
    this.#bar.hidden = !offers.length;
    this.#bar.replaceChildren(...offers.slice(0, 3).map(({ text, label, testid, action }) =>
      el(
        "span",
        { class: "offer" },
        el("span", { text }),
        el("button", { type: "button", class: "link", text: label, testid, on: { click: action } }),
      ),
    ));
  }

  /** @param {Wire.Call} call */
  #names(call) {
    const title = this.#handlers.titleOf(call.conversationId ?? "");
    const others = rosterOf(call, this.#client.userId).filter(({ isMe, presence }) => !isMe && presence === "in");
    return title || listOfNames(others.map(({ user }) => nameOf(user))) || "others";
  }

  #elsewhere() {
    const { userId, deviceId } = this.#client;
    return [...this.#client.calls.values()]
      .filter((call) => isConnectedElsewhere(call, userId, deviceId))
      .map((call) => {
        const isGroup = call.mode === "CALL_MODE_GROUP";
        const who = isGroup ? this.#names(call) : nameOf(peerOf(call, userId)?.user);
        return {
          text: `In a call with ${who} on another device.`,
          label: "Move it here",
          testid: "call-move",
          action: () => this.#handlers.onMove(call),
        };
      });
  }

  #joinable() {
    return this.#client.callsToJoin().map((call) => ({
      text: `A call with ${this.#names(call)} is in progress.`,
      label: "Join",
      testid: "call-join",
      action: () => this.#handlers.onJoin(call),
    }));
  }
}
