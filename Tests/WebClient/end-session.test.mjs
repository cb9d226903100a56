import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { endSession } from "../../Sources/WebClient/library/end-session.js";
import { turn } from "./browser.mjs";

const soon = new Date(Date.now() + 600_000).toISOString();
const credentials = {
  user: { id: "u1" },
  sessionId: "s1",
  accessToken: "a1",
  accessTokenExpiresAt: soon,
  refreshToken: "r1",
  refreshTokenExpiresAt: soon,
};

/**
 * A server that answers each request by the next of these, and cannot be reached once there is none.
 * @param {...[status: number, body?: object]} answers
 */
function server(...answers) {
  /** @type {string[]} */
  const requests = [];
  /** @type {typeof globalThis.fetch} */
  const fetch = async (url, { method, headers } = {}) => {
    const authorization = new Headers(headers).get("Authorization") ?? "";
    requests.push(`${method} ${new URL(String(url)).pathname} ${authorization}`.trim());
    const answer = answers.shift();
    if (!answer) throw new TypeError("no network");
    const [status, body] = answer;
    return new Response(body ? JSON.stringify(body) : null, { status });
  };
  return { requests, options: { url: "https://ringback.example", fetch } };
}

test("the session is ended with the token it had", async () => {
  const { requests, options } = server([204]);
  await endSession(credentials, options);
  assert.deepEqual(requests, ["DELETE /v1/sessions/current Bearer a1"]);
});

test("a token that ran out is refreshed for it", async () => {
  const { requests, options } = server([401], [200, { ...credentials, accessToken: "a2", refreshToken: "r2" }], [204]);
  await endSession(credentials, options);
  assert.deepEqual(requests, [
    "DELETE /v1/sessions/current Bearer a1",
    "POST /v1/sessions/refresh",
    "DELETE /v1/sessions/current Bearer a2",
  ]);
});

test("a session that is over already is as good", async () => {
  const { options } = server([401], [401]);
  await endSession(credentials, options);
});

test("three tries, then it fails", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { requests, options } = server();
  const result = endSession(credentials, options);
  const failure = assert.rejects(result, { code: "OFFLINE" });
  for (const [waitMs, tries] of [[0, 1], [2_000, 2], [10_000, 3]]) {
    mock.timers.tick(waitMs);
    await turn();
    assert.equal(requests.length, tries);
  }
  await failure;
  mock.timers.reset();
});
