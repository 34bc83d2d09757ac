/* What moves on the page: the map with its colours, its search and its layouts, and the place in the contents. */

const { map: drawn, phrases } = JSON.parse(document.getElementById("data").textContent);
const t = translator(phrases);
const byId = (id) => document.getElementById(id);
const made = (name, text = "", attributes = {}) => {
  const node = Object.assign(document.createElement(name), attributes);
  node.textContent = text;
  return node;
};
const MOST_MATCHES = 12; // of a search that are listed

const bytes = (encoded) => Uint8Array.from(atob(encoded), (sign) => sign.charCodeAt(0));
const floats = (encoded) => new Float32Array(bytes(encoded).buffer);
const rounded = (value) => Number(value.toPrecision(3)).toLocaleString(document.documentElement.lang);

if (drawn) showMap();
followContents();

function showMap() {
  const { texts, layouts } = drawn;
  const places = layouts.map(({ x, y }) => ({ x: floats(x), y: floats(y) }));
  const colourings = drawn.colourings.map((each) => {
    const values = bytes(each.values);
    if (each.kind === "category") return { ...each, values };
    const { low, high } = each;
    return { ...each, values: Float32Array.from(values, (step) => low + (step / 255) * (high - low)) };
  });
  const map = createMap(byId("map-canvas"), { ...places[0], texts }, { t, label: t("Map of the texts") });

  const select = byId("map-colour");
  const groups = { label: t("Labels"), likelihood: t("Likelihood"), latent: t("Latent dimensions"), topic: t("Topics") };
  for (const [source, title] of Object.entries(groups)) {
    const group = made("optgroup", "", { label: title });
    colourings.forEach((each, i) => {
      if (each.source === source) group.append(made("option", each.name, { value: i }));
    });
    if (group.children.length) select.append(group);
  }
  const recolour = () => {
    const chosen = colourings[select.value];
    map.colour(chosen);
    byId("map-legend").replaceChildren(...legend(chosen));
  };
  select.addEventListener("change", recolour);
  recolour();

  const search = byId("map-search");
  search.addEventListener("input", () => {
    const count = map.search(search.value);
    const asked = search.value.trim();
    byId("map-found").textContent = asked ? t("{n} of {total} texts", { n: count, total: texts.length }) : "";
    const matches = [];
    const wanted = asked.toLocaleLowerCase();
    for (let i = 0; wanted && i < texts.length && matches.length < MOST_MATCHES; i++) {
      if (texts[i].toLocaleLowerCase().includes(wanted)) matches.push(match(i));
    }
    byId("map-matches").hidden = !matches.length;
    byId("map-matches").replaceChildren(...matches);
  });

  function match(i) {
    const item = document.createElement("li");
    const button = made("button", texts[i], { type: "button", className: "text plain", dir: "auto" });
    button.addEventListener("click", () => map.show(i));
    item.append(button);
    return item;
  }

  if (layouts.length > 1) {
    const field = byId("map-layout");
    field.hidden = false;
    layouts.forEach(({ name }, i) => {
      const radio = made("input", "", { type: "radio", name: "layout", value: i, checked: i === 0 });
      radio.addEventListener("change", () => map.move(places[i].x, places[i].y));
      const label = made("label");
      label.append(radio, name);
      field.append(label);
    });
  }
}

function legend(colouring) {
  if (colouring.kind === "number") {
    return [made("span", rounded(colouring.low)), made("span", "", { className: "ramp" }), made("span", rounded(colouring.high))];
  }
  const counts = new Map();
  for (const value of colouring.values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return colouring.names.map((name, i) => {
    const item = made("span");
    const swatch = made("i", "", { className: "swatch" });
    swatch.style.background = `var(${categorical(i)})`;
    item.append(swatch, made("bdi", name), made("small", ` ${counts.get(i) ?? 0}`, { className: "muted" }));
    return item;
  });
}

/** Marks the section in view in the table of contents. */
function followContents() {
  const links = new Map([...document.querySelectorAll(".toc ol a")].map((link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target.id);
      const current = [...links.keys()].find((id) => seen.has(id));
      for (const [id, link] of links) {
        if (id === current) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    },
    { rootMargin: "-10% 0px -60% 0px" },
  );
  for (const id of links.keys()) observer.observe(byId(id));
}
