import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dayLabel,
  duration,
  initials,
  isOfOrigin,
  roughDuration,
  titleOf,
} from "../../Sources/WebClient/page/format.js";
import {
  callEndSentence,
  callLine,
  endSentence,
  errorSentence,
  messageLine,
} from "../../Sources/WebClient/page/sentences.js";
import { RingbackError } from "../../Sources/WebClient/library/errors.js";
import { summarise } from "../../Sources/WebClient/library/stats.js";
import {
  describeDevice,
  isConnectedElsewhere,
  isConnectedHere,
  isRingingFor,
} from "../../Sources/WebClient/library/wire.js";
import { failure } from "./browser.mjs";

/** @type {Wire.Call} */
const over = { id: "c1", status: "CALL_STATUS_MISSED" };

test("durations", () => {
  const table = { 0: "0:00", "-5": "0:00", 7_900: "0:07", 723_000: "12:03", 3_723_000: "1:02:03" };
  for (const [milliseconds, expected] of Object.entries(table)) assert.equal(duration(Number(milliseconds)), expected);
});

test("initials of any name", () => {
  const table = [
    ["Ada Lovelace", "AL"],
    ["ada", "A"],
    ["  José  María  de la Cruz ", "JC"],
    ["", "?"],
    ["😀 smile", "😀S"],
  ];
  for (const [name, expected] of table) assert.equal(initials(name), expected);
});

test("an address that leads elsewhere is known, however it is written", () => {
  const here = "https://ringback.example";
  for (const address of ["/a.png", "a.png", `${here}/a.png`]) assert.ok(isOfOrigin(address, here), address);
  const disguised = ["//evil.example/a", "/\\evil.example/a", "/\t/evil.example"];
  const away = [...disguised, "https://evil.example", "data:,", "http://"];
  for (const address of away) assert.ok(!isOfOrigin(address, here), address);
});

test("days", () => {
  const now = new Date(2026, 2, 10, 0, 30);
  assert.equal(dayLabel(new Date(2026, 2, 10, 0, 1), now), "Today");
  assert.equal(dayLabel(new Date(2026, 2, 9, 23, 59), now), "Yesterday");
});

test("errors are whole sentences that depend on what was tried", () => {
  assert.match(errorSentence(failure("CONFLICT"), "register"), /taken/);
  assert.match(errorSentence(failure("UNAUTHENTICATED"), "login"), /Wrong username or password/);
  assert.match(errorSentence(failure("RATE_LIMITED", 4_200)), /5 seconds/);
  assert.match(errorSentence(failure("RATE_LIMITED", 19_200_000)), /for a day\. Try again in 5 h 20 min/);
  assert.equal(errorSentence(new RingbackError("INVALID", "the body is empty")), "the body is empty.");
  for (const code of ["OFFLINE", "TIMEOUT", "INTERNAL", "NO_MICROPHONE", "RATE_LIMITED", "UNHEARD_OF"]) {
    assert.match(errorSentence(failure(code)), /^[A-Z].*\.$/, code);
  }
});

test("the end of a call reads differently on both sides", () => {
  /** @type {Wire.Call} */
  const call = { ...over, initiatorId: "me", endReason: "CALL_END_REASON_NO_ANSWER" };
  assert.equal(callEndSentence(call, "me", "Ada"), "Ada did not answer.");
  assert.equal(callEndSentence(call, "you", "Ada"), "You missed a call from Ada.");
});

test("a group call that comes to nothing is nobody's fault in particular", () => {
  for (const [reason, words] of /** @type {const} */ ([
    ["NO_ANSWER", /Nobody answered/],
    ["DECLINED", /Everybody/],
    ["BUSY", /Everybody/],
  ])) {
    /** @type {Wire.Call} */
    const call = { ...over, initiatorId: "me", mode: "CALL_MODE_GROUP", endReason: `CALL_END_REASON_${reason}` };
    assert.match(callEndSentence(call, "me", "Somebody"), words);
    assert.match(endSentence({ cause: "remote", call }, "me", "Somebody"), words);
  }
  /** @type {import("../../Sources/WebClient/library/call-connection.js").CallEnd} */
  const refused = { cause: "error", call: null, error: failure("NOT_FOUND") };
  assert.match(endSentence(refused, "me", "Somebody", true), /group/);
  assert.match(endSentence(refused, "me", "Ada"), /This person/);
});

test("who is where in a call", () => {
  /**
   * A call that goes on, with one participant.
   * @param {Wire.ParticipantStatus} status
   * @param {string} [deviceId]
   * @returns {Wire.Call}
   */
  const call = (status, deviceId) => ({
    id: "c1",
    status: "CALL_STATUS_ONGOING",
    participants: [{ user: { id: "me" }, status, deviceId }],
  });
  const elsewhere = call("PARTICIPANT_STATUS_CONNECTED", "d2");
  assert.equal(isRingingFor(call("PARTICIPANT_STATUS_RINGING"), "me"), true);
  assert.equal(isConnectedHere(call("PARTICIPANT_STATUS_CONNECTED", "d1"), "me", "d1"), true);
  assert.equal(isConnectedElsewhere(elsewhere, "me", "d1"), true);
  assert.equal(isConnectedElsewhere({ ...elsewhere, status: "CALL_STATUS_COMPLETED" }, "me", "d1"), false);
});

test("a device's name", () => {
  const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
  assert.equal(describeDevice(firefox), "Firefox on Linux");
  assert.equal(describeDevice(""), "Browser");
});

test("statistics tell the screen from the camera", () => {
  const report = [
    { id: "1", type: "inbound-rtp", kind: "video", mid: "1", framesDecoded: 5, frameWidth: 320, frameHeight: 180 },
    { id: "2", type: "inbound-rtp", kind: "video", mid: "2", framesDecoded: 9 },
    { id: "3", type: "inbound-rtp", kind: "audio", totalAudioEnergy: 0.5, packetsReceived: 10 },
    {
      id: "4",
      type: "candidate-pair",
      nominated: true,
      state: "succeeded",
      currentRoundTripTime: 0.0123,
      localCandidateId: "5",
      remoteCandidateId: "6",
    },
    { id: "5", type: "local-candidate", candidateType: "host" },
    { id: "6", type: "remote-candidate", candidateType: "relay" },
  ];
  const stats = summarise(report, "2");
  assert.equal(stats.camera.framesDecoded, 5);
  assert.equal(stats.screen.framesDecoded, 9);
  assert.equal(stats.audio.energy, 0.5);
  assert.equal(stats.roundTripMs, 12);
  assert.equal(stats.path, "host/relay");
});

test("rough durations", () => {
  const table = { 0: "0 s", 59: "59 s", 60: "1 min", 3_599: "59 min", 3_600: "1 h", 7_500: "2 h 5 min" };
  for (const [seconds, expected] of Object.entries(table)) assert.equal(roughDuration(Number(seconds)), expected);
});

test("the line that a call leaves depends on who reads it", () => {
  /**
   * @param {"HANGUP" | "NO_ANSWER" | "CANCELLED" | "BUSY" | "DECLINED"} endReason
   * @param {Partial<Wire.CallSummary>} more
   * @returns {Wire.CallSummary}
   */
  const call = (endReason, more = {}) => ({
    callId: "c1",
    type: "CALL_TYPE_VOICE",
    status: "CALL_STATUS_MISSED",
    initiatorId: "ann",
    endReason: `CALL_END_REASON_${endReason}`,
    ...more,
  });
  /** @type {Partial<Wire.CallSummary>} */
  const answered = { status: "CALL_STATUS_COMPLETED", type: "CALL_TYPE_VIDEO", durationSeconds: 200 };
  /** @type {[summary: Wire.CallSummary, caller: string, callee: string][]} */
  const table = [
    [call("HANGUP", answered), "Video call, 3 min", "Video call, 3 min"],
    [call("NO_ANSWER"), "Unanswered voice call", "Missed voice call"],
    [call("CANCELLED"), "Cancelled voice call", "Missed voice call"],
    [call("BUSY"), "Busy: voice call", "Missed voice call"],
    [call("DECLINED"), "Declined voice call", "Declined voice call"],
  ];
  for (const [summary, caller, callee] of table) {
    assert.equal(callLine(summary, "ann"), caller);
    assert.equal(callLine(summary, "ben"), callee);
    assert.equal(messageLine({ body: "else", call: summary }, "ben"), callee);
  }
  assert.equal(messageLine({ body: "hello" }, "ben"), "hello");
  assert.equal(messageLine({}, "ben"), "");
});

test("what a conversation is called", () => {
  const members = [{ id: "ann", displayName: "Ann" }, { id: "ben", username: "ben" }];
  assert.equal(titleOf({ members }, "ann"), "ben");
  assert.equal(titleOf({ members, type: "CONVERSATION_TYPE_GROUP", name: "Band" }, "ann"), "Band");
  assert.equal(titleOf({ members: [members[0]] }, "ann"), "Ann");
});
