// The media connection of a call: an RTCPeerConnection, negotiated perfectly, and begun anew when the
// other side begins anew. It knows nothing of calls: what it sends and receives are descriptions and
// candidates of the wire.

import { Emitter } from "./emitter.js";
import {
  Generations,
  classifyMedia,
  markScreen,
  reactToCandidate,
  reactToDescription,
  screenMids,
} from "./negotiation.js";
import { newId } from "./wire.js";

/** So many candidates are kept until their description comes. */
const keptCandidates = 256;
/** An offer without an answer is sent again after this long, in milliseconds. */
const answerTimeoutMs = 8_000;
/** More beginnings than this within a minute mean that something is wrong. */
const rebuildsPerMinute = 6;

/** @typedef {"microphone" | "camera" | "screen"} Role what a track shows or tells */

/**
 * The tracks that are sent; null where there is none now.
 * @typedef {Readonly<Record<Role, MediaStreamTrack | null>>} OutgoingMedia
 */

/**
 * @typedef {object} LinkOptions
 * @property {boolean} polite
 * @property {OutgoingMedia} local
 * @property {() => RTCConfiguration} configuration
 * @property {() => Promise<void>} renewIceServers sees to it that `configuration` is good for a while
 * @property {(description: Wire.Description) => void} sendDescription
 * @property {(candidate: Wire.Candidate) => void} sendCandidate
 * @property {() => boolean} expectsAnswer whether the other side can answer now
 */

/**
 * Events: `connection` (the state of `connectionState` changed), `tracks` (what is received changed),
 * `failure` (detail: the error of a step that failed).
 * @extends {Emitter<{connection: undefined, tracks: undefined, failure: unknown}>}
 */
export class PeerLink extends Emitter {
  #options;
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  #id = "";
  #generations = new Generations();
  /** @type {string | null} */
  #remoteId = null;
  #remoteGeneration = 0;
  /** @type {Set<string>} */
  #remoteScreens = new Set();
  /** @type {Set<string>} */
  #abandonedIds = new Set();
  /** @type {string | null} */
  #lastAnswer = null;
  /** @type {Wire.Candidate[]} */
  #candidates = [];
  /** @type {Partial<Record<Role, RTCRtpTransceiver>>} */
  #senders = {};
  #work = Promise.resolve();
  #waitsForOffer = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #answerTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #waitTimer;
  /** @type {number[]} */
  #rebuilds = [];
  #closed = false;

  /** What is received. The streams stay the same objects; their tracks come and go. */
  remote = { audio: new MediaStream(), camera: new MediaStream(), screen: new MediaStream() };
  /**
   * The media section with the other side's screen.
   * @type {string | null}
   */
  screenMid = null;

  /** @param {LinkOptions} options */
  constructor(options) {
    super();
    this.#options = options;
  }

  /** @returns {RTCPeerConnectionState} */
  get connectionState() {
    return this.#pc?.connectionState ?? "closed";
  }

  /**
   * The connection beneath, for the curious.
   * @returns {RTCPeerConnection | null}
   */
  get peerConnection() {
    return this.#pc;
  }

  /**
   * Begins.
   * @param {number} waitMs how long to leave the first offer to the other side
   */
  start(waitMs) {
    this.#create();
    if (waitMs > 0) {
      this.#waitsForOffer = true;
      this.#waitTimer = setTimeout(() => this.#stopWaiting(), waitMs);
    } else {
      this.tracksChanged();
    }
  }

  #stopWaiting() {
    if (!this.#waitsForOffer) return;
    this.#waitsForOffer = false;
    this.tracksChanged();
  }

  /** Ends. */
  close() {
    this.#closed = true;
    clearTimeout(this.#answerTimer);
    clearTimeout(this.#waitTimer);
    this.#discard();
    for (const stream of Object.values(this.remote)) for (const track of stream.getTracks()) stream.removeTrack(track);
  }

  /** Takes the local tracks as they are now; negotiates if need be. */
  tracksChanged() {
    return this.#enqueue(async () => {
      if (!this.#waitsForOffer) await this.#placeTracks();
    });
  }

  /** Looks for a new path between the two sides. */
  async restart() {
    await this.#options.renewIceServers();
    const pc = this.#pc;
    if (!pc || pc.signalingState === "closed") return;
    if (!pc.remoteDescription) {
      this.resend();
      return;
    }
    try {
      pc.setConfiguration({ ...pc.getConfiguration(), ...this.#options.configuration() });
    } catch {
      // Some browsers allow no change here; the old servers have to do.
    }
    pc.restartIce();
    if (pc.signalingState === "have-local-offer") this.resend();
  }

  /** Begins anew, with an offer. */
  rebuild() {
    return this.#enqueue(() => this.#rebuildAndOffer());
  }

  /** Sends the open offer again, if there is one. */
  resend() {
    if (this.#pc?.signalingState === "have-local-offer") this.#sendLocalDescription();
  }

  /** Says that the other side can answer from now on. */
  answerExpected() {
    if (this.#pc?.signalingState === "have-local-offer") this.#awaitAnswer();
  }

  /** @param {Wire.Description} description */
  receiveDescription(description) {
    return this.#enqueue(() => this.#takeDescription(description));
  }

  /** @param {Wire.Candidate} candidate */
  receiveCandidate(candidate) {
    return this.#enqueue(() => this.#takeCandidate(candidate));
  }

  /**
   * The values of the statistics report.
   * @returns {Promise<import("./stats.js").StatsEntry[]>}
   */
  async reports() {
    return this.#pc ? [...(await this.#pc.getStats()).values()] : [];
  }

  // ---------------------------------------------------------------------------------- the connection

  #create() {
    const pc = new RTCPeerConnection(this.#options.configuration());
    this.#pc = pc;
    this.#id = newId();
    this.#generations = new Generations();
    /**
     * @template {Event} Kind
     * @param {(event: Kind) => unknown} handler
     */
    const ifCurrent = (handler) => (/** @type {Kind} */ event) => {
      if (this.#pc === pc) handler(event);
    };
    pc.onnegotiationneeded = ifCurrent(() => this.#enqueue(() => this.#offer(pc)));
    pc.onicecandidate = ifCurrent((/** @type {RTCPeerConnectionIceEvent} */ event) =>
      this.#sendCandidate(event.candidate),
    );
    pc.onconnectionstatechange = ifCurrent(() => this.emit("connection"));
    pc.ontrack = ifCurrent((/** @type {RTCTrackEvent} */ { track }) => {
      track.onmute = track.onunmute = () => this.emit("tracks");
    });
  }

  #discard() {
    const pc = this.#pc;
    if (this.#remoteId) this.#abandonedIds.add(this.#remoteId);
    this.#pc = null;
    this.#remoteId = null;
    this.#remoteGeneration = 0;
    this.#remoteScreens = new Set();
    this.#lastAnswer = null;
    this.#senders = {};
    pc?.close();
  }

  async #rebuildPeer() {
    const now = Date.now();
    this.#rebuilds = this.#rebuilds.filter((time) => now - time < 60_000);
    if (this.#rebuilds.length >= rebuildsPerMinute) throw new Error("The media connection was rebuilt too often.");
    this.#rebuilds.push(now);
    this.#waitsForOffer = false;
    clearTimeout(this.#waitTimer);
    await this.#options.renewIceServers();
    if (this.#closed) return;
    this.#discard();
    this.#create();
    this.emit("connection");
  }

  async #rebuildAndOffer() {
    await this.#rebuildPeer();
    if (this.#closed) return;
    await this.#placeTracks();
  }

  /**
   * One step after the other: so the signaling state is never in the middle of something.
   * @param {(pc: RTCPeerConnection) => unknown} step
   */
  #enqueue(step) {
    this.#work = this.#work.then(async () => {
      if (this.#closed || !this.#pc) return;
      try {
        await step(this.#pc);
      } catch (error) {
        if (!this.#closed) this.emit("failure", error);
      }
    });
    return this.#work;
  }

  // ------------------------------------------------------------------------------------- negotiation

  /** @param {RTCPeerConnection} pc */
  async #offer(pc) {
    if (pc !== this.#pc || pc.signalingState !== "stable" || this.#waitsForOffer) return;
    await pc.setLocalDescription();
    this.#sendLocalDescription();
  }

  #sendLocalDescription() {
    const description = this.#pc?.localDescription;
    if (!description) return;
    const { type, sdp } = description;
    this.#options.sendDescription({
      type: type === "offer" ? "DESCRIPTION_TYPE_OFFER" : "DESCRIPTION_TYPE_ANSWER",
      sdp: markScreen(sdp, this.#senders.screen?.mid),
      peerConnectionId: this.#id,
      generation: this.#generations.describe(sdp),
    });
    if (type === "offer") this.#awaitAnswer();
  }

  #awaitAnswer() {
    clearTimeout(this.#answerTimer);
    if (!this.#options.expectsAnswer()) return;
    this.#answerTimer = setTimeout(() => this.resend(), answerTimeoutMs);
  }

  /** @param {RTCIceCandidate | null} candidate */
  #sendCandidate(candidate) {
    if (!candidate) return;
    this.#options.sendCandidate({
      candidate: candidate.candidate,
      sdpMid: candidate.sdpMid ?? "",
      sdpMLineIndex: candidate.sdpMLineIndex ?? 0,
      usernameFragment: candidate.usernameFragment ?? "",
      peerConnectionId: this.#id,
      generation: this.#generations.of(candidate.usernameFragment),
    });
  }

  /** @param {Wire.Description} description */
  async #takeDescription(description) {
    if (!this.#pc) return;
    const reaction = reactToDescription(
      {
        polite: this.#options.polite,
        signalingState: this.#pc.signalingState,
        remoteId: this.#remoteId,
        abandonedIds: this.#abandonedIds,
        lastAnswer: this.#lastAnswer,
      },
      description,
    );
    if (reaction === "ignore") return;
    if (reaction === "rebuild-and-offer") {
      await this.#rebuildAndOffer();
      return;
    }
    if (reaction === "rebuild-and-apply") await this.#rebuildPeer();
    if (this.#closed) return;
    try {
      await this.#apply(description);
    } catch (error) {
      await this.#rebuildAndOffer();
      throw error;
    }
  }

  /** @param {Wire.Description} description */
  async #apply({ type, sdp = "", peerConnectionId = "", generation = 0 }) {
    const pc = this.#pc;
    if (!pc) return;
    const isOffer = type === "DESCRIPTION_TYPE_OFFER";
    await pc.setRemoteDescription({ type: isOffer ? "offer" : "answer", sdp });
    clearTimeout(this.#answerTimer);
    this.#remoteId = peerConnectionId;
    this.#remoteGeneration = generation;
    this.#remoteScreens = screenMids(sdp);
    const kept = this.#candidates;
    this.#candidates = [];
    for (const candidate of kept) this.#takeCandidate(candidate);
    if (isOffer) {
      this.#waitsForOffer = false;
      clearTimeout(this.#waitTimer);
      await this.#placeTracks();
      await pc.setLocalDescription();
      this.#sendLocalDescription();
    } else {
      this.#lastAnswer = sdp;
    }
    this.#sortRemoteTracks();
  }

  /** @param {Wire.Candidate} candidate */
  #takeCandidate(candidate) {
    const state = {
      remoteId: this.#remoteId,
      remoteGeneration: this.#remoteGeneration,
      abandonedIds: this.#abandonedIds,
    };
    const reaction = reactToCandidate(state, candidate);
    if (reaction === "keep") {
      this.#candidates.push(candidate);
      if (this.#candidates.length > keptCandidates) this.#candidates.shift();
    }
    if (reaction !== "add") return;
    // Not waited for: the connection keeps the order itself, and never answers once it is closed. What it
    // refuses is of an offer that was taken back, or of a kind this browser does not know: others will do.
    this.#pc
      ?.addIceCandidate({
        candidate: candidate.candidate ?? "",
        sdpMid: candidate.sdpMid || null,
        sdpMLineIndex: candidate.sdpMLineIndex ?? 0,
        usernameFragment: candidate.usernameFragment || undefined,
      })
      .catch(() => {});
  }

  // ------------------------------------------------------------------------------------------- tracks

  async #placeTracks() {
    const { microphone, camera, screen } = this.#options.local;
    await this.#place("microphone", "audio", microphone);
    await this.#place("camera", "video", camera);
    await this.#place("screen", "video", screen);
    const pc = this.#pc;
    if (pc && !microphone && !pc.getTransceivers().length) pc.addTransceiver("audio", { direction: "recvonly" });
  }

  /**
   * @param {Role} role
   * @param {"audio" | "video"} kind
   * @param {MediaStreamTrack | null} track
   */
  async #place(role, kind, track) {
    const pc = this.#pc;
    if (!pc) return;
    let transceiver = this.#senders[role];
    if (transceiver?.currentDirection === "stopped") transceiver = undefined;
    if (!transceiver) {
      if (!track) return;
      transceiver = role === "screen" ? undefined : this.#reusable(pc, kind);
      if (transceiver) transceiver.direction = "sendrecv";
      else if (role === "screen") transceiver = pc.addTransceiver(track, { direction: "sendonly" });
      else if (pc.remoteDescription) transceiver = pc.addTransceiver(track, { direction: "sendrecv" });
      else {
        // A transceiver made by addTrack is matched with the other side's offer, should that come first.
        const sender = pc.addTrack(track);
        transceiver = pc.getTransceivers().find((candidate) => candidate.sender === sender);
      }
      if (!transceiver) return;
      this.#senders[role] = transceiver;
    }
    if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
    // The camera keeps its place when it is off, which costs no negotiation; the screen gives it up, so
    // that the other side sees the end.
    if (role === "screen") {
      const direction = track ? "sendonly" : "inactive";
      if (transceiver.direction !== direction) transceiver.direction = direction;
    }
  }

  /**
   * A place in the other side's description that nothing is sent on yet.
   * @param {RTCPeerConnection} pc
   * @param {"audio" | "video"} kind
   */
  #reusable(pc, kind) {
    const taken = new Set(Object.values(this.#senders));
    return pc
      .getTransceivers()
      .find(
        (transceiver) =>
          transceiver.mid !== null &&
          transceiver.receiver.track.kind === kind &&
          transceiver.currentDirection !== "stopped" &&
          !taken.has(transceiver) &&
          !transceiver.sender.track &&
          !this.#remoteScreens.has(transceiver.mid),
      );
  }

  #sortRemoteTracks() {
    if (!this.#pc) return;
    const byMid = new Map(this.#pc.getTransceivers().map((transceiver) => [transceiver.mid, transceiver]));
    const order = [...(this.#pc.remoteDescription?.sdp ?? "").matchAll(/^a=mid:(\S+)/gm)].map((match) => match[1]);
    const media = order.flatMap((mid) => {
      const transceiver = byMid.get(mid);
      if (!transceiver) return [];
      const receiving = ["sendrecv", "recvonly"].includes(transceiver.currentDirection ?? "");
      return [{ mid, kind: transceiver.receiver.track.kind, receiving }];
    });
    const sorted = classifyMedia(media, this.#remoteScreens);
    this.screenMid = sorted.screen;
    const tracks = (/** @type {(string | null)[]} */ mids) =>
      mids.flatMap((mid) => (mid === null ? [] : (byMid.get(mid)?.receiver.track ?? [])));
    setTracks(this.remote.audio, tracks(sorted.audio));
    setTracks(this.remote.camera, tracks([sorted.camera]));
    setTracks(this.remote.screen, tracks([sorted.screen]));
    this.emit("tracks");
  }
}

/** @param {MediaStream} stream @param {MediaStreamTrack[]} tracks */
function setTracks(stream, tracks) {
  for (const track of stream.getTracks()) if (!tracks.includes(track)) stream.removeTrack(track);
  for (const track of tracks) if (!stream.getTracks().includes(track)) stream.addTrack(track);
}
