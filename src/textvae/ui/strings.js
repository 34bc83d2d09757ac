/** t(English, values): the phrase in the page's language, {placeholders} filled in. */
export const translator =
  (phrases) =>
  (key, values = {}) =>
    (phrases[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
