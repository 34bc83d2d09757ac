/* What the address says after #, which no server sees: the token, the language. Read once, then out of sight. */

export const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

if (location.hash) history.replaceState(null, "", location.pathname);
