import assert from "node:assert/strict";
import { test } from "node:test";
import { ConversationPages } from "../../Sources/WebClient/page/conversation-pages.js";
import { turn } from "./browser.mjs";

const conversation = (/** @type {number} */ number, lastSeq = "1") => ({ id: `c${number}`, lastSeq });
const ids = (/** @type {ConversationPages} */ pages) => pages.list.map(({ id }) => id);

/**
 * A server with so many conversations, in pages of two; the cursor is the place. Answers when the test says so.
 * @param {number} count
 */
function server(count) {
  const all = Array.from({ length: count }, (_, number) => conversation(number));
  /** @type {string[]} */
  const asked = [];
  /** @type {{answer: () => void, reject: (error: Error) => void}[]} */
  const waiting = [];
  /**
   * @param {{cursor: string}} page
   * @returns {Promise<{conversations: Wire.Conversation[], nextCursor: string}>}
   */
  const fetch = ({ cursor }) =>
    new Promise((resolve, reject) => {
      asked.push(cursor);
      const place = Number(cursor || 0);
      const answer = () => {
        const nextCursor = place + 2 < all.length ? String(place + 2) : "";
        resolve({ conversations: all.slice(place, place + 2), nextCursor });
      };
      waiting.push({ answer, reject });
    });
  const answer = async (/** @type {Error | undefined} */ error = undefined) => {
    const next = waiting.shift();
    assert.ok(next);
    const { answer: give, reject } = next;
    if (error) reject(error);
    else give();
    await turn();
  };
  return { pages: new ConversationPages(fetch), all, asked, answer };
}

/**
 * With the first page there.
 * @param {number} count
 */
async function loaded(count) {
  const made = server(count);
  made.pages.reload();
  await made.answer();
  return made;
}

test("nothing is out of reach: a page follows the other until the end", async () => {
  const { pages, asked, answer } = await loaded(5);
  assert.deepEqual(ids(pages), ["c0", "c1"]);
  while (pages.hasMore) {
    pages.loadMore();
    // Scrolling goes on while the page is on its way.
    pages.loadMore();
    await answer();
  }
  await pages.loadMore();
  assert.deepEqual(ids(pages), ["c0", "c1", "c2", "c3", "c4"]);
  assert.deepEqual(asked, ["", "2", "4"]);
});

test("what is loaded anew is as long as it was, and forgets what is gone", async () => {
  const { pages, all, asked, answer } = await loaded(6);
  pages.loadMore();
  await answer();
  all.splice(1, 1);
  asked.length = 0;
  pages.reload();
  await answer();
  await answer();
  assert.deepEqual(ids(pages), ["c0", "c2", "c3", "c4"]);
  assert.deepEqual(asked, ["", "2"]);
});

test("what is asked for during a loading makes one more", async () => {
  const { pages, all, asked, answer } = server(1);
  pages.reload();
  pages.reload();
  pages.reload();
  await answer();
  all.unshift(conversation(9));
  await answer();
  assert.deepEqual(asked, ["", ""]);
  assert.deepEqual(ids(pages), ["c9", "c0"]);
});

test("a message takes its conversation to the top, once, and a list that is older does not undo it", async () => {
  const { pages, answer } = await loaded(2);
  pages.reload();
  const message = { id: "m2", conversationId: "c1", seq: "2" };
  assert.equal(pages.take(message), true);
  assert.equal(pages.take(message), false);
  assert.equal(pages.take({ id: "m1", conversationId: "c7", seq: "1" }), false);
  assert.deepEqual(ids(pages), ["c1", "c0"]);
  await answer();
  assert.deepEqual(pages.get("c1")?.lastMessage, message);
});

test("one that came to the top while its page was on its way stands there once", async () => {
  const { pages, answer } = await loaded(4);
  pages.loadMore();
  pages.add({ ...conversation(3), name: "opened" });
  await answer();
  assert.deepEqual(ids(pages), ["c3", "c0", "c1", "c2"]);
  assert.equal(pages.get("c3")?.name, "opened");
});

test("a failed loading leaves what is there, and can be tried again", async () => {
  const { pages, answer } = await loaded(3);
  const failed = pages.loadMore();
  const rejected = assert.rejects(failed, /away/);
  await answer(new Error("away"));
  await rejected;
  assert.deepEqual(ids(pages), ["c0", "c1"]);
  pages.loadMore();
  await answer();
  assert.deepEqual(ids(pages), ["c0", "c1", "c2"]);
});

test("the list of who was signed in before does not come back", async () => {
  const { pages, all, answer } = await loaded(3);
  pages.reload();
  pages.clear();
  all.splice(0, 3, conversation(8));
  pages.reload();
  await answer();
  assert.deepEqual(ids(pages), []);
  await answer();
  assert.deepEqual(ids(pages), ["c8"]);
});
