// Signing in and making an account.

import { byId } from "./dom.js";
import { errorSentence } from "./sentences.js";

/** A name for the second window: another one than this window has. */
function otherProfile(profile) {
  return profile === "second" ? "third" : "second";
}

export class Login {
  #client;
  #root = byId("welcome");
  #login = byId("login");
  #register = byId("register");
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
    byId("second-window").href = `?${query}`;
    this.#login.addEventListener("submit", (event) => {
      this.#submit(event, "login", (fields) => {
        if (!fields.username || !fields.password) return "Enter your username and your password.";
        return "";
      });
    });
    this.#register.addEventListener("submit", (event) => {
      this.#submit(event, "register", (fields) => {
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
    this.#root.querySelector("[data-testid=show-register]").addEventListener("click", () => this.#show(true));
    this.#root.querySelector("[data-testid=show-login]").addEventListener("click", () => this.#show(false));
  }

  /** Shows the page. @param {string} [note] why */
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

  #show(register) {
    this.#login.hidden = register;
    this.#register.hidden = !register;
    const form = register ? this.#register : this.#login;
    this.#error(form, "");
    form.elements.username.focus();
  }

  #error(form, text) {
    form.querySelector(".form-error").textContent = text;
  }

  async #submit(event, action, check) {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = Object.fromEntries(new FormData(form));
    fields.username = fields.username.trim();
    const wrong = check(fields);
    this.#error(form, wrong);
    if (wrong) return;
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    try {
      await this.#client[action](fields);
      this.close();
      this.#onDone();
    } catch (error) {
      this.#error(form, errorSentence(error, action));
    }
    button.disabled = false;
  }
}
