import assert from "node:assert/strict";
import { test } from "node:test";
import { MissedChanges } from "../../Sources/WebClient/library/missed-changes.js";
import { turn } from "./browser.mjs";

/** @typedef {{callId: string, answer: () => void, refuse: () => void}} Question */

/** Asks a server whose answers the test gives, and that has paused when the test says so. */
function asker() {
  /** @type {Question[]} */
  const questions = [];
  /** @type {(() => void)[]} */
  const pauses = [];
  /** @type {Map<string, bigint>} */
  const known = new Map();
  const missed = new MissedChanges({
    fetch: (callId) =>
      new Promise((resolve, reject) =>
        questions.push({ callId, answer: () => resolve({}), refuse: () => reject(new Error("gone")) }),
      ),
    isKnown: (callId, revision) => (known.get(callId) ?? 0n) >= revision,
    pause: () => new Promise((resolve) => pauses.push(() => resolve(null))),
  });
  const answer = async (/** @type {Question} */ question, /** @type {bigint} */ revision) => {
    known.set(question.callId, revision);
    question.answer();
    await turn();
  };
  return { missed, questions, pauses, answer };
}

test("a hundred changes that do not fit are one question for each call", async () => {
  const { missed, questions, pauses, answer } = asker();
  for (let revision = 7n; revision < 107n; revision += 1n) {
    missed.note("c1", revision);
    missed.note("c2", revision);
  }
  assert.deepEqual(questions.map(({ callId }) => callId), ["c1", "c2"]);
  await answer(questions[0], 106n);
  assert.equal(pauses.length, 0);
  missed.note("c1", 109n);
  missed.note("c2", 109n);
  assert.deepEqual(questions.map(({ callId }) => callId), ["c1", "c2", "c1"]);
});

test("an answer that is behind what was told meanwhile is asked for again, after a pause, and not for ever", async () => {
  const { missed, questions, pauses, answer } = asker();
  missed.note("c1", 7n);
  missed.note("c1", 9n);
  await answer(questions[0], 8n);
  missed.note("c1", 10n);
  assert.equal(questions.length, 1);
  for (let round = 1; round < 5; round += 1) {
    pauses[round - 1]();
    await turn();
    assert.equal(questions.length, round + 1);
    await answer(questions[round], 9n);
  }
  assert.equal(pauses.length, 4);
  assert.equal(questions.length, 5);
  missed.note("c1", 11n);
  assert.equal(questions.length, 6);
});

test("a question without an answer is asked again with the next change", async () => {
  const { missed, questions } = asker();
  missed.note("c1", 7n);
  questions[0].refuse();
  await turn();
  assert.equal(questions.length, 1);
  missed.note("c1", 8n);
  assert.equal(questions.length, 2);
});

test("whoever has stopped asks for nothing more", async () => {
  const { missed, questions, pauses, answer } = asker();
  missed.note("c1", 9n);
  await answer(questions[0], 8n);
  missed.clear();
  pauses[0]();
  await turn();
  assert.equal(questions.length, 1);
});
