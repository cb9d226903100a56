// A person's picture, or their initials on a colour of their own.

import { el } from "./dom.js";
import { colourOf, initials, isOfOrigin, nameOf } from "./format.js";

/**
 * @param {Wire.User | undefined} user
 * @param {"small" | "medium" | "large"} [size]
 */
export function avatar(user, size = "medium") {
  const letters = el("span", { text: initials(nameOf(user)) });
  const frame = el("span", { class: `avatar ${size} tint-${colourOf(user?.id)}`, "aria-hidden": "true" }, letters);
  // Pictures from other places are not loaded: they would tell that place who looks.
  if (user?.avatarUrl && isOfOrigin(user.avatarUrl, location.origin)) {
    const picture = el("img", { src: user.avatarUrl, alt: "" });
    picture.addEventListener("error", () => picture.remove());
    frame.append(picture);
  }
  return frame;
}
