// Making elements. Text goes in as text, never as markup.

import { icon } from "./icons.js";

/**
 * Makes an element.
 * @param {string} tag
 * @param {object} [attributes] `class`, `testid`, `text`, `on: {event: handler}`, anything else is an attribute;
 *   false, null and undefined leave it out
 * @param {...(Node | string | null | false | undefined)} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "class") element.className = value;
    else if (name === "testid") element.dataset.testid = value;
    else if (name === "text") element.textContent = value;
    else if (name === "on") {
      for (const [type, handler] of Object.entries(value)) element.addEventListener(type, handler);
    } else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * A button that shows an icon alone; its label is for screen readers and the tooltip.
 * @param {string} name of the icon
 * @param {string} label
 * @param {object} [attributes] as for {@link el}
 */
export function iconButton(name, label, attributes = {}) {
  const classes = `icon-button ${attributes.class ?? ""}`.trim();
  return el("button", { type: "button", title: label, "aria-label": label, ...attributes, class: classes }, icon(name));
}

/** The element with this id. @returns {HTMLElement} */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Makes `parent` hold exactly these children, leaving alone those that are in place.
 * @param {Element} parent
 * @param {Node[]} children
 */
export function sync(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let place = parent.firstChild;
  for (const child of children) {
    if (child === place) place = place.nextSibling;
    else parent.insertBefore(child, place);
  }
}

/** Tells screen readers. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** A short note at the edge of the page, which goes by itself. */
export function toast(text) {
  const note = el("div", { class: "toast", testid: "toast" }, el("span", { text }));
  const close = iconButton("close", "Dismiss", { on: { click: () => note.remove() } });
  note.append(close);
  byId("toasts").append(note);
  setTimeout(() => note.remove(), 8_000);
}
