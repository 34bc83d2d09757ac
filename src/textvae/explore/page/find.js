/* Texts with some words, texts near to a text. */

import { ask } from "./api.js";
import { desk } from "./desk.js";
import { button, card, field, h, put } from "./dom.js";
import { fill, guarded, item } from "./results.js";
import { t } from "./words.js";

export function findPanel({ map, written }) {
  const query = h("input", { type: "search", dir: "auto", maxlength: 200, required: true });
  const hits = h("ol", { class: "items", "aria-live": "polite" });
  const told = h("p", { class: "hint", role: "status" });
  const near = h("ol", { class: "items", "aria-live": "polite" });

  async function search(event) {
    event.preventDefault();
    const answer = await guarded(() => ask("search", { query: query.value, k: 10 }));
    if (answer) fill(hits, answer.items.map((found) => item(found)));
  }

  query.addEventListener("input", () => {
    const count = map().search(query.value);
    put(told, query.value.trim() ? t("{n} on the map", { n: count }) : "");
  });

  async function neighbours(of) {
    const answer = await guarded(() => ask("neighbours", { of: [of], k: 8 }));
    if (!answer) return;
    const found = answer.items[0];
    fill(near, found.map((text) => item(text, { note: text.distance.toFixed(3) })));
  }

  const byText = () => query.value.trim() && neighbours(query.value);
  return h(
    "div",
    { class: "stack" },
    card(
      "words",
      t("Texts with these words"),
      written && h("p", { class: "hint" }, t("No file was given: these are texts that the model wrote itself.")),
      h(
        "form",
        { class: "stack", on: { submit: search } },
        field(t("Words or a text"), query),
        h(
          "div",
          { class: "row" },
          h("button", { class: "main" }, t("Search")),
          button(t("Nearest to this text"), byText, { class: "quiet" }),
        ),
      ),
      told,
      hits,
    ),
    card(
      "near",
      t("Nearest texts"),
      h("p", { class: "hint" }, t("By the angle between latents: 0 is the same direction, 2 the opposite one.")),
      h("div", { class: "row" }, button(t("Of what the model writes now"), () => desk.current && neighbours(desk.current.z))),
      near,
    ),
  );
}
