import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffDelay, endsSignIn, longestDelayMs, mayComeBack } from "../../Sources/WebClient/library/backoff.js";

test("the delay doubles from 1 s to 30 s, half of it left to chance", () => {
  const whole = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
  for (const [attempt, expected] of whole.entries()) {
    assert.equal(backoffDelay(attempt, 1), expected);
    assert.equal(backoffDelay(attempt, 0), expected / 2);
  }
});

test("the delay stays within its bounds for any input", () => {
  for (const attempt of [-5, 0, 40, 5_000, Number.MAX_SAFE_INTEGER]) {
    for (const random of [-1, 0, 0.5, 1, 7]) {
      const delay = backoffDelay(attempt, random);
      assert.ok(delay >= 500 && delay <= longestDelayMs, `${attempt}, ${random}: ${delay}`);
    }
  }
});

test("4500 to 4999 end the connection for good, everything else does not", () => {
  for (const code of [1000, 1001, 1006, 1011, 4000, 4499, 5000]) assert.equal(mayComeBack(code), true, String(code));
  for (const code of [4500, 4501, 4999]) assert.equal(mayComeBack(code), false, String(code));
});

test("of those, 4501 and 4502 alone end the sign-in", () => {
  for (const code of [4501, 4502]) assert.equal(endsSignIn(code), true, String(code));
  for (const code of [1006, 4000, 4500, 4503, 4504, 4505]) assert.equal(endsSignIn(code), false, String(code));
});
