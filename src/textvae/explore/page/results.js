/* Lists of texts that can be opened and pinned. */

import { desk } from "./desk.js";
import { button, h, put, quoted } from "./dom.js";
import { Refusal } from "./api.js";
import { t } from "./words.js";

/** One text with what is said about it, as an item of a list. */
export function item(found, { note = null, words = null, more = null } = {}) {
  const open = () => (found.z ? desk.openLatent(found.z, null) : desk.open(found.text));
  return h(
    "li",
    { class: "item" },
    note && h("span", { class: "note" }, note),
    words ? h("span", { class: "quoted", dir: "auto" }, ...words) : quoted(found.text),
    more && h("small", { class: "more" }, more),
    h(
      "span",
      { class: "actions" },
      button(t("Open"), () => guarded(open), { class: "quiet", "aria-label": t("Open: {text}", { text: found.text }) }),
      found.z &&
        button(t("Pin"), () => desk.pin(found), { class: "quiet", "aria-label": t("Pin: {text}", { text: found.text }) }),
    ),
  );
}

/** Fills a list, or says that there is nothing. */
export function fill(list, items) {
  put(list, ...(items.length ? items : [h("li", { class: "none" }, t("Nothing found."))]));
}

const alerts = h("div", { class: "alerts", role: "alert" });

/** Where failures are told. */
export const alertRegion = () => alerts;

let fading = 0;

/** Runs what may fail, and tells why if it does. */
export async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    put(alerts, h("p", {}, error.message));
    clearTimeout(fading);
    fading = setTimeout(() => put(alerts), 8000);
    return undefined;
  }
}
