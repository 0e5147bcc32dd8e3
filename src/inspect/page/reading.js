/* ---- the marked word or cell, and the weights that are read from it ---- */

const nothing = { map: null, query: -1, key: -1, pinned: false };
let marked = nothing; /* query and key count from 0; −1: not marked */
let figures = []; /* that are on the stage */

const isMarked = () => marked.query >= 0 || marked.key >= 0;

function mark(map, query, key, pinned) {
    if (marked.map === map && marked.query === query && marked.key === key && marked.pinned === pinned) return;
    marked = query < 0 && key < 0 ? nothing : { map, query, key, pinned };
    showMark();
    if (pinned || !isMarked()) writeAddress();
}

function showMark() {
    for (const figure of figures)
        if (figure.map === marked.map) figure.mark(marked.query, marked.key);
        else figure.mark(-1, -1);
    read();
}

/* A pointer marks where it is, unless a mark is pinned. */
function hover(map, place) {
    if (!marked.pinned) mark(map, place ? place.query : -1, place ? place.key : -1, false);
}

/* A click or a tap pins; on what is pinned it releases. */
function pin(map, place) {
    const same = marked.pinned && marked.map === map && marked.query === place.query && marked.key === place.key;
    mark(map, place.query, place.key, !same);
}

/* [weight, index] of the largest weights that are not masked, and always of the one that is marked too. */
function best(weights, isMasked, also) {
    const order = weights.map((weight, i) => [weight, i]).filter(([, i]) => i === also || !isMasked(i))
        .sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    const first = order.slice(0, 8);
    if (also >= 0 && !first.some(([, i]) => i === also)) first.push(order.find(([, i]) => i === also));
    return first;
}

function fillList(list, title, items, names, chosen) {
    list.replaceChildren();
    if (!title) return;
    list.append(make("li", {}, title));
    for (const [weight, i] of items)
        list.append(make("li", { className: i === chosen ? "on" : "" },
            make("b", {}, names[i]), make("i", {}, percent(weight))));
}

/* { keys: weights of a query for the visible keys, queries: weights of all queries for a key } */
function readWeights(map, query, key) {
    const selected = select(map), n = selected.keys.length, column = key < 0 ? -1 : selected.columns[key];
    return {
        selected, column,
        keys: query < 0 ? null : [...selected.weights.subarray(query * n, (query + 1) * n)],
        queries: column < 0 ? null : map.queries.map((_, q) => selected.weights[q * n + column]),
        isMasked: query >= 0 && column >= 0 && selected.masked[query * n + column] === 1,
    };
}

function titleOf(map, { query, key }, found) {
    const name = query < 0 ? `Key ${map.keyNames[key]}` : key < 0 ? `Query ${map.queryNames[query]}`
        : `${map.queryNames[query]} → ${map.keyNames[key]}`;
    if (query < 0 || key < 0) return name;
    if (found.column < 0) return `${name}: this key is not shown`;
    return `${name}: ${found.isMasked ? "masked" : percent(found.keys[found.column])}`;
}

/* Lists that a finger has moved. */
const scrolled = new Set();
for (const list of ["forward", "backward"]) element(list).addEventListener("scroll", () => scrolled.add(list));

function read() {
    const { map, query, key, pinned } = marked, what = element("what");
    what.classList.toggle("idle", !isMarked());
    if (!isMarked()) {
        what.textContent = "Point at a word or a cell to read its weights. Click or tap to pin it.";
        fillList(element("forward"));
        fillList(element("backward"));
        announce("");
        return;
    }
    const found = readWeights(map, query, key), title = titleOf(map, marked, found), { keys, masked } = found.selected;
    const names = keys.map((k) => map.keyNames[k]), n = keys.length;
    what.replaceChildren(make("b", {}, title), make("span", {}, titleText(map)));
    if (pinned) {
        const unpin = make("button", { id: "unpin", type: "button" }, "Unpin");
        unpin.addEventListener("click", () => mark(null, -1, -1, false));
        what.prepend(unpin);
    }
    fillList(element("forward"), found.keys && `${map.queryNames[query]} attends to`,
        found.keys && best(found.keys, (c) => masked[query * n + c], found.column), names, found.column);
    fillList(element("backward"), found.queries && `${map.keyNames[key]} is attended to by`,
        found.queries && best(found.queries, (q) => masked[q * n + found.column], query), map.queryNames, query);
    for (const list of ["forward", "backward"]) if (scrolled.has(list)) element(list).scrollLeft = 0;
    scrolled.clear();
    announce([title, element("forward"), element("backward")].map(spoken).filter(Boolean).join(". "));
}

/* For screen readers, when the mark has been where it is for a moment. */
const spoken = (item) => (typeof item === "string" ? item : [...item.children].map((li) =>
    [...li.childNodes].map((node) => node.textContent).join(" ")).join(", "));
let announcing = 0;
function announce(text) {
    clearTimeout(announcing);
    announcing = setTimeout(() => { element("live").textContent = text; }, text ? 250 : 0);
}

/* ---- the table: the same weights as text ---- */

function makeTable(map) {
    const selected = select(map), n = selected.keys.length, body = make("tbody", {});
    const head = make("tr", {}, make("th", { scope: "col" }, "query \\ key"));
    const table = make("table", {}, make("caption", {}, `${titleText(map)}, per cent`), make("thead", {}, head));
    for (const key of selected.keys) head.append(make("th", { scope: "col" }, map.keyNames[key]));
    map.queryNames.forEach((label, q) => {
        const row = make("tr", {}, make("th", { scope: "row" }, label));
        for (let c = 0; c < n; c++)
            row.append(make("td", {}, selected.masked[q * n + c] ? "masked"
                : percent(selected.weights[q * n + c]).slice(0, -1)));
        body.append(row);
    });
    table.append(body);
    return table;
}

function showTable() {
    element("tables").replaceChildren(...shownMaps().map(makeTable), make("p", {}, rounding));
    element("values-dialog").showModal();
}
