/* ---- lines: queries on the left, keys on the right, a line per weight in the colour of its head ---- */

const SHADES = 16; /* of the lines of a head */

/* The smallest weight that has a line: fewer lines in long texts, more for a marked word. */
const smallestLine = (rows, isOfOneWord) =>
    Math.max(state.threshold / 100, isOfOneWord ? (rows > 60 ? 0.02 : 0.01) : rows > 60 ? 0.12 : 0.04);
function lineNote(rows) {
    const [all, one] = [false, true].map((isOfOneWord) => Math.round(100 * smallestLine(rows, isOfOneWord)));
    return all === one ? `lines from ${all}%` : `lines from ${all}%, for a marked word from ${one}%`;
}

function layLines(map, selected, width, height) {
    const rows = Math.max(map.queries.length, selected.keys.length);
    const row = clamp(18, Math.floor((height - 80) / rows), 58);
    const size = clamp(11, Math.round(row * 0.6), 16), limit = labelLimit(width);
    const names = selected.keys.map((key) => map.keys[key]);
    const room = (labels) => Math.min(limit, widest(labels, size) + 14) + 44;
    const left = room(map.queries), right = room(names);
    return { rows, row, size, left, right, span: clamp(90, width - left - right - 4, 1100), height: rows * row };
}

/* Lines of equal head and shade are one path, so that long texts are drawn in time. */
function drawStrokes(c, figure, wanted, smallest) {
    const { map, at, heads } = figure, x = at.span, middle = (i) => (i + 0.5) * at.row;
    c.lineCap = "round";
    heads.forEach((head, i) => {
        const { weights, keys, columns } = select(map, [head]), n = keys.length, paths = [];
        const shift = heads.length > 1 ? (i / (heads.length - 1) - 0.5) * Math.min(10, at.row / 2) : 0;
        const add = (q, column) => {
            const weight = weights[q * n + column];
            if (weight < smallest || weight === 0) return;
            const shade = Math.min(SHADES - 1, Math.floor(weight * SHADES));
            const y = middle(q) + shift, end = middle(column) + shift;
            const path = (paths[shade] = paths[shade] || new Path2D());
            path.moveTo(0, y);
            path.bezierCurveTo(x / 2, y, x / 2, end, x, end);
        };
        const addRow = (q) => { for (let column = 0; column < n; column++) add(q, column); };
        if (wanted.all) map.queries.forEach((_, q) => addRow(q));
        else if (wanted.query >= 0) addRow(wanted.query);
        else map.queries.forEach((_, q) => add(q, columns[wanted.key]));
        c.strokeStyle = headColor(head);
        paths.forEach((path, shade) => {
            const weight = (shade + 0.5) / SHADES;
            c.globalAlpha = Math.min(1, 0.12 + weight);
            c.lineWidth = 0.7 + 2.6 * weight;
            c.stroke(path);
        });
    });
    c.globalAlpha = 1;
}

function makeWords(names, numbers, className, at, width, attribute) {
    const box = make("div", { className: `words ${className}` });
    placeLabel(box, { width, fontSize: at.size });
    const labels = names.map((name, i) => {
        const label = make("div", { className: "label", title: name }), share = make("i", {});
        const text = make("span", {}, name);
        text.dir = "auto";
        label.append(...(className === "queries" ? [share, text] : [text, share]));
        label.dataset[attribute] = numbers[i];
        placeLabel(label, { height: at.row });
        box.append(label);
        return { label, share, isOn: false, part: 0, text: "" };
    });
    return { box, labels };
}

/* Weights beside the words of one column; what stays the same is not touched. */
function shareOut(words, weights, chosen) {
    words.labels.forEach((word, i) => {
        const weight = weights ? weights[i] : 0, part = Math.round(1000 * weight) / 10;
        const text = weight >= 0.005 ? `${Math.round(100 * weight)}%` : "";
        if ((i === chosen) !== word.isOn) word.label.classList.toggle("on", (word.isOn = i === chosen));
        if (part !== word.part) word.label.style.setProperty("--share", `${(word.part = part)}%`);
        if (text !== word.text) word.share.textContent = word.text = text;
    });
}

/* The canvas of a marked word is as high as the window and follows the stage. Returns the y at which it begins. */
function follow(canvas, strokes, height, most) {
    const y = element("stage").getBoundingClientRect().top - strokes.getBoundingClientRect().top;
    const from = Math.round(clamp(0, y, Math.max(0, most - height)));
    canvas.style.top = `${from}px`;
    return from;
}

function makeLines(map, width, height) {
    const selected = select(map), at = layLines(map, selected, width, height), heads = headsOf(map);
    const base = make("canvas"), over = make("canvas");
    const queries = makeWords(map.queries, range(map.queries.length), "queries", at, at.left, "query");
    const keys = makeWords(selected.keys.map((key) => map.keys[key]), selected.keys, "keys", at, at.right, "key");
    const strokes = make("div", { className: "strokes" }, base, over);
    const top = make("div", { className: "top" }, make("span", {}, "queries"), make("span", {}, "keys"));
    const bottom = make("div", { className: "bottom" }, queries.box, strokes, keys.box);
    const figure = { map, at, heads, selected, width: at.left + at.span + at.right, cells: strokes,
        box: make("div", { className: "pair" }, top, bottom) };
    placeLabel(strokes, { width: at.span, height: at.height });
    placeLabel(top.firstChild, { width: at.left });
    placeLabel(top.lastChild, { width: at.right });
    drawStrokes(prepare(base, at.span, at.height), figure, { all: true }, smallestLine(at.rows, false));
    base.setAttribute("role", "img");
    base.setAttribute("aria-label", describe(map, selected));
    const high = Math.min(at.height, innerHeight), c = prepare(over, at.span, high);
    figure.find = (x, y) => {
        const i = Math.floor(y / at.row);
        if (x < at.span / 2) return i >= 0 && i < map.queries.length ? { query: i, key: -1 } : null;
        return i >= 0 && i < selected.keys.length ? { query: -1, key: selected.keys[i] } : null;
    };
    figure.mark = (query, key) => {
        const found = readWeights(map, query, key), isOne = query >= 0 || found.column >= 0;
        const from = follow(over, strokes, high, at.height);
        c.clearRect(0, 0, at.span, high);
        c.save();
        c.translate(0, -from);
        strokes.classList.toggle("dim", isOne);
        shareOut(queries, found.queries, query);
        shareOut(keys, found.keys, found.column);
        if (isOne) drawStrokes(c, figure, { query, key: query < 0 ? key : -1 }, smallestLine(at.rows, true));
        c.restore();
    };
    return figure;
}
