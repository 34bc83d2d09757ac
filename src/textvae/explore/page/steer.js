/* A text rewritten toward a value of a label. */

import { ask, LONGEST } from "./api.js";
import { desk } from "./desk.js";
import { marked } from "./diff.js";
import { button, card, field, h, select } from "./dom.js";
import { fill, guarded, item } from "./results.js";
import { t } from "./words.js";

export function steerPanel(directions) {
  const text = h("input", { type: "text", dir: "auto", maxlength: LONGEST, required: true });
  const toward = select(directions.map(({ name }) => [name, name]), () => {});
  const strength = h("input", { type: "range", min: 0, max: 6, step: 0.5, value: 0 });
  const told = h("output", {}, t("several"));
  const list = h("ol", { class: "items", "aria-live": "polite" });

  strength.addEventListener("input", () => {
    told.textContent = Number(strength.value) ? strength.value : String(t("several"));
  });

  async function run(event) {
    event.preventDefault();
    const asked = { text: text.value, toward: toward.value, strength: Number(strength.value) || null };
    const answer = await guarded(() => ask("edit", asked));
    if (!answer) return;
    fill(
      list,
      answer.items.map((found) =>
        item(found, { note: found.score.toFixed(2), words: marked(asked.text, found.text), more: judged(found) }),
      ),
    );
  }

  const current = () => desk.current && (text.value = desk.current.source?.text ?? desk.current.text);
  desk.on("source", () => text.value || current());

  return card(
    "steer",
    t("Rewrite toward"),
    h("p", { class: "hint" }, t("Along a direction learned from labels; words it doesn't speak against are kept.")),
    h(
      "form",
      { class: "stack", on: { submit: run } },
      field(t("Text"), text),
      field(t("Toward"), toward),
      h("div", { class: "inline grow" }, field(t("Strength"), strength), told),
      h(
        "div",
        { class: "row" },
        h("button", { class: "main" }, t("Rewrite")),
        button(t("Take the current text"), current, { class: "quiet" }),
      ),
    ),
    list,
  );
}

const judged = ({ reach, content, fluency, strength }) =>
  t("strength {strength} · reach {reach} · content {content} · fluency {fluency}", {
    strength: strength.toFixed(1),
    reach: reach.toFixed(2),
    content: content.toFixed(2),
    fluency: fluency.toFixed(2),
  });
