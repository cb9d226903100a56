import assert from "node:assert/strict";
import { test } from "node:test";
import { Rest } from "../../Sources/WebClient/library/rest.js";
import { encode, wellFormed } from "../../Sources/WebClient/library/wire.js";

const texts = [
  ["", ""],
  ["plain", "plain"],
  ["\u{1f600}\u{20bb7}", "\u{1f600}\u{20bb7}"],
  ["half \ud83d", "half \ufffd"],
  ["\ude00half", "\ufffdhalf"],
  ["\ude00\ud83d", "\ufffd\ufffd"],
  ["\ud83d\ud83d\ude00", "\ufffd\u{1f600}"],
];

test("halves of surrogate pairs become U+FFFD, whole ones stay", () => {
  for (const [text, expected] of texts) assert.equal(wellFormed(text), expected);
});

test("a browser without toWellFormed does the same", () => {
  const newer = /** @type {{toWellFormed?: unknown}} */ (String.prototype);
  const { toWellFormed } = newer;
  delete newer.toWellFormed;
  try {
    for (const [text, expected] of texts) assert.equal(wellFormed(text), expected);
  } finally {
    const value = { value: toWellFormed, configurable: true, writable: true };
    Object.defineProperty(String.prototype, "toWellFormed", value);
  }
});

test("every text of what is sent is well-formed, however deep", () => {
  const message = { id: 7, a: { b: ["x\ud83d", null, true], c: undefined } };
  assert.equal(encode(message), '{"id":7,"a":{"b":["x\ufffd",null,true]}}');
});

test("the bodies of requests are well-formed", async () => {
  /** @type {string[]} */
  const bodies = [];
  const rest = new Rest("http://server", async () => "t1", async (_, { body } = {}) => {
    bodies.push(String(body));
    return new Response("{}");
  });
  await rest.signed("PATCH", "/v1/conversations/1", { name: "Half \ud83d" });
  assert.deepEqual(bodies.map((body) => JSON.parse(body)), [{ name: "Half \ufffd" }]);
});
