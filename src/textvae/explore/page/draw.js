/* New texts: from anywhere, or at a place on the map. */

import { ask } from "./api.js";
import { button, card, field, h } from "./dom.js";
import { fill, guarded, item } from "./results.js";
import { t } from "./words.js";

export function drawPanel({ map }) {
  const count = h("input", { type: "number", min: 1, max: 64, value: 5 });
  const warmth = h("input", { type: "range", min: 0.1, max: 1.5, step: 0.1, value: 0.7 });
  const told = h("output", { for: "warmth" }, "0.7");
  const list = h("ol", { class: "items", "aria-live": "polite" });
  const where = h("p", { class: "hint" }, t("Click an empty place on the map to write what lies there."));
  let at = null;
  let seed = 0;

  warmth.addEventListener("input", () => (told.value = warmth.value));

  async function run() {
    const writing = { method: "sample", temperature: Number(warmth.value), seed: seed++ };
    const answer = await guarded(() => ask("sample", { n: Number(count.value), at, writing }));
    if (answer) fill(list, answer.items.map((found) => item(found)));
  }

  function anywhere() {
    at = null;
    map().unmark("here");
    run();
  }

  return {
    element: card(
      "draw",
      t("New texts"),
      where,
      h(
        "form",
        { class: "stack", on: { submit: (event) => (event.preventDefault(), run()) } },
        h(
          "div",
          { class: "row" },
          h("div", { class: "inline" }, field(t("How many"), count)),
          h("div", { class: "inline grow" }, field(t("Temperature"), warmth), told),
        ),
        h(
          "div",
          { class: "row" },
          h("button", { class: "main" }, t("Draw")),
          button(t("From anywhere"), anywhere, { class: "quiet" }),
        ),
      ),
      list,
    ),
    /** Writes texts at a place on the map. */
    here(x, y) {
      at = [x, y];
      map().mark("here", x, y, "+");
      return run();
    },
  };
}
