// Signing in and making an account.

import { byId, select } from "./dom.js";
import { errorSentence } from "./sentences.js";

/** @typedef {{username: string, password: string, displayName?: string}} Fields */

/**
 * A name for the second window: another one than this window has.
 * @param {string} profile
 */
function otherProfile(profile) {
  return profile === "second" ? "third" : "second";
}

export class Login {
  #client;
  #root = byId("welcome");
  #login = byId("login", HTMLFormElement);
  #register = byId("register", HTMLFormElement);
  #onDone;

  /**
   * @param {import("../library/ringback.js").RingbackClient} client
   * @param {{profile: string, onDone: () => void}} options
   */
  constructor(client, { profile, onDone }) {
    this.#client = client;
    this.#onDone = onDone;
    const query = new URLSearchParams(location.search);
    query.set("profile", otherProfile(profile));
    byId("second-window", HTMLAnchorElement).href = `?${query}`;
    this.#login.addEventListener("submit", (event) => {
      this.#submit(event, this.#login, "login", (fields) => {
        if (!fields.username || !fields.password) return "Enter your username and your password.";
        return "";
      });
    });
    this.#register.addEventListener("submit", (event) => {
      this.#submit(event, this.#register, "register", (fields) => {
        if (!/^[a-z0-9][a-z0-9._-]{2,49}$/i.test(fields.username)) {
          return (
            "A username has 3 to 50 letters, digits, dots, dashes or underscores, " +
            "and begins with a letter or digit."
          );
        }
        const bytes = new TextEncoder().encode(fields.password).length;
        if (bytes < 8) return "Choose a password of at least 8 characters.";
        if (bytes > 72) return "This password is too long. Choose one of at most 72 characters.";
        return "";
      });
    });
    select(this.#root, "[data-testid=show-register]").addEventListener("click", () => this.#show(true));
    select(this.#root, "[data-testid=show-login]").addEventListener("click", () => this.#show(false));
  }

  /**
   * Shows the page.
   * @param {string} [note] why
   */
  open(note = "") {
    this.#root.hidden = false;
    this.#show(false);
    this.#error(this.#login, note);
  }

  close() {
    this.#root.hidden = true;
    this.#login.reset();
    this.#register.reset();
  }

  /** @param {boolean} register */
  #show(register) {
    this.#login.hidden = register;
    this.#register.hidden = !register;
    const form = register ? this.#register : this.#login;
    this.#error(form, "");
    select(form, "[name=username]").focus();
  }

  /** @param {HTMLFormElement} form @param {string} text */
  #error(form, text) {
    select(form, ".form-error").textContent = text;
  }

  /**
   * @param {SubmitEvent} event
   * @param {HTMLFormElement} form
   * @param {"login" | "register"} action
   * @param {(fields: Fields) => string} check what is wrong with them; empty when nothing is
   */
  async #submit(event, form, action, check) {
    event.preventDefault();
    const entered = new FormData(form);
    const textOf = (/** @type {string} */ name) => String(entered.get(name) ?? "");
    /** @type {Fields} */
    const fields = { username: textOf("username").trim(), password: textOf("password") };
    if (action === "register") fields.displayName = textOf("displayName");
    const wrong = check(fields);
    this.#error(form, wrong);
    if (wrong) return;
    const button = select(form, "[type=submit]", HTMLButtonElement);
    button.disabled = true;
    try {
      await (action === "login" ? this.#client.login(fields) : this.#client.register(fields));
      this.close();
      this.#onDone();
    } catch (error) {
      this.#error(form, errorSentence(error, action));
    }
    button.disabled = false;
  }
}
