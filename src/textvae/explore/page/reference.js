/* The API's reference, made from its OpenAPI document: every operation, its fields, and a form to try it. */

import { ask } from "./api.js";
import { card, field, h, put } from "./dom.js";
import { alertRegion, guarded } from "./results.js";
import { preferred, speakIn, t } from "./words.js";

await speakIn(preferred());
const api = await (await fetch("openapi.json")).json();

const resolved = (schema) =>
  schema?.$ref ? api.components.schemas[schema.$ref.split("/").at(-1)] : (schema ?? {});

const body = (message) => resolved(message?.content["application/json"].schema);

/** A value that fits a schema. */
function example(schema) {
  const own = resolved(schema);
  if ("default" in own) return own.default;
  if (own.anyOf) return example(own.anyOf[0]);
  if (own.enum) return own.enum[0];
  if (own.type === "object")
    return Object.fromEntries((own.required ?? []).map((name) => [name, example(own.properties[name])]));
  if (own.type === "array") return Array.from({ length: own.minItems ?? 1 }, () => example(own.items));
  return { string: "text", integer: own.minimum ?? 0, number: 0, boolean: false }[own.type] ?? null;
}

/** What a field holds, in a few words. */
function kind(schema) {
  const own = resolved(schema);
  if (own.anyOf) return own.anyOf.map(kind).join(" | ");
  if (own.enum) return own.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (own.type === "array") return `[${kind(own.items)}${own.maxItems ? `; ≤ ${own.maxItems}` : ""}]`;
  const bounds = [own.minimum ?? own.exclusiveMinimum, own.maximum].map((bound) => bound ?? "");
  if (own.maxLength) return `${own.type} ≤ ${own.maxLength}`;
  return bounds.join("") === "" ? (own.type ?? own.title ?? "") : `${own.type} ${bounds.join(" … ")}`;
}

/** A row for each field, and after it rows for those within it. */
function rowsOf(schema, within = "") {
  return Object.entries(schema.properties ?? {}).flatMap(([name, own]) => [
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", {}, within + name), schema.required?.includes(name) ? " *" : ""),
      h("td", {}, h("code", {}, kind(own))),
      h("td", {}, own.description ?? resolved(own).description ?? ""),
    ),
    ...rowsOf(...inside(own, within + name)),
  ]);
}

/** The object that a field holds, alone or in lists, and what the names of its fields begin with. */
function inside(schema, name) {
  const own = resolved(schema);
  return own.type === "array" ? inside(own.items, `${name}[]`) : [own, `${name}.`];
}

function fields(schema) {
  const rows = rowsOf(schema);
  const heads = [t("field"), t("type"), t("meaning")].map((name) => h("th", { scope: "col" }, name));
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("Fields") },
    h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows)));
}

function operation(path, method, described) {
  const asked = described.requestBody && body(described.requestBody);
  const answer = h("pre", { class: "scroll", tabindex: 0, hidden: true, "aria-label": t("Answer") });
  const input =
    asked && h("textarea", { rows: 4, class: "code", spellcheck: "false" }, JSON.stringify(example(asked), null, 2));

  async function run(event) {
    event.preventDefault();
    let sent;
    try {
      sent = input ? JSON.parse(input.value) : undefined;
    } catch (error) {
      answer.hidden = false;
      answer.textContent = String(error);
      return;
    }
    const got = await guarded(() => ask(path.replace("/api/", ""), sent));
    answer.hidden = got === undefined;
    answer.textContent = JSON.stringify(got, null, 1)?.slice(0, 20_000) ?? "";
  }

  const id = `${method}${path.replaceAll("/", "-")}`;
  return card(
    id,
    [h("code", {}, `${method.toUpperCase()} ${path}`), " ", described.summary],
    described.description && h("p", { class: "hint" }, described.description),
    asked && h("h3", {}, t("Request")),
    asked && fields(asked),
    h("h3", {}, t("Answer")),
    fields(body(described.responses[200])),
    path.startsWith("/api/") &&
      h(
        "form",
        { class: "stack", on: { submit: run } },
        input && field(t("Body"), input),
        h("div", { class: "row" }, h("button", { class: "main" }, t("Try it"))),
      ),
    answer,
  );
}

const failures = Object.entries(Object.values(api.paths["/api/encode"])[0].responses)
  .filter(([status]) => status !== "200")
  .map(([status, { description }]) => h("li", {}, h("code", {}, status), " ", description));

put(
  document.body,
  h(
    "header",
    {},
    h("h1", {}, h("span", { class: "brand" }, "textvae"), " API"),
    h("nav", { "aria-label": t("Pages") }, h("a", { href: "openapi.json" }, "OpenAPI"), h("a", { href: "./" }, t("Explorer"))),
  ),
  h(
    "main",
    { class: "reference" },
    card(
      "rules",
      t("For all operations"),
      h("p", {}, t("JSON in, JSON out. An error is told as")),
      h("pre", { class: "scroll", tabindex: 0 }, '{"error": {"code": "…", "message": "…"}}'),
      h("ul", { class: "plain" }, ...failures),
    ),
    ...Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => operation(path, method, described)),
    ),
  ),
  alertRegion(),
);
