// As much of a browser as the tests need.

import { RingbackError } from "../../Sources/WebClient/library/errors.js";

/**
 * Waits until everything has run that can run now.
 * @returns {Promise<void>}
 */
export const turn = () => new Promise((resolve) => setImmediate(resolve));

/**
 * An error as the library throws it.
 * @param {string} code
 * @param {number} [retryAfterMs]
 */
export const failure = (code, retryAfterMs) => new RingbackError(code, code, { retryAfterMs });

/**
 * Puts something into the place of what a browser has by this name.
 * @param {string} name
 * @param {unknown} value
 */
export function pretend(name, value) {
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
}

/** A track of a microphone, a camera or a screen. */
export class Track extends EventTarget {
  enabled = true;
  stopped = false;
  /** @param {"audio" | "video"} kind */
  constructor(kind) {
    super();
    this.kind = kind;
  }
  stop() {
    this.stopped = true;
  }
}

/** A `MediaStream`. */
export class Stream {
  /** @type {Set<Track>} */
  #tracks;
  /** @param {Track[]} tracks */
  constructor(tracks = []) {
    this.#tracks = new Set(tracks);
  }
  /** @param {Track} track */
  addTrack(track) {
    this.#tracks.add(track);
  }
  /** @param {Track} track */
  removeTrack(track) {
    this.#tracks.delete(track);
  }
  getTracks() {
    return [...this.#tracks];
  }
  getAudioTracks() {
    return this.getTracks().filter(({ kind }) => kind === "audio");
  }
  getVideoTracks() {
    return this.getTracks().filter(({ kind }) => kind === "video");
  }
}

/** A WebSocket without a network: the test is the server. */
export class Socket {
  readyState = 0;
  /**
   * The frames that were sent.
   * @type {Wire.ClientFrame[]}
   */
  sent = [];
  /** @type {((event: Event) => void) | null} */
  onopen = null;
  /** @type {((event: MessageEvent<string>) => void) | null} */
  onmessage = null;
  /** @type {((event: CloseEvent) => void) | null} */
  onclose = null;
  /**
   * @param {string} url
   * @param {string[]} protocols
   */
  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }
  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  open() {
    this.readyState = 1;
    this.onopen?.(new Event("open"));
  }
  /** @param {Wire.ServerFrame} frame */
  receive(frame) {
    this.onmessage?.(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }
  fail(code = 1006, reason = "") {
    this.readyState = 3;
    // Node has no CloseEvent before version 23.
    this.onclose?.(Object.assign(new Event("close"), { code, reason, wasClean: false }));
  }
  /** The command `hello`, which goes first. */
  get hello() {
    return this.sent[0].hello ?? {};
  }
  /**
   * Answers it.
   * @param {Partial<Wire.Welcome>} more
   */
  welcome(more = {}) {
    this.open();
    this.receive({ replyTo: this.sent[0].id, ok: { welcome: { resumeToken: "r1", ...more } } });
  }
}
