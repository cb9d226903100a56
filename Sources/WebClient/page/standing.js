// Doing something about somebody, with a question before what one may not want.

import { nameOf } from "./format.js";
import { ask } from "./question.js";
import { verbWords } from "./sentences.js";

/**
 * Does it, unless the answer to the question before it is no. Rejects with why it could not be done.
 * @param {import("./contact-book.js").ContactBook} book
 * @param {import("./contact-book.js").Verb} verb
 * @param {Wire.User} user
 * @returns {Promise<string>} what was done, in words; empty when nothing was
 */
export async function changeStanding(book, verb, user) {
  const name = nameOf(user);
  if (verb === "block") {
    const text =
      `Calls from ${name} no longer ring, and requests and invitations no longer arrive. ` +
      `You cannot call ${name} either. Messages still arrive. ${name} is not told; it looks as if you do not answer.`;
    if (!(await ask({ title: `Block ${name}?`, text, yes: "Block" }))) return "";
  }
  return (await book.change(verb, user)) ? verbWords[verb].done(name) : "";
}
