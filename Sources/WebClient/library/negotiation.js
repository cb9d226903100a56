// The rules of perfect negotiation as used here, and the reading of session descriptions. Pure.

/**
 * @typedef {object} NegotiationState
 * @property {boolean} polite this side's role, as the server assigned it
 * @property {RTCSignalingState} signalingState of this side's peer connection
 * @property {string | null} remoteId the other side's peer connection, once a description of it was applied
 * @property {Set<string>} abandonedIds the other side's former peer connections
 * @property {string | null} lastAnswer the SDP of the last answer that was applied
 */

/**
 * What to do with a description.
 *
 * - `apply`: set it; if an offer of our own is in the way, the browser rolls it back.
 * - `ignore`: drop it.
 * - `rebuild-and-apply`: the other side began anew: begin anew too, and set it.
 * - `rebuild-and-offer`: it answers a peer connection that we do not have: begin anew with an offer of our own.
 *
 * @typedef {"apply" | "ignore" | "rebuild-and-apply" | "rebuild-and-offer"} Reaction
 */

/**
 * Decides about a description that has come in.
 * @param {NegotiationState} state
 * @param {Wire.Description} description
 * @returns {Reaction}
 */
export function reactToDescription(state, description) {
  const id = description.peerConnectionId ?? "";
  if (id && state.abandonedIds.has(id)) return "ignore";
  const isNewPeer = state.remoteId !== null && id !== "" && id !== state.remoteId;
  switch (description.type) {
    case "DESCRIPTION_TYPE_OFFER":
      if (isNewPeer) return "rebuild-and-apply";
      if (state.signalingState === "stable" || state.polite) return "apply";
      return "ignore";
    case "DESCRIPTION_TYPE_ANSWER":
      // The same answer again comes from a command that was repeated after a reconnection.
      if (description.sdp === state.lastAnswer) return "ignore";
      if (isNewPeer) return "rebuild-and-offer";
      return state.signalingState === "have-local-offer" ? "apply" : "ignore";
    default:
      return "ignore";
  }
}

/**
 * What to do with a candidate.
 * @param {{remoteId: string | null, remoteGeneration: number, abandonedIds: Set<string>}} state
 * @param {Wire.Candidate} candidate
 * @returns {"add" | "keep" | "drop"} `keep`: its description has not come yet
 */
export function reactToCandidate(state, candidate) {
  const id = candidate.peerConnectionId ?? "";
  if (id && state.abandonedIds.has(id)) return "drop";
  if (state.remoteId === null) return "keep";
  if (id && id !== state.remoteId) return "keep";
  const generation = candidate.generation ?? 0;
  if (generation < state.remoteGeneration) return "drop";
  return generation > state.remoteGeneration ? "keep" : "add";
}

/**
 * The first ICE user name fragment of a description.
 * @param {string} sdp
 */
export function iceUsername(sdp) {
  return /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1] ?? "";
}

/**
 * Counts the ICE restarts of one's own peer connection by its user name fragments.
 */
export class Generations {
  /** @type {Map<string, number>} */
  #byUsername = new Map();
  /** The generation of the newest description. */
  current = 0;

  /**
   * Takes a local description in.
   * @param {string} sdp
   * @returns {number} its generation
   */
  describe(sdp) {
    const username = iceUsername(sdp);
    this.current = this.#byUsername.get(username) ?? this.#byUsername.size;
    this.#byUsername.set(username, this.current);
    return this.current;
  }

  /**
   * The generation of a gathered candidate.
   * @param {string | null | undefined} usernameFragment
   */
  of(usernameFragment) {
    return this.#byUsername.get(usernameFragment ?? "") ?? this.current;
  }
}

const sections = (/** @type {string} */ sdp) => sdp.split(/(?=^m=)/m);
const midOf = (/** @type {string} */ section) => /^a=mid:(\S+)/m.exec(section)?.[1] ?? null;

/**
 * Marks a media section as a screen share, by `a=content:slides` (RFC 4796), so that the other side can
 * tell it from the camera.
 * @param {string} sdp
 * @param {string | null | undefined} mid the section's name; nothing is marked without one
 */
export function markScreen(sdp, mid) {
  if (mid === null || mid === undefined) return sdp;
  return sections(sdp)
    .map((section) =>
      section.startsWith("m=") && midOf(section) === mid && !/^a=content:/m.test(section)
        ? section.replace(/\r?\n?$/, "\r\n") + "a=content:slides\r\n"
        : section,
    )
    .join("");
}

/**
 * The names of the media sections that are marked as screen shares.
 * @param {string} sdp
 * @returns {Set<string>}
 */
export function screenMids(sdp) {
  return new Set(
    sections(sdp)
      .filter((section) => section.startsWith("m=video") && /^a=content:.*\bslides\b/m.test(section))
      .flatMap((section) => midOf(section) ?? []),
  );
}

/**
 * Tells what each received medium is. A video that is marked as a screen is the screen. Without marks,
 * as other stacks send, the first video is the camera and the next one the screen.
 * @param {{mid: string | null, kind: string, receiving: boolean}[]} media in the order of the description
 * @param {Set<string>} marked see {@link screenMids}
 * @returns {{audio: string[], camera: string | null, screen: string | null}} names of media sections
 */
export function classifyMedia(media, marked) {
  const receiving = media.flatMap((medium) => {
    const { mid, kind } = medium;
    return medium.receiving && mid !== null ? [{ mid, kind }] : [];
  });
  const videos = receiving.filter((medium) => medium.kind === "video");
  const cameras = videos.filter((medium) => !marked.has(medium.mid));
  const screen = videos.find((medium) => marked.has(medium.mid)) ?? cameras[1];
  return {
    audio: receiving.filter((medium) => medium.kind === "audio").map((medium) => medium.mid),
    camera: cameras[0]?.mid ?? null,
    screen: screen?.mid ?? null,
  };
}
