// The media exchanged with one other participant: a link, kept alive, and what of it is to be shown.

import { Emitter } from "./emitter.js";
import { PeerLink } from "./peer-link.js";
import { summarise } from "./stats.js";

/** Media that cannot be had for this long are given up, in milliseconds. */
export const mediaGraceMs = 20_000;
/** How often {@link PeerMedia.tick} is to be called, in milliseconds. */
export const tickMs = 1_000;
/** How long the polite side leaves the first offer to the other, in milliseconds. */
const firstOfferWaitMs = 3_000;
/** After this long without media, in milliseconds, a new path is looked for, then everything begun anew. */
const restartAfterMs = 5_000;
const rebuildAfterMs = 12_000;
/** A failed path is replaced by the impolite side at once, by the polite one a little later. */
const politeRestartDelayMs = 1_500;
/** A camera without a new frame for this long is taken to be off, in milliseconds. */
const stillAfterMs = 2_500;

/**
 * What the other side of a link has sent: the one or the other.
 * @typedef {{description?: Wire.Description, candidate?: Wire.Candidate}} Signal
 */

/**
 * @typedef {object} PeerOptions besides those of {@link PeerLink}
 * @property {() => boolean} isPolite
 * @property {() => Wire.CallParticipant | undefined} participant the other side
 */

/**
 * Events: `connection` (the connection's state changed), `tracks` (what is received changed), `lost` (there were no
 * media for {@link mediaGraceMs}), `failure` (detail: the error of a step that failed).
 * @extends {Emitter<{connection: undefined, tracks: undefined, lost: undefined, failure: unknown}>}
 */
export class PeerMedia extends Emitter {
  #link;
  #options;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #restartTimer;
  #withoutMediaMs = 0;
  #framesDecoded = 0;
  #framesSince = 0;
  #framesFlow = false;
  #speaksOfCamera = false;

  /** Whether there ever were media. */
  wasConnected = false;

  /** @param {Omit<import("./peer-link.js").LinkOptions, "polite"> & PeerOptions} options */
  constructor(options) {
    super();
    this.#options = options;
    const isPolite = () => options.isPolite();
    this.#link = new PeerLink({
      ...options,
      get polite() {
        return isPolite();
      },
    });
    this.#link.addEventListener("connection", () => this.#connectionChanged());
    this.#link.addEventListener("tracks", () => this.emit("tracks"));
    this.#link.addEventListener("failure", ({ detail }) => this.emit("failure", detail));
    this.participantChanged();
  }

  /**
   * Begins.
   * @param {{eager: boolean}} how `eager`: with an offer, whatever the role
   */
  start({ eager }) {
    this.#link.start(this.#options.isPolite() && !eager ? firstOfferWaitMs : 0);
  }

  /** Ends. */
  close() {
    clearTimeout(this.#restartTimer);
    this.#link.close();
  }

  /** What is received: streams that stay the same while tracks come and go. */
  get remote() {
    return this.#link.remote;
  }

  /** @returns {RTCPeerConnectionState} */
  get connectionState() {
    return this.#link.connectionState;
  }

  /**
   * The connection beneath, for the curious.
   * @returns {RTCPeerConnection | null}
   */
  get peerConnection() {
    return this.#link.peerConnection;
  }

  /** Whether there is a picture of the other side to show. */
  get showsCamera() {
    const track = this.remote.camera.getVideoTracks()[0];
    if (!track || track.muted) return false;
    // Clients that never speak of their camera are judged by what they send.
    return this.#speaksOfCamera ? !!this.#options.participant()?.media?.camera : this.#framesFlow;
  }

  /** Whether the other side's screen is to be shown. */
  get showsScreen() {
    const track = this.remote.screen.getVideoTracks()[0];
    return !!track && !track.muted;
  }

  /** The other side's part in the call has changed. */
  participantChanged() {
    this.#speaksOfCamera ||= !!this.#options.participant()?.media?.camera;
  }

  /** @param {Signal} signal */
  receive({ description, candidate }) {
    if (description) this.#link.receiveDescription(description);
    if (candidate) this.#link.receiveCandidate(candidate);
  }

  /** Takes the local tracks as they are now. */
  tracksChanged() {
    this.#link.tracksChanged();
  }

  /** The other side can answer from now on. */
  answerExpected() {
    this.#link.answerExpected();
  }

  /** An offer has waited too long for its answer: it is made again. */
  offerAgain() {
    this.#link.resend();
  }

  /** Looks for a new path. */
  restart() {
    this.#link.restart();
  }

  /**
   * A short account of the connection.
   * @returns {Promise<import("./stats.js").CallStats>}
   */
  async stats() {
    return summarise(await this.#link.reports(), this.#link.screenMid);
  }

  #connectionChanged() {
    clearTimeout(this.#restartTimer);
    const state = this.#link.connectionState;
    if (state === "connected") {
      this.wasConnected = true;
      this.#withoutMediaMs = 0;
    } else if (state === "failed") {
      const delayMs = this.#options.isPolite() ? politeRestartDelayMs : 0;
      this.#restartTimer = setTimeout(() => this.#link.restart(), delayMs);
    }
    this.emit("connection");
  }

  /**
   * Counts the time without media, and mends.
   * @param {boolean} counts whether this side could do something about it now
   */
  async tick(counts) {
    if (this.#link.connectionState === "connected") {
      await this.#watchFrames();
    } else if (counts && !this.#options.participant()?.reconnecting) {
      this.#withoutMediaMs += tickMs;
      if (this.#withoutMediaMs === restartAfterMs) this.#link.restart();
      else if (this.#withoutMediaMs === rebuildAfterMs) this.#link.rebuild();
      else if (this.#withoutMediaMs >= mediaGraceMs) {
        // Where the call goes on without, it is tried from the beginning.
        this.#withoutMediaMs = 0;
        this.emit("lost");
      }
    }
  }

  async #watchFrames() {
    const { framesDecoded } = (await this.stats()).camera;
    if (framesDecoded !== this.#framesDecoded) this.#framesSince = Date.now();
    this.#framesDecoded = framesDecoded;
    const flowing = Date.now() - this.#framesSince < stillAfterMs;
    if (flowing === this.#framesFlow) return;
    this.#framesFlow = flowing;
    this.emit("tracks");
  }
}
