/* What moves on the page: the map with its colours, its search and its layouts, figures of the charts where one points,
   and the place in the contents. */

const { map: drawn, curves, phrases } = JSON.parse(document.getElementById("data").textContent);
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
const rounded = (value) => Number(value.toPrecision(4)).toLocaleString(document.documentElement.lang);

if (drawn) showMap();
document.querySelectorAll("svg.chart").forEach((chart, i) => readChart(chart, curves[i]));
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

/** Shows, beside the names of a chart's lines, their values at the step that the pointer is nearest to. */
function readChart(chart, lines) {
  const drawnLines = [...chart.querySelectorAll("polyline")].map((line) => [...line.points]);
  const key = chart.closest("figure").querySelector(".key");
  const [values, axis] = [key.querySelectorAll("strong"), key.querySelector(".axis")];
  const resting = axis.textContent;
  const rule = document.createElementNS("http://www.w3.org/2000/svg", "line");
  rule.setAttribute("class", "pointer");
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
    const nearest = drawnLines.map((points) =>
      points.reduce((best, point, i) => (Math.abs(point.x - at) < Math.abs(points[best].x - at) ? i : best), 0),
    );
    lines.forEach((line, l) => (values[l].textContent = rounded(line.values[nearest[l]])));
    axis.textContent = t("step {n}", { n: lines[0].steps[nearest[0]].toLocaleString(document.documentElement.lang) });
    const { x } = drawnLines[0][nearest[0]];
    for (const [name, value] of Object.entries({ x1: x, x2: x, y1: 10, y2: 192 })) rule.setAttribute(name, value);
    chart.append(rule);
  });
  chart.addEventListener("pointerleave", () => {
    rule.remove();
    values.forEach((value) => (value.textContent = ""));
    axis.textContent = resting;
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
