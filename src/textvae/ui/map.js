/* The map of texts: a scatter plot on a canvas that pointer, touch and keyboard can walk through.

   Texts of users come onto the page as text only (textContent), never as markup. */

const NEAR = 14; // pixels within which a point is meant
const MARGIN = 24; // pixels around the points
const MOST_ZOOM = 40;
const SHADES = 32; // of a ramp of numbers

export function createMap(host, { x, y, texts }, { t, label, pick = () => {}, place = () => {} }) {
  const shape = (name, attributes = {}) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    host.append(made);
    return made;
  };
  host.classList.add("map");
  const canvas = shape("canvas", { tabindex: "0", role: "img", "aria-label": label });
  const tip = shape("div", { class: "map-tip", hidden: "" });
  const spoken = shape("p", { class: "spoken", role: "status" });
  const tools = shape("div", { class: "map-tools" });
  const pen = canvas.getContext("2d");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  let at = { x: Float32Array.from(x), y: Float32Array.from(y) };
  let middle = [0, 0];
  let unit = 1; // pixels for one unit of the data, at zoom 1
  let zoom = 1;
  let shift = [0, 0];
  let colouring = null;
  let shades = []; // colours of the points, by shade
  let shadeOf = new Uint8Array(texts.length);
  let found = null; // of a search: 1 for each text that holds it
  let current = -1;
  let queued = 0;
  let moving = 0;
  const marks = new Map();
  let way = []; // of a path, places in the data
  const folded = texts.map((text) => text.toLocaleLowerCase());

  // ------------------------------------------------------------ places

  const size = () => [canvas.clientWidth, canvas.clientHeight];

  function fit() {
    const [width, height] = size();
    const [left, right] = extent(at.x);
    const [low, high] = extent(at.y);
    middle = [(left + right) / 2, (low + high) / 2];
    unit = Math.min((width - 2 * MARGIN) / (right - left || 1), (height - 2 * MARGIN) / (high - low || 1));
  }

  const toScreen = (px, py) => {
    const [width, height] = size();
    return [
      width / 2 + shift[0] + (px - middle[0]) * unit * zoom,
      height / 2 + shift[1] - (py - middle[1]) * unit * zoom,
    ];
  };

  const toData = (sx, sy) => {
    const [width, height] = size();
    return [
      middle[0] + (sx - shift[0] - width / 2) / (unit * zoom),
      middle[1] - (sy - shift[1] - height / 2) / (unit * zoom),
    ];
  };

  function nearest(sx, sy, within = NEAR, allowed = () => true) {
    let best = -1;
    let least = within * within;
    for (let i = 0; i < texts.length; i++) {
      if (found && !found[i]) continue;
      const [px, py] = toScreen(at.x[i], at.y[i]);
      const distance = (px - sx) ** 2 + (py - sy) ** 2;
      if (distance < least && allowed(px - sx, py - sy)) [best, least] = [i, distance];
    }
    return best;
  }

  function zoomBy(factor, sx, sy) {
    const [width, height] = size();
    const [cx, cy] = [sx ?? width / 2, sy ?? height / 2];
    const wanted = Math.min(Math.max(zoom * factor, 1), MOST_ZOOM);
    const ratio = wanted / zoom;
    shift = [
      (cx - width / 2) * (1 - ratio) + shift[0] * ratio,
      (cy - height / 2) * (1 - ratio) + shift[1] * ratio,
    ];
    zoom = wanted;
    redraw();
  }

  function reset() {
    zoom = 1;
    shift = [0, 0];
    redraw();
  }

  // ------------------------------------------------------------ drawing

  function redraw() {
    if (!queued) queued = requestAnimationFrame(draw);
  }

  function draw() {
    queued = 0;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = size();
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const radius = Math.min(Math.max(80 / Math.sqrt(texts.length), 1.8), 5) * Math.min(zoom ** 0.3, 2);
    for (const dimmed of found ? [true, false] : [false]) {
      pen.globalAlpha = dimmed ? 0.1 : 0.78;
      for (let shade = 0; shade < shades.length; shade++) {
        pen.beginPath();
        for (let i = 0; i < texts.length; i++) {
          if (shadeOf[i] !== shade || (found && Boolean(found[i]) === dimmed)) continue;
          const [px, py] = toScreen(at.x[i], at.y[i]);
          if (px < -9 || py < -9 || px > width + 9 || py > height + 9) continue;
          pen.moveTo(px + radius, py);
          pen.arc(px, py, radius, 0, 2 * Math.PI);
        }
        pen.fillStyle = shades[shade];
        pen.fill();
      }
    }
    pen.globalAlpha = 1;
    drawWay();
    if (current >= 0) ring(...toScreen(at.x[current], at.y[current]), radius + 4, colour("--ink"));
    for (const mark of marks.values()) {
      const [px, py] = toScreen(mark.x, mark.y);
      ring(px, py, 8, colour("--accent"));
      pen.font = "600 13px " + getComputedStyle(host).fontFamily;
      pen.lineWidth = 4;
      pen.strokeStyle = colour("--surface");
      pen.fillStyle = colour("--ink");
      pen.strokeText(mark.label, px + 12, py + 4);
      pen.fillText(mark.label, px + 12, py + 4);
    }
    showTip();
  }

  function drawWay() {
    const places = way.map(([px, py]) => toScreen(px, py));
    for (const [width, style] of [[6, colour("--surface")], [2.5, colour("--accent")]]) {
      pen.beginPath();
      for (const [px, py] of places) pen.lineTo(px, py);
      pen.lineWidth = width;
      pen.strokeStyle = style;
      pen.stroke();
    }
    pen.beginPath();
    for (const [px, py] of places) {
      pen.moveTo(px + 4, py);
      pen.arc(px, py, 4, 0, 2 * Math.PI);
    }
    pen.fillStyle = colour("--accent");
    pen.fill();
  }

  function ring(px, py, radius, stroke) {
    for (const [width, style] of [[5, colour("--surface")], [2, stroke]]) {
      pen.beginPath();
      pen.arc(px, py, radius, 0, 2 * Math.PI);
      pen.lineWidth = width;
      pen.strokeStyle = style;
      pen.stroke();
    }
  }

  function showTip() {
    tip.hidden = current < 0;
    if (tip.hidden) return;
    const [width, height] = size();
    const [px, py] = toScreen(at.x[current], at.y[current]);
    const [wide, high] = [tip.offsetWidth, tip.offsetHeight];
    const above = py - high - 14;
    tip.style.left = `${Math.min(Math.max(px - wide / 2, 4), Math.max(width - wide - 4, 4))}px`;
    tip.style.top = `${above > 4 ? above : Math.min(py + 14, height - 4)}px`;
  }

  function colour(name) {
    tip.style.setProperty("--probe", `var(${name})`);
    return getComputedStyle(tip).outlineColor; // where map.css puts the probe: a custom property is not resolved
  }

  function paint() {
    if (!colouring) {
      shades = [colour("--accent")];
      shadeOf.fill(0);
    } else if (colouring.kind === "category") {
      shades = [...colouring.names.map((_, i) => colour(categorical(i))), colour("--c8")];
      shadeOf = Uint8Array.from(colouring.values, (value) => Math.min(value, colouring.names.length));
    } else {
      const stops = ["--ramp-0", "--ramp-1", "--ramp-2"].map((name) => channels(colour(name)));
      shades = Array.from({ length: SHADES }, (_, i) => between(stops, i / (SHADES - 1)));
      const { low, high } = colouring;
      shadeOf = Uint8Array.from(colouring.values, (value) =>
        Math.round(Math.min(Math.max((value - low) / (high - low || 1), 0), 1) * (SHADES - 1)),
      );
    }
    redraw();
  }

  // ------------------------------------------------------------ choosing a point

  function choose(index, { aloud = false } = {}) {
    if (index !== current) {
      current = index;
      if (index >= 0) {
        const line = document.createElement("span");
        line.className = "text";
        line.dir = "auto";
        line.textContent = texts[index];
        const note = document.createElement("small");
        note.textContent = describe(index);
        tip.replaceChildren(line, note);
      }
      redraw();
    }
    if (aloud) spoken.textContent = index < 0 ? "" : `${texts[index]} ${describe(index)}`;
  }

  function describe(index) {
    if (!colouring) return "";
    const value = colouring.values[index];
    const shown =
      colouring.kind === "category" ? (colouring.names[value] ?? "–") : Number(value.toPrecision(3)).toString();
    return colouring.name ? `${colouring.name}: ${shown}` : shown;
  }

  function step(dx, dy) {
    const [width, height] = size();
    const [sx, sy] =
      current < 0 ? [width / 2, height / 2] : toScreen(at.x[current], at.y[current]);
    const forward = (px, py) => px * dx + py * dy > 0.5 && Math.abs(px * dy - py * dx) <= px * dx + py * dy;
    const next = nearest(sx, sy, Infinity, current < 0 ? undefined : forward);
    if (next >= 0) choose(next, { aloud: true });
  }

  const keys = {
    ArrowLeft: () => step(-1, 0),
    ArrowRight: () => step(1, 0),
    ArrowUp: () => step(0, -1),
    ArrowDown: () => step(0, 1),
    Enter: () => current >= 0 && pick(current),
    Escape: () => choose(-1, { aloud: true }),
    "+": () => zoomBy(1.5),
    "=": () => zoomBy(1.5),
    "-": () => zoomBy(1 / 1.5),
    0: reset,
  };

  canvas.addEventListener("keydown", (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  // ------------------------------------------------------------ pointer and touch

  const pointers = new Map();
  let dragged = false;

  const local = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  canvas.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, local(event));
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 1) dragged = false;
  });

  canvas.addEventListener("pointermove", (event) => {
    const now = local(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      choose(nearest(...now));
      return;
    }
    if (!dragged && Math.hypot(now[0] - before[0], now[1] - before[1]) < 4) return;
    dragged = true;
    const others = [...pointers].filter(([id]) => id !== event.pointerId);
    if (others.length) {
      const [, other] = others[0];
      const spread = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
      zoomBy(spread(now) / spread(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else {
      shift = [shift[0] + now[0] - before[0], shift[1] + now[1] - before[1]];
      redraw();
    }
    pointers.set(event.pointerId, now);
  });

  const release = (event) => {
    if (!pointers.delete(event.pointerId) || dragged || event.type === "pointercancel") return;
    const where = local(event);
    const index = nearest(...where);
    choose(index);
    if (index >= 0) pick(index);
    else place(...toData(...where));
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && choose(-1));
  canvas.addEventListener("blur", () => choose(-1));

  canvas.addEventListener(
    "wheel",
    (event) => {
      // the wheel belongs to the page until the map is asked for
      if (!event.ctrlKey && document.activeElement !== canvas) return;
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY / 300), ...local(event));
    },
    { passive: false },
  );

  for (const [sign, name, action] of [
    ["+", t("Zoom in"), () => zoomBy(1.5)],
    ["−", t("Zoom out"), () => zoomBy(1 / 1.5)],
    ["⤢", t("Show all"), reset],
  ]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = sign;
    button.title = name;
    button.setAttribute("aria-label", name);
    button.addEventListener("click", action);
    tools.append(button);
  }

  new ResizeObserver(() => {
    fit();
    redraw();
  }).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  fit();
  paint();

  return {
    reset,
    /** { kind: "number", name, values, low, high }, { kind: "category", name, values, names } or null. */
    colour(next) {
      colouring = next;
      paint();
    },
    /** Dims the texts without the query; the number of those with it. */
    search(query) {
      const wanted = query.trim().toLocaleLowerCase();
      found = wanted ? Uint8Array.from(folded, (text) => Number(text.includes(wanted))) : null;
      redraw();
      return found ? found.reduce((sum, hit) => sum + hit, 0) : texts.length;
    },
    /** Other coordinates for the same points. */
    move(nextX, nextY) {
      cancelAnimationFrame(moving);
      const from = at;
      const to = { x: Float32Array.from(nextX), y: Float32Array.from(nextY) };
      const scaled = rescaled(from, to);
      at = { x: to.x, y: to.y };
      fit();
      if (calm.matches) {
        redraw();
        return;
      }
      const begun = performance.now();
      const frame = (now) => {
        const share = Math.min((now - begun) / 500, 1);
        const eased = 1 - (1 - share) ** 3;
        at = {
          x: to.x.map((value, i) => scaled.x[i] + (value - scaled.x[i]) * eased),
          y: to.y.map((value, i) => scaled.y[i] + (value - scaled.y[i]) * eased),
        };
        redraw();
        if (share < 1) moving = requestAnimationFrame(frame);
      };
      moving = requestAnimationFrame(frame);
    },
    /** A labelled ring above the points. */
    mark(name, px, py, text = "") {
      marks.set(name, { x: px, y: py, label: text });
      redraw();
    },
    unmark(name) {
      marks.delete(name);
      redraw();
    },
    /** A path through places [x, y] above the points; of none, no path. */
    trace(places) {
      way = places;
      redraw();
    },
    /** Shows the text of a point, as hovering does. */
    show(index) {
      choose(index, { aloud: true });
    },
  };
}

/** The custom property of category i's colour; what goes beyond the palette shares its last one. */
export const categorical = (i) => `--c${Math.min(i + 1, 8)}`;

function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}

/** The first coordinates in the range of the second, so that a move between the two keeps to the picture. */
function rescaled(from, to) {
  const along = (axis) => {
    const [a, b] = extent(from[axis]);
    const [c, d] = extent(to[axis]);
    return from[axis].map((value) => c + ((value - a) / (b - a || 1)) * (d - c));
  };
  return { x: along("x"), y: along("y") };
}

const channels = (rgb) => rgb.match(/[\d.]+/g).slice(0, 3).map(Number);

function between(stops, share) {
  const place = share * (stops.length - 1);
  const i = Math.min(Math.floor(place), stops.length - 2);
  const mixed = stops[i].map((value, channel) => Math.round(value + (stops[i + 1][channel] - value) * (place - i)));
  return `rgb(${mixed.join(" ")})`;
}
