"use strict";
/* ---- the data: the text of the element "data", from heed attend or from a server ---- */

const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const kindNames = { encoder: "Encoder", decoder: "Decoder", cross: "Cross" };
const kindTitles = {
    encoder: "Encoder self-attention", decoder: "Decoder self-attention", cross: "Cross-attention",
};

/* A stored number n stands for the weight ((n − 1) / (levels − 1))²; 0 is a masked key. */
const levels = data.levels;
const weightOf = Float32Array.from({ length: levels + 1 }, (_, n) => (n ? ((n - 1) / (levels - 1)) ** 2 : 0));
const isFine = levels > 255; /* two bytes per weight, low byte first */

function decode(text) {
    const binary = atob(text), bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    if (!isFine) return bytes;
    const numbers = new Uint16Array(bytes.length / 2);
    for (let i = 0; i < numbers.length; i++) numbers[i] = bytes[2 * i] | (bytes[2 * i + 1] << 8);
    return numbers;
}

/* White space is visible in labels; heed drops it from their ends, so an empty label was white space alone. */
const visibleSpace = (space) => (space === "\n" ? "↵" : space === "\t" ? "⇥" : "␣");
const shownLabel = (label) =>
    label.trim() === "" ? [...label].map(visibleSpace).join("") || "␣" : label.replace(/\s/g, visibleSpace);
/* Behind the marks of subword tokens. */
const isPunctuation = (label) => /^[\p{P}\p{S}]+$/u.test(label.replace(/^(▁|Ġ|##)/, ""));

/* Labels, with the position of those that occur more than once: "the (3)". */
function namesOf(labels) {
    const times = new Map();
    for (const label of labels) times.set(label, (times.get(label) || 0) + 1);
    return labels.map((label, i) => (times.get(label) > 1 ? `${label} (${i + 1})` : label));
}

for (const map of data.maps) {
    map.numbers = decode(map.weights);
    map.weights = null;
    map.cells = map.queries.length * map.keys.length;
    map.queries = map.queries.map(shownLabel);
    map.queryNames = namesOf(map.queries);
    map.isSpecial = map.keys.map((_, k) => map.special.includes(k));
    map.isPunctuation = map.keys.map((label, k) => !map.isSpecial[k] && isPunctuation(label));
    map.keys = map.keys.map(shownLabel);
    map.keyNames = namesOf(map.keys);
    map.cache = new Map();
}

const count = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
const rounding = `Weights in this file are rounded by at most ${isFine ? "0.002" : "0.4"} percentage points.`;

/* As many digits as the rounding leaves. */
function percent(weight) {
    const share = 100 * weight;
    if (share === 0) return "0%";
    if (share < (isFine ? 0.005 : 0.05)) return isFine ? "<0.01%" : "<0.1%";
    if (share > (isFine ? 99.95 : 99.5)) return "100%";
    return `${share.toFixed(isFine ? (share < 0.995 ? 2 : 1) : share < 9.95 ? 1 : 0)}%`;
}
