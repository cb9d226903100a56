// A question before something that one may not want.

import { byId, el } from "./dom.js";

/** @type {(said: boolean) => void} */
let answer = () => {};

/**
 * Asks, and waits for the answer. Escape says no, and so does another question.
 * @param {{title: string, text: string, yes: string}} question `yes`: what the button says that does it
 * @returns {Promise<boolean>}
 */
export function ask({ title, text, yes }) {
  const dialog = byId("question", HTMLDialogElement);
  answer(false);
  const no = el("button", {
    type: "button",
    class: "quiet",
    text: "Cancel",
    autofocus: true,
    testid: "question-no",
    on: { click: () => answer(false) },
  });
  dialog.replaceChildren(
    el("h2", { id: "question-title", text: title }),
    el("p", { id: "question-text", text }),
    el(
      "div",
      { class: "dialog-buttons" },
      no,
      el("button", {
        type: "button",
        class: "primary danger",
        text: yes,
        testid: "question-yes",
        on: { click: () => answer(true) },
      }),
    ),
  );
  return new Promise((resolve) => {
    answer = (said) => {
      answer = () => {};
      dialog.onclose = null;
      dialog.close();
      resolve(said);
    };
    dialog.onclose = () => answer(false);
    dialog.showModal();
  });
}

/** Takes the question back: the answer is no. */
export function forgetQuestion() {
  answer(false);
}
