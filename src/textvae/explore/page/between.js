/* From one text to another, and analogies. */

import { ask, LONGEST } from "./api.js";
import { marked } from "./diff.js";
import { button, card, field, h, put } from "./dom.js";
import { fill, guarded, item } from "./results.js";
import { t } from "./words.js";

export function betweenPanel(world) {
  return h("div", { class: "stack" }, pathForm(world), analogyForm());
}

function pathForm({ map, examples }) {
  const a = h("input", { type: "text", dir: "auto", maxlength: LONGEST, value: examples[0] ?? "" });
  const b = h("input", { type: "text", dir: "auto", maxlength: LONGEST, value: examples[1] ?? "" });
  const steps = h("input", { type: "number", min: 2, max: 33, value: 7 });
  const arc = h("input", { type: "checkbox", id: "arc" });
  const list = h("ol", { class: "items path", "aria-live": "polite" });

  async function run(event) {
    event.preventDefault();
    const path = arc.checked ? "spherical" : "linear";
    const asked = { a: a.value, b: b.value, steps: Number(steps.value), path };
    const answer = await guarded(() => ask("interpolate", asked));
    if (!answer) return;
    const { items } = answer;
    fill(
      list,
      items.map((step, i) =>
        item(step, { note: step.t.toFixed(2), words: i ? marked(items[i - 1].text, step.text) : null }),
      ),
    );
    map().trace(items.map(({ place }) => place));
  }

  const swap = () => ([a.value, b.value] = [b.value, a.value]);
  return card(
    "path",
    t("From one text to another"),
    h(
      "form",
      { class: "stack", on: { submit: run } },
      field(t("From"), a),
      field(t("To"), b),
      h(
        "div",
        { class: "row" },
        h("div", { class: "inline" }, field(t("Steps"), steps)),
        h("label", { class: "check", for: "arc" }, arc, t("along the arc")),
        button(t("Swap"), swap, { class: "quiet" }),
        h("button", { class: "main" }, t("Go")),
      ),
    ),
    list,
  );
}

function analogyForm() {
  const inputs = Array.from("abc", () => h("input", { type: "text", dir: "auto", maxlength: LONGEST, required: true }));
  const list = h("ol", { class: "items", "aria-live": "polite" });

  async function run(event) {
    event.preventDefault();
    const [a, b, c] = inputs.map((input) => input.value);
    const answer = await guarded(() => ask("analogy", { a, b, c }));
    if (answer) put(list, ...answer.items.map((found) => item(found, { words: marked(c, found.text) })));
  }

  return card(
    "analogy",
    t("Analogy"),
    h("p", { class: "hint" }, t("The step from the first text to the second, taken from the third.")),
    h(
      "form",
      { class: "stack", on: { submit: run } },
      field(t("As"), inputs[1]),
      field(t("is to"), inputs[0]),
      field(t("so is"), inputs[2]),
      h("div", { class: "row" }, h("button", { class: "main" }, t("to what?"))),
    ),
    list,
  );
}
