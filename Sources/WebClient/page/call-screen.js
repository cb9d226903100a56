// The place for calls: shows one at a time.

import { CallView, whyOver } from "./call-view.js";
import { byId, focused, toast } from "./dom.js";

/** @typedef {import("../library/ringback.js").CallConnection} CallConnection */

export class CallScreen {
  #client;
  #root = byId("call");
  #handlers;
  /** @type {CallView | null} */
  #view = null;
  /** @type {HTMLElement | null} */
  #focusBefore = null;

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {Omit<import("./call-view.js").ViewHandlers, "onClose">} handlers
   */
  constructor(client, handlers) {
    this.#client = client;
    this.#handlers = { ...handlers, onClose: () => this.#close() };
    client.addEventListener("connection", ({ detail }) => this.#changed(detail));
    client.addEventListener("signedout", () => this.#close());
    document.addEventListener("keydown", (event) => this.#keyPressed(event));
  }

  /** @param {import("../library/client.js").ClientEvents["connection"]} detail */
  #changed({ connection, ended }) {
    // Where another call comes into its place, or it was on hold beside this one, a note has to do.
    if (ended && connection) toast(whyOver(ended, this.#client.userId));
    if (connection && connection !== this.#view?.connection) this.#show(connection);
    else this.#view?.draw();
  }

  /** @param {CallConnection} connection */
  #show(connection) {
    this.#view?.end();
    this.#focusBefore ??= focused();
    this.#view = new CallView(this.#client, connection, this.#handlers);
  }

  #close() {
    this.#view?.end();
    this.#view = null;
    this.#root.hidden = true;
    byId("app").inert = false;
    this.#focusBefore?.focus();
    this.#focusBefore = null;
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    const view = this.#view;
    if (!view || document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    // Who is at something else, beside a small call, does not mean the call.
    const at = document.activeElement ?? document.body;
    if (view.isMini || (at !== document.body && !this.#root.contains(at))) return;
    if (view.press(event.key)) event.preventDefault();
  }
}
