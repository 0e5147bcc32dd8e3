/* ---- the stage ---- */

/* On a wide page the filters are always there. */
const isWide = matchMedia("(min-width: 861px)");
const openFilters = () => { element("more").open = isWide.matches; };

/* What a pointer is at: a label, or a part of the cells. */
function placeAt(figure, event) {
    const label = event.target.closest("[data-query], [data-key]");
    if (label) return { query: Number(label.dataset.query ?? -1), key: Number(label.dataset.key ?? -1) };
    if (!event.target.closest(".cells, .strokes")) return null;
    const edge = figure.cells.getBoundingClientRect();
    return figure.find(event.clientX - edge.left, event.clientY - edge.top);
}

function makeFigure(map, figure) {
    const selected = select(map), isMap = state.view === "map";
    const box = make("figure", {}, makeCaption(map, selected, isMap));
    if (!isMap) box.firstChild.append(make("span", {}, lineNote(figure.at.rows)));
    box.firstChild.style.maxWidth = `${Math.min(Math.max(figure.width, 250), element("stage").clientWidth - 30)}px`;
    box.append(figure.box);
    figure.box.addEventListener("pointermove", (event) => {
        if (event.pointerType !== "touch") hover(map, placeAt(figure, event));
    });
    figure.box.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") hover(map, null); });
    figure.box.addEventListener("click", (event) => {
        const place = placeAt(figure, event);
        if (place) pin(map, place);
    });
    return box;
}

function drawStage() {
    const stage = element("stage"), maps = shownMaps();
    const width = stage.clientWidth - 30;
    const height = Math.max(stage.clientHeight, isWide.matches ? 0 : innerHeight * 0.6) - 16;
    const wide = maps.length > 1 && width / maps.length > 330 ? (width - GAP * (maps.length - 1)) / maps.length : width;
    const cell = state.view === "map" ? chooseCells(maps, width, height) : null;
    const before = [stage.scrollLeft, stage.scrollTop];
    figures = state.view === "heads" ? [] : maps.map((map) =>
        (state.view === "lines" ? makeLines(map, wide, height) : makeMap(map, cell, width)));
    const boxes = figures.map((figure) => makeFigure(figure.map, figure));
    const holder = make("div", { id: "figures" }, ...boxes);
    /* Maps that are wider than the stage do not share a row. */
    stage.replaceChildren(holder);
    const widths = boxes.map((box) => box.offsetWidth), total = widths.reduce((sum, wide) => sum + wide + GAP, -GAP);
    holder.style.maxWidth = total > width + 2 ? `${Math.max(width, ...widths) + 28}px` : "none";
    [stage.scrollLeft, stage.scrollTop] = before;
    stage.setAttribute("aria-label", state.view === "lines" ? "Attention as lines. Arrow keys select query and key."
        : "Attention map. Arrow keys select query and key.");
    if (isMarked() && !maps.includes(marked.map)) marked = nothing;
    showMark();
}

/* ---- the tools ---- */

function press(group, items, chosen, choose) {
    const box = element(group);
    box.replaceChildren(...items.map(([value, text]) => {
        const button = make("button", { type: "button" }, text);
        button.setAttribute("aria-pressed", value === chosen);
        button.addEventListener("click", () => {
            choose(value);
            draw();
            [...box.children].find((b) => b.textContent === text).focus();
        });
        return button;
    }));
}

function fill(select, most, chosen) {
    const options = [["-1", most > 1 ? `mean of ${most}` : "1"]];
    for (let i = 0; most > 1 && i < most; i++) options.push([String(i), `${i + 1}`]);
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value, false, Number(value) === chosen)));
    select.disabled = most === 1;
}

/* A tile switches its head off and on; with Shift, all others. */
function drawHeadTiles() {
    const heads = headCount(), box = element("tiles");
    const isOn = (head) => (state.head >= 0 ? state.head === head : !state.off.has(head));
    box.hidden = heads === 1;
    box.replaceChildren(...range(heads).map((head) => {
        const tile = make("button", { type: "button" }, head + 1);
        tile.title = `Head ${head + 1}. With Shift: this head alone`;
        tile.setAttribute("aria-pressed", isOn(head));
        tile.setAttribute("aria-label", `Head ${head + 1}`);
        tile.style.setProperty("--color", headColor(head));
        tile.addEventListener("click", (event) => {
            switchHead(head, event.shiftKey);
            draw();
            element("tiles").children[head].focus();
        });
        return tile;
    }));
}

function switchHead(head, alone) {
    const heads = headCount();
    if (state.head >= 0) state.off = new Set(range(heads).filter((h) => h !== state.head));
    state.head = -1;
    if (alone) state.off = new Set(range(heads).filter((h) => h !== head));
    else if (!state.off.delete(head)) state.off.add(head);
    if (state.off.size >= heads) state.off.clear();
}

function drawTools() {
    const kinds = data.maps.map((map, i) => [i, kindNames[map.kind]]);
    if (data.maps.length > 1) kinds.push([-1, "Side by side"]);
    press("kinds", kinds, state.kind, (kind) => { state.kind = kind; });
    press("views", Object.entries(views), state.view, (view) => { state.view = view; });
    fill(element("layer"), layerCount(), Math.min(state.layer, layerCount() - 1));
    fill(element("head"), headCount(), Math.min(state.head, headCount() - 1));
    drawHeadTiles();
    element("theme").textContent = theme() === "dark" ? "Light" : "Dark";
    for (const name of ["special", "punctuation", "renormalize"]) element(name).checked = state[name];
    element("threshold").value = state.threshold;
    element("least").textContent = `${state.threshold}%`;
    element("colors").value = state.colors;
    element("fit").setAttribute("aria-pressed", state.zoom === 0);
}

function draw() {
    document.documentElement.dataset.theme = theme();
    document.body.dataset.view = state.view;
    drawTools();
    drawHeads();
    drawStage();
    writeAddress();
}

for (const name of ["layer", "head"])
    element(name).addEventListener("change", (event) => { state[name] = Number(event.target.value); draw(); });
for (const name of ["special", "punctuation", "renormalize"])
    element(name).addEventListener("change", (event) => { state[name] = event.target.checked; draw(); });
element("threshold").addEventListener("input", (event) => { state.threshold = Number(event.target.value); draw(); });
element("colors").addEventListener("change", (event) => { state.colors = event.target.value; draw(); });
element("theme").addEventListener("click", () => { state.theme = theme() === "dark" ? "light" : "dark"; draw(); });
const zoomBy = (factor) => { state.zoom = clamp(0.2, (state.zoom || 1) * factor, 8); draw(); };
element("smaller").addEventListener("click", () => zoomBy(0.8));
element("larger").addEventListener("click", () => zoomBy(1.25));
element("fit").addEventListener("click", () => { state.zoom = state.zoom ? 0 : 1; draw(); });
element("values").addEventListener("click", showTable);
element("help").addEventListener("click", () => element("help-dialog").showModal());
for (const name of ["source", "target"])
    element(name).addEventListener("click", () => {
        element(name).classList.toggle("whole");
        drawHeads();
        drawStage();
    });

/* ---- the keyboard ---- */

/* From the mean (−1) to the last, and round again. */
const turn = (value, step, most) => (most === 1 ? -1 : ((value + 1 + step + most + 1) % (most + 1)) - 1);
const turnLayer = (step) => { state.layer = turn(Math.min(state.layer, layerCount() - 1), step, layerCount()); };
const turnHead = (step) => { state.head = turn(Math.min(state.head, headCount() - 1), step, headCount()); };

/* From none (−1) to the last, and round again; keys in the order of the visible ones. */
function moveMark(queryStep, keyStep) {
    const map = marked.map || shownMaps()[0], { keys, columns } = select(map);
    const move = (value, step, most) => Math.min(step ? turn(value, step, Math.max(2, most)) : value, most - 1);
    const column = move(marked.key < 0 ? -1 : columns[marked.key], keyStep, keys.length);
    mark(map, move(marked.query, queryStep, map.queries.length), column < 0 ? -1 : keys[column], marked.pinned);
    scrollToMark();
}

function scrollToMark() {
    const figure = figures.find((one) => one.map === marked.map), stage = element("stage");
    const on = figure ? [...figure.box.querySelectorAll(".label.on")] : [];
    const view = stage.getBoundingClientRect();
    for (const label of on) {
        const edge = label.getBoundingClientRect(), isRow = label.dataset.query !== undefined;
        const head = figure.top || 24, side = figure.left || 0;
        if (isRow && edge.top < view.top + head) stage.scrollTop -= view.top + head - edge.top;
        if (isRow && edge.bottom > view.bottom) stage.scrollTop += edge.bottom - view.bottom + 8;
        if (!isRow && edge.left < view.left + side) stage.scrollLeft -= view.left + side - edge.left;
        if (!isRow && edge.left > view.right - 24) stage.scrollLeft += edge.left - view.right + 40;
    }
}

const cycle = (values, value, step) => values[(values.indexOf(value) + step + values.length) % values.length];
const kindOrder = () => [...data.maps.keys(), ...(data.maps.length > 1 ? [-1] : [])];
const shortcuts = [
    ["↑ ↓", "previous and next query"], ["← →", "previous and next key"], ["Enter", "pin or release the mark"],
    ["Esc", "remove the mark"],
    ["Shift ↑ ↓", "previous and next layer"], ["Shift ← →", "previous and next head"],
    ["l L", "next and previous layer"], ["h H", "next and previous head"], ["1 … 9", "switch a head off and on"],
    ["k", "next kind of attention"], ["v", "next view"], ["e", "hide special tokens"], ["p", "hide punctuation"],
    ["+ −", "larger and smaller cells"], ["f", "fit the map"], ["t", "light or dark"], ["w", "table of weights"],
    ["?", "this help"],
];
const actions = {
    l: () => turnLayer(1), L: () => turnLayer(-1), h: () => turnHead(1), H: () => turnHead(-1),
    k: () => { state.kind = cycle(kindOrder(), state.kind, 1); },
    v: () => { state.view = cycle(Object.keys(views), state.view, 1); },
    e: () => { state.special = !state.special; }, p: () => { state.punctuation = !state.punctuation; },
    "+": () => { state.zoom = clamp(0.2, (state.zoom || 1) * 1.25, 8); },
    "-": () => { state.zoom = clamp(0.2, (state.zoom || 1) * 0.8, 8); },
    f: () => { state.zoom = state.zoom ? 0 : 1; },
    t: () => { state.theme = theme() === "dark" ? "light" : "dark"; },
};

function pressArrow(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.shiftKey || document.activeElement === element("heads")) {
        if (steps[0]) turnLayer(steps[0]);
        else turnHead(steps[1]);
        draw();
    } else {
        moveMark(...steps);
    }
}

addEventListener("keydown", (event) => {
    const active = document.activeElement, name = active ? active.tagName : "";
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const isOnControl = ["BUTTON", "SUMMARY", "INPUT", "SELECT"].includes(name);
    if (event.key === "Escape" && isMarked()) mark(null, -1, -1, false);
    else if (event.key.startsWith("Arrow") && !["INPUT", "SELECT"].includes(name)) pressArrow(event);
    else if (event.key === "Enter" && !isOnControl && isMarked()) pin(marked.map, marked);
    else if (event.key === "?") element("help-dialog").showModal();
    else if (event.key === "w" && name !== "SELECT") showTable();
    else if (/^[1-9]$/.test(event.key) && name !== "SELECT" && Number(event.key) <= headCount() && headCount() > 1) {
        switchHead(Number(event.key) - 1, false);
        draw();
    } else if (event.key in actions && name !== "SELECT") {
        actions[event.key]();
        draw();
    } else return;
    event.preventDefault();
});

/* ---- the beginning ---- */

let resizing = 0;
addEventListener("resize", () => {
    cancelAnimationFrame(resizing);
    resizing = requestAnimationFrame(() => { drawHeads(); drawStage(); });
});
let scrolling = 0;
element("stage").addEventListener("scroll", () => {
    cancelAnimationFrame(scrolling);
    if (state.view === "lines" && isMarked()) scrolling = requestAnimationFrame(showMark);
});
prefersDark.addEventListener("change", draw);

function readPin(get) {
    const map = shownMaps()[0], number = (name, most) => (get(name) == null ? -1 : indexOf(get(name), most));
    if (state.kind >= 0) mark(map, number("query", map.queries.length), number("key", map.keys.length), true);
}

function start() {
    element("source").textContent = data.source;
    element("target").textContent = data.target;
    document.title = `Attention: ${data.source}`;
    element("help-rounding").textContent = rounding;
    element("shortcuts").append(...shortcuts.map(([keys, meaning]) =>
        make("tr", {}, make("th", { scope: "row" }, make("kbd", {}, keys)), make("td", {}, meaning))));
    isWide.addEventListener("change", openFilters);
    openFilters();
    if (!data.maps.length) {
        element("stage").replaceChildren(make("p", { className: "empty" }, "There is no attention to show."));
        return;
    }
    const first = data.first || {}, address = new URLSearchParams(location.hash.slice(1));
    readState((name) => first[name]);
    readState((name) => address.get(name));
    draw();
    readPin((name) => address.get(name));
}
start();
