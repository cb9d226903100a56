import assert from "node:assert/strict";
import { test } from "node:test";
import { declarations, present, wanted } from "../../scripts/wire-types.mjs";

test("the types of the wire are what the schema says", () => {
  assert.equal(present(), wanted(), "run make generate");
});

test("what a schema says is declared, and what is not understood is refused", () => {
  const schema = `
    // A comment.
    message Person {
      string id = 1;
      repeated uint64 best_scores = 2; // another
      oneof way {
        Mood mood = 3;
      }
    }
    enum Mood {
      MOOD_GOOD = 0;
      MOOD_BAD = 1;
    }
    message Nothing {}`.replace(/^ {4}/gm, "");
  const lines = declarations([schema]).split("\n").slice(2, -2);
  assert.deepEqual(
    lines.map((line) => line.trim()),
    [
      "declare namespace Wire {",
      "interface Person {",
      "id: string;",
      "bestScores?: string[];",
      "mood?: Mood;",
      "}",
      "",
      "type Mood =",
      '| "MOOD_GOOD"',
      '| "MOOD_BAD";',
      "",
      "interface Nothing {",
      "}",
    ],
  );
  for (const line of ["  map<string, string> names = 1;", "  bytes picture = 1;", "  reserved 4;", "  oops"]) {
    assert.throws(() => declarations([`message Person {\n${line}\n}`]), Error);
  }
});
