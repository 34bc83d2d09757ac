/* Type a text, see what the model reads of it and writes from its latent, and turn that latent. */

import { LONGEST } from "./api.js";
import { desk } from "./desk.js";
import { marked } from "./diff.js";
import { button, card, field, h, put, quoted } from "./dom.js";
import { guarded } from "./results.js";
import { slidersFor } from "./sliders.js";
import { t } from "./words.js";

export function writePanel(model) {
  const input = h("textarea", {
    rows: 2,
    dir: "auto",
    maxlength: LONGEST,
    spellcheck: "false",
    placeholder: t("A text of the kind the model was trained on"),
    on: { keydown: enter },
  });
  const tokens = h("ul", { class: "tokens", "aria-label": t("Tokens") });
  const written = h("p", { class: "written", dir: "auto", id: "written", "aria-live": "polite" });
  const from = h("p", { class: "hint" });
  const sliders = slidersFor(model.handles);
  const undo = button(t("Undo"), desk.undo, { class: "quiet", "aria-keyshortcuts": "Control+Z" });
  const redo = button(t("Redo"), desk.redo, { class: "quiet", "aria-keyshortcuts": "Control+Shift+Z" });
  const reset = button(t("Reset"), () => guarded(() => desk.reset()), { class: "quiet" });
  const pin = button(t("Pin"), () => desk.pin(desk.current), { class: "quiet" });

  function enter(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  }

  const submit = () => guarded(() => desk.open(input.value));

  desk.on("source", ({ source, text }) => {
    if (document.activeElement !== input || source) input.value = source?.text ?? text;
    put(
      tokens,
      ...(source?.tokens ?? []).map(({ text: piece, known }) =>
        h(
          "li",
          { class: known ? "token" : "token unknown", title: known ? null : t("unknown to the model") },
          quoted(piece),
          !known && h("span", { class: "spoken" }, " – ", t("unknown to the model")),
        ),
      ),
    );
    tokens.hidden = !source;
  });

  desk.on("point", ({ text, first, z, base }) => {
    const moved = z.some((value, i) => Math.abs(value - base[i]) > 1e-4);
    put(written, ...(moved ? marked(first, text) : [text || "∅"]));
    put(from, moved ? [t("before:"), " ", quoted(first)] : t("written again from the text's latent; move a slider"));
    undo.disabled = !desk.canUndo;
    redo.disabled = !desk.canRedo;
    reset.disabled = !moved;
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("textarea, input:not([type=range])");
    if (typing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    if (event.shiftKey) desk.redo();
    else desk.undo();
  });

  return h(
    "div",
    { class: "stack" },
    h(
      "form",
      { class: "card stack", on: { submit: (event) => (event.preventDefault(), submit()) } },
      field(t("Your text"), input),
      h("div", { class: "row" }, h("button", { class: "main" }, t("Encode"))),
      tokens,
    ),
    h(
      "section",
      { class: "card stack output", "aria-labelledby": "writes" },
      h("h2", { id: "writes" }, t("The model writes")),
      written,
      from,
      h("div", { class: "row" }, undo, redo, reset, pin),
    ),
    card("turn", t("Turn it"), sliders),
  );
}
