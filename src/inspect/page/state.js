/* ---- the state, and the weights that it selects ---- */

const state = {
    kind: Math.max(data.maps.findIndex((map) => map.kind === "cross"), 0), /* of data.maps; −1: all, side by side */
    view: "map", /* or "lines", "heads" */
    layer: -1, head: -1, /* from 0; −1: the mean of all layers, of the heads that are switched on */
    off: new Set(), /* heads that are switched off */
    special: false, punctuation: false, /* these keys are hidden, */
    renormalize: false, /* and the rest of a row sums to 1 */
    threshold: 0, /* smallest weight that is drawn, in per cent */
    colors: "map", /* weight of the darkest colour: the largest of the map, or "whole": 1 */
    zoom: 1, /* of the cells; 0: the whole map fits */
    theme: null, /* null: the browser's */
};
const views = { map: "Map", lines: "Lines", heads: "All heads" };

const shownMaps = () => (state.kind < 0 ? data.maps : [data.maps[state.kind]]);
const layerCount = () => Math.max(...shownMaps().map((map) => map.layers));
const headCount = () => Math.max(...shownMaps().map((map) => map.heads));
const range = (n) => [...Array(n).keys()];

/* Maps of one text may differ in layers and heads: a choice past their number is their last. */
const layersOf = (map) => (state.layer < 0 ? range(map.layers) : [Math.min(state.layer, map.layers - 1)]);
function headsOf(map) {
    if (state.head >= 0) return [Math.min(state.head, map.heads - 1)];
    const on = range(map.heads).filter((head) => !state.off.has(head));
    return on.length ? on : range(map.heads);
}

/* "layer 3 of 4, mean of heads 1, 2" */
function selectionName(map) {
    const name = (noun, chosen, all) =>
        all === 1 ? [] : chosen.length === 1 ? [`${noun} ${chosen[0] + 1} of ${all}`]
            : chosen.length === all ? [`mean of ${count(all, noun)}`]
                : [`mean of ${noun}s ${chosen.map((i) => i + 1).join(", ")}`];
    return [...name("layer", layersOf(map), map.layers), ...name("head", headsOf(map), map.heads)].join(", ");
}

/* "Cross-attention, layer 3 of 4, mean of 4 heads" */
const titleText = (map) => [kindTitles[map.kind], selectionName(map)].filter(Boolean).join(", ");

/* The keys that are not hidden; all when none would be left. */
function visibleKeys(map) {
    const keys = range(map.keys.length).filter(
        (k) => !(state.special && map.isSpecial[k]) && !(state.punctuation && map.isPunctuation[k]));
    return keys.length ? keys : range(map.keys.length);
}

/* The mean of layers and heads: weights [queries, keys], and where no layer's mask shows the key. */
function meanOf(map, layers, heads) {
    const weights = new Float32Array(map.cells), masked = new Uint8Array(map.cells).fill(1);
    for (const layer of layers)
        for (const head of heads) {
            const start = (layer * map.heads + head) * map.cells;
            for (let i = 0; i < map.cells; i++) {
                const number = map.numbers[start + i];
                if (!number) continue;
                weights[i] += weightOf[number];
                masked[i] = 0;
            }
        }
    const scale = 1 / (layers.length * heads.length);
    for (let i = 0; i < map.cells; i++) weights[i] *= scale;
    return { weights, masked };
}

/* What the state selects of a map: { keys: [columns] their numbers in the map, columns: [keys] the column of each or
 * −1, weights and masked [queries, columns], largest }. */
function select(map, heads = headsOf(map)) {
    const layers = layersOf(map);
    const name = [layers, heads, state.special, state.punctuation, state.renormalize].join("/");
    if (map.cache.has(name)) return map.cache.get(name);
    const mean = meanOf(map, layers, heads), keys = visibleKeys(map), n = keys.length, all = map.keys.length;
    const columns = new Int32Array(all).fill(-1);
    keys.forEach((key, column) => { columns[key] = column; });
    const weights = new Float32Array(map.queries.length * n), masked = new Uint8Array(weights.length);
    let largest = 0, at = { query: 0, key: keys[0] };
    for (let q = 0; q < map.queries.length; q++) {
        let sum = 0;
        for (let c = 0; c < n; c++) sum += mean.weights[q * all + keys[c]];
        const scale = state.renormalize && n < all && sum > 0 ? 1 / sum : 1;
        for (let c = 0; c < n; c++) {
            const weight = mean.weights[q * all + keys[c]] * scale;
            weights[q * n + c] = weight;
            masked[q * n + c] = mean.masked[q * all + keys[c]];
            if (weight > largest) (largest = weight), (at = { query: q, key: keys[c] });
        }
    }
    const selected = { keys, columns, weights, masked, largest, at, hasMask: masked.includes(1) };
    if (map.cache.size > 64) map.cache.clear();
    map.cache.set(name, selected);
    return selected;
}

/* ---- the address, which holds the state so that it can be sent: #kind=cross&view=lines&layer=3&head=2 ---- */

/* "mean" or a number from 1, at most `most`; from 0, −1 for the mean. */
function indexOf(text, most) {
    const number = parseInt(text, 10);
    return Number.isFinite(number) ? Math.max(0, Math.min(most, number)) - 1 : -1;
}

/* Sets what `get` names; the rest of the state stays. */
function readState(get) {
    const kind = data.maps.findIndex((map) => map.kind === get("kind"));
    if (kind >= 0) state.kind = kind;
    if (get("kind") === "all" && data.maps.length > 1) state.kind = -1;
    if (get("view") in views) state.view = get("view");
    if (get("layer") != null) state.layer = indexOf(get("layer"), layerCount());
    if (get("head") != null) state.head = indexOf(get("head"), headCount());
    if (get("off")) state.off = new Set(get("off").split(",").map((text) => indexOf(text, headCount())));
    const hidden = (get("hide") || "").split(",");
    if (get("hide") != null) for (const name of ["special", "punctuation"]) state[name] = hidden.includes(name);
    if (get("rows") != null) state.renormalize = get("rows") === "100";
    if (get("smallest") != null) state.threshold = Math.max(0, Math.min(50, Number(get("smallest")) || 0));
    if (get("colors") != null) state.colors = get("colors") === "whole" ? "whole" : "map";
    if (get("zoom") != null) state.zoom = Math.max(0, Math.min(8, Number(get("zoom")) || 0));
    if (["light", "dark"].includes(get("theme"))) state.theme = get("theme");
}

function writeAddress() {
    const name = (i) => (i < 0 ? "mean" : i + 1);
    const kind = state.kind < 0 ? "all" : data.maps[state.kind].kind;
    const said = { kind, view: state.view, layer: name(state.layer), head: name(state.head) };
    const hidden = ["special", "punctuation"].filter((key) => state[key]);
    if (state.off.size) said.off = [...state.off].map(name).sort().join(",");
    if (hidden.length) said.hide = hidden.join(",");
    if (state.renormalize) said.rows = "100";
    if (state.threshold) said.smallest = state.threshold;
    if (state.colors !== "map") said.colors = state.colors;
    if (state.zoom !== 1) said.zoom = state.zoom;
    if (state.theme) said.theme = state.theme;
    if (marked.pinned && marked.query >= 0) said.query = marked.query + 1;
    if (marked.pinned && marked.key >= 0) said.key = marked.key + 1;
    history.replaceState(null, "", `#${new URLSearchParams(said)}`);
}
