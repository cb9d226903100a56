import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Generations,
  classifyMedia,
  markScreen,
  reactToCandidate,
  reactToDescription,
  screenMids,
} from "../../Sources/WebClient/library/negotiation.js";

/** @typedef {import("../../Sources/WebClient/library/negotiation.js").NegotiationState} NegotiationState */
/** @typedef {import("../../Sources/WebClient/library/negotiation.js").Reaction} Reaction */

/**
 * @param {Partial<NegotiationState>} changes
 * @returns {NegotiationState}
 */
const state = (changes = {}) => ({
  polite: false,
  signalingState: "stable",
  remoteId: "b1",
  abandonedIds: new Set(["b0"]),
  lastAnswer: null,
  ...changes,
});
/** @returns {Wire.Description} */
const offer = (peerConnectionId = "b1") => ({ type: "DESCRIPTION_TYPE_OFFER", sdp: "o", peerConnectionId });
/** @returns {Wire.Description} */
const answer = (peerConnectionId = "b1", sdp = "a") => ({ type: "DESCRIPTION_TYPE_ANSWER", sdp, peerConnectionId });

/** @type {[name: string, before: NegotiationState, description: Wire.Description, expected: Reaction][]} */
const table = [
  ["an offer in peace", state(), offer(), "apply"],
  ["the first offer", state({ remoteId: null }), offer(), "apply"],
  ["a collision, impolite", state({ signalingState: "have-local-offer" }), offer(), "ignore"],
  ["a collision, polite", state({ signalingState: "have-local-offer", polite: true }), offer(), "apply"],
  [
    "a collision of first offers, impolite",
    state({ signalingState: "have-local-offer", remoteId: null }),
    offer(),
    "ignore",
  ],
  ["the other side began anew", state(), offer("b2"), "rebuild-and-apply"],
  [
    "it began anew while an offer to its old self is out",
    state({ signalingState: "have-local-offer" }),
    offer("b2"),
    "rebuild-and-apply",
  ],
  ["an offer of a former self", state(), offer("b0"), "ignore"],
  ["an answer to the open offer", state({ signalingState: "have-local-offer" }), answer(), "apply"],
  [
    "the first answer names the other side",
    state({ signalingState: "have-local-offer", remoteId: null }),
    answer("b9"),
    "apply",
  ],
  ["an answer that nobody waits for", state(), answer(), "ignore"],
  ["the same answer again", state({ signalingState: "have-local-offer", lastAnswer: "a" }), answer(), "ignore"],
  ["an answer of another self", state({ signalingState: "have-local-offer" }), answer("b2"), "rebuild-and-offer"],
  ["an answer of another self, in peace", state(), answer("b2"), "rebuild-and-offer"],
  ["an answer of a former self", state({ signalingState: "have-local-offer" }), answer("b0"), "ignore"],
  ["a peer that names no connection", state({ remoteId: "" }), { type: "DESCRIPTION_TYPE_OFFER", sdp: "o" }, "apply"],
  ["something else", state(), { type: "DESCRIPTION_TYPE_ROLLBACK", peerConnectionId: "b1" }, "ignore"],
  ["nothing at all", state(), {}, "ignore"],
];
for (const [name, before, description, expected] of table) {
  test(`descriptions: ${name}`, () => assert.equal(reactToDescription(before, description), expected));
}

test("candidates wait for their description, and void ones are dropped", () => {
  const known = { remoteId: "b1", remoteGeneration: 2, abandonedIds: new Set(["b0"]) };
  /** @type {[candidate: Wire.Candidate, expected: ReturnType<typeof reactToCandidate>][]} */
  const reactions = [
    [{ peerConnectionId: "b1", generation: 2 }, "add"],
    [{ peerConnectionId: "b1", generation: 1 }, "drop"],
    [{ peerConnectionId: "b1", generation: 3 }, "keep"],
    [{ peerConnectionId: "b2", generation: 0 }, "keep"],
    [{ peerConnectionId: "b0", generation: 2 }, "drop"],
  ];
  for (const [candidate, expected] of reactions) assert.equal(reactToCandidate(known, candidate), expected);
  assert.equal(reactToCandidate({ ...known, remoteId: null }, { peerConnectionId: "b1" }), "keep");
});

test("each ICE restart of one's own is a generation", () => {
  const generations = new Generations();
  const sdp = (/** @type {string} */ username) => `v=0\r\nm=audio 9 X 0\r\na=ice-ufrag:${username}\r\n`;
  assert.equal(generations.describe(sdp("one")), 0);
  assert.equal(generations.describe(sdp("one")), 0);
  assert.equal(generations.describe(sdp("two")), 1);
  assert.equal(generations.of("one"), 0);
  assert.equal(generations.of("two"), 1);
  assert.equal(generations.of(null), 1);
});

const sdp = [
  "v=0",
  "s=-",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=mid:0",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=mid:1",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=mid:2",
  "",
].join("\r\n");

test("a screen is marked in its own section alone, once", () => {
  const marked = markScreen(sdp, "1");
  assert.deepEqual(screenMids(marked), new Set(["1"]));
  assert.equal(markScreen(marked, "1"), marked);
  assert.equal(marked.replace("a=content:slides\r\n", ""), sdp);
  assert.deepEqual(screenMids(markScreen(sdp, "2")), new Set(["2"]));
  assert.equal(markScreen(sdp, null), sdp);
  assert.equal(markScreen(sdp, "9"), sdp);
  assert.deepEqual(screenMids(sdp), new Set());
});

test("a marked video is the screen, wherever it stands; else the second one is", () => {
  /**
   * @param {string} mid
   * @param {"audio" | "video"} kind
   */
  const medium = (mid, kind, receiving = true) => ({ mid, kind, receiving });
  const all = [medium("0", "audio"), medium("1", "video"), medium("2", "video")];
  assert.deepEqual(classifyMedia(all, new Set(["2"])), { audio: ["0"], camera: "1", screen: "2" });
  assert.deepEqual(classifyMedia(all, new Set(["1"])), { audio: ["0"], camera: "2", screen: "1" });
  assert.deepEqual(classifyMedia(all, new Set()), { audio: ["0"], camera: "1", screen: "2" });
  // A voice call with a shared screen, and one's own screen, on which nothing is received.
  assert.deepEqual(classifyMedia(all.slice(0, 2), new Set(["1"])), { audio: ["0"], camera: null, screen: "1" });
  const own = [medium("0", "audio"), medium("1", "video", false), medium("2", "video")];
  assert.deepEqual(classifyMedia(own, new Set()), { audio: ["0"], camera: "2", screen: null });
});
