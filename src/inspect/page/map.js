/* ---- maps: a row per query, a column per key ---- */

const SLANT = (50 * Math.PI) / 180;
const SMALLEST = 14, WIDEST = 140, HIGHEST = 84; /* of the cells that are chosen for a stage */
const GAP = 26; /* between maps */
const clamp = (low, x, high) => Math.max(low, Math.min(high, x));
const labelLimit = (width) => clamp(70, width * 0.22, 170);

/* The area that labels take of a map whose cells are w × h. */
function layLabels(map, selected, w, h, limit) {
    const names = selected.keys.map((key) => map.keys[key]);
    const rowSize = clamp(9, Math.round(h * 0.72), 14), columnSize = clamp(9, Math.round(w * 0.72), 14);
    const longest = widest(names, columnSize) + 8, flat = longest <= w, vertical = !flat && w < 24;
    const length = Math.min(limit, longest);
    const left = Math.max(68, Math.min(limit, widest(map.queries, rowSize) + 8) + 8);
    const top = flat ? columnSize + 14 : vertical ? length + 8 : Math.ceil(length * Math.sin(SLANT)) + columnSize + 8;
    return { rowSize, columnSize, flat, vertical, length, left, top: Math.max(top, 32),
        right: flat || vertical ? 0 : Math.ceil(length * Math.cos(SLANT)) + 4 };
}

/* The cells [w, h] with which a map fits; the room of its labels depends on them. */
function fitMap(map, width, height) {
    const selected = select(map);
    let w = 30, h = 30;
    for (let i = 0; i < 3; i++) {
        const labels = layLabels(map, selected, Math.max(w, SMALLEST), Math.max(h, SMALLEST), labelLimit(width));
        w = (width - labels.left - labels.right - 4) / selected.keys.length;
        h = (height - labels.top - 4) / map.queries.length;
    }
    return { w, h };
}

/* The cells [w, h] with which all maps fit, in as many columns of maps as make them largest. */
function fitCells(maps, width, height) {
    let best = { w: 0, h: 0, columns: 1 };
    for (let columns = 1; columns <= maps.length; columns++) {
        const rows = Math.ceil(maps.length / columns);
        const part = (width - GAP * (columns - 1)) / columns, caption = maps.length > 1 ? 52 : 34;
        const high = (height - 14 * (rows - 1)) / rows - caption;
        let w = Infinity, h = Infinity;
        for (const map of maps) {
            const fitted = fitMap(map, part, high);
            w = Math.min(w, fitted.w);
            h = Math.min(h, fitted.h);
        }
        if (Math.min(w, h * 1.5) > Math.min(best.w, best.h * 1.5) || columns === 1) best = { w, h, columns };
    }
    return best;
}

function chooseCells(maps, width, height) {
    const { w, h } = fitCells(maps, width, height);
    if (state.zoom === 0) return { w: clamp(2, w, WIDEST), h: clamp(2, h, HIGHEST) };
    const high = clamp(SMALLEST, h, HIGHEST), wide = Math.min(clamp(SMALLEST, w, WIDEST), 2.4 * high);
    return { w: clamp(3, wide * state.zoom, 240), h: clamp(3, Math.min(high, 1.2 * wide) * state.zoom, 160) };
}

function placeLabel(label, styles) {
    for (const [name, value] of Object.entries(styles))
        label.style[name] = typeof value === "number" ? `${value}px` : value;
}

function makeColumnLabels(map, selected, cell, at) {
    const box = make("div", { className: "column-labels" });
    placeLabel(box, { width: selected.keys.length * cell.w + at.right, height: at.top, fontSize: at.columnSize });
    const labels = selected.keys.map((key, c) => {
        const name = map.keys[key], line = at.columnSize * 1.25, x = c * cell.w, middle = x + cell.w / 2;
        const label = make("div", { className: cell.w < 9 ? "label tiny" : "label", title: name }, name);
        label.dataset.key = key;
        label.dir = "auto";
        if (at.flat) placeLabel(label, { left: x, width: cell.w, bottom: 4, textAlign: "center" });
        else if (at.vertical)
            placeLabel(label, { left: middle, bottom: 4 - line / 2, maxWidth: at.length, transformOrigin: "left center",
                transform: "rotate(-90deg)" });
        else
            placeLabel(label, { left: Math.max(middle + line * 0.1, line * 0.8), bottom: 2, maxWidth: at.length,
                transformOrigin: "left bottom", transform: "rotate(-50deg)" });
        box.append(label);
        return label;
    });
    return { box, labels };
}

function makeRowLabels(map, cell, at) {
    const box = make("div", { className: "row-labels" });
    placeLabel(box, { width: at.left, height: map.queries.length * cell.h, fontSize: at.rowSize });
    const labels = map.queries.map((name, q) => {
        const label = make("div", { className: cell.h < 9 ? "label tiny" : "label", title: name }, name);
        label.dataset.query = q;
        label.dir = "auto";
        const top = (q + 0.5) * cell.h - at.rowSize * 0.625;
        placeLabel(label, { right: 6, top, maxWidth: at.left - 8, padding: "0 2px" });
        box.append(label);
        return label;
    });
    return { box, labels };
}

/* Percentages in cells that are large enough. */
function drawNumbers(canvas, map, selected, cell) {
    const n = selected.keys.length, c = prepare(canvas, n * cell.w, map.queries.length * cell.h);
    c.font = font(cell.w > 60 && cell.h > 34 ? 14 : 12);
    c.textAlign = "center";
    c.textBaseline = "middle";
    selected.weights.forEach((weight, i) => {
        if (selected.masked[i] || weight < 0.005 || 100 * weight < state.threshold) return;
        c.fillStyle = inkOn(shadeOf(weight, darkest(selected)));
        c.fillText(Math.round(100 * weight), ((i % n) + 0.5) * cell.w, (Math.floor(i / n) + 0.5) * cell.h + 1);
    });
}

function makeCells(map, selected, cell) {
    const wide = selected.keys.length * cell.w, high = map.queries.length * cell.h;
    const weights = make("canvas", { className: "weights" });
    const band = () => make("div", { className: "band", hidden: true });
    const parts = { rowBand: band(), columnBand: band(), box: make("div", { className: "cells" }, weights) };
    drawPixels(weights, selected.keys.length, map.queries.length, selected.weights, selected.masked, darkest(selected),
        state.threshold / 100);
    placeLabel(weights, { width: wide, height: high });
    placeLabel(parts.box, { width: wide, height: high });
    weights.setAttribute("role", "img");
    weights.setAttribute("aria-label", describe(map, selected));
    if (cell.w > 11 && cell.h > 11) {
        const gaps = make("div", { className: "gaps" });
        placeLabel(gaps, { backgroundSize: `${cell.w}px ${cell.h}px` });
        parts.box.append(gaps);
    }
    if (cell.w >= 30 && cell.h >= 17) {
        const numbers = make("canvas", { className: "numbers" });
        drawNumbers(numbers, map, selected, cell);
        parts.box.append(numbers);
    }
    placeLabel(parts.rowBand, { width: wide, height: cell.h });
    placeLabel(parts.columnBand, { width: cell.w, height: high });
    parts.box.append(parts.rowBand, parts.columnBand);
    return parts;
}

function describe(map, selected) {
    const { query, key } = selected.at, rows = map.queries.length;
    return `${titleText(map)}: ${rows} ${rows === 1 ? "query" : "queries"}, ${count(selected.keys.length, "key")}. ` +
        `Largest weight: ${map.queryNames[query]} → ${map.keyNames[key]}, ${percent(selected.largest)}.`;
}

/* { box, mark(query, key), find(x, y) in pixels of the cells, of the element that has them } */
function makeMap(map, cell, width) {
    const selected = select(map), at = layLabels(map, selected, cell.w, cell.h, labelLimit(width));
    const columns = makeColumnLabels(map, selected, cell, at), rows = makeRowLabels(map, cell, at);
    const cells = makeCells(map, selected, cell);
    const corner = make("div", { className: "corner" }, make("span", {}, "keys →"), make("span", {}, "queries ↓"));
    placeLabel(corner, { width: at.left, height: at.top });
    const top = make("div", { className: "top" }, corner, columns.box);
    const box = make("div", { className: "map" }, top, make("div", { className: "bottom" }, rows.box, cells.box));
    let on = [];
    return {
        map, box, selected, cell, cells: cells.box, left: at.left, top: at.top,
        width: at.left + selected.keys.length * cell.w + at.right,
        find(x, y) {
            const query = Math.floor(y / cell.h), key = selected.keys[Math.floor(x / cell.w)];
            return query >= 0 && query < map.queries.length && key !== undefined ? { query, key } : null;
        },
        mark(query, key) {
            const column = key < 0 ? -1 : selected.columns[key];
            for (const label of on) label.classList.remove("on");
            on = [rows.labels[query], columns.labels[column]].filter(Boolean);
            for (const label of on) label.classList.add("on");
            cells.rowBand.hidden = query < 0;
            cells.columnBand.hidden = column < 0;
            cells.rowBand.style.transform = `translateY(${query * cell.h}px)`;
            cells.columnBand.style.transform = `translateX(${column * cell.w}px)`;
        },
    };
}
