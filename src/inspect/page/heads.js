/* ---- the overview: a small map of every head ---- */

const TILE_GAP = 6, TILE_MARGIN = 24;

function layTiles(map, width, height) {
    const room = Math.floor((width - TILE_MARGIN) / map.heads) - TILE_GAP;
    const shape = map.queries.length / Math.max(1, map.keys.length);
    const most = Math.max(24, Math.floor((height - TILE_MARGIN) / map.layers) - TILE_GAP);
    const isStage = state.view === "heads", slope = clamp(0.4, shape, 1.6);
    const high = Math.round(Math.min(most, room * slope, 320));
    const wide = clamp(12, Math.round(Math.min(room, isStage ? 2 * high : high / slope)), 420);
    return { wide, high, x: (h) => TILE_MARGIN + h * (wide + TILE_GAP), y: (l) => TILE_MARGIN + l * (high + TILE_GAP),
        width: TILE_MARGIN + map.heads * (wide + TILE_GAP), height: TILE_MARGIN + map.layers * (high + TILE_GAP) };
}

/* The map of a head in at most width × height pixels, each with the largest weight that falls on it. */
function poolHead(map, index, width, height) {
    const wide = Math.min(map.keys.length, width), high = Math.min(map.queries.length, height);
    const weights = new Float32Array(wide * high), masked = new Uint8Array(wide * high).fill(1);
    const columns = Int32Array.from(map.keys, (_, k) => Math.floor((k * wide) / map.keys.length));
    for (let q = 0, i = index * map.cells; q < map.queries.length; q++) {
        const row = Math.floor((q * high) / map.queries.length) * wide;
        for (let k = 0; k < columns.length; k++, i++) {
            const number = map.numbers[i], at = row + columns[k];
            if (!number) continue;
            masked[at] = 0;
            if (weightOf[number] > weights[at]) weights[at] = weightOf[number];
        }
    }
    return { wide, high, weights, masked };
}
const isPooled = (map, at) => map.keys.length > at.wide || map.queries.length > at.high;

/* The maps of all heads of one kind, drawn once per theme and size. */
function drawTiles(map, at) {
    const name = `${theme()} ${at.wide} ${at.high} ${devicePixelRatio}`;
    if (map.tiles && map.tiles.name === name) return map.tiles.canvas;
    const canvas = make("canvas"), c = prepare(canvas, at.width, at.height), small = make("canvas");
    c.fillStyle = ink("--hatch");
    c.imageSmoothingEnabled = false;
    for (let i = 0; i < map.layers * map.heads && map.cells; i++) {
        const { wide, high, weights, masked } = poolHead(map, i, at.wide, at.high);
        drawPixels(small, wide, high, weights, masked, 1, 0);
        c.globalAlpha = 0.35;
        c.fillRect(at.x(i % map.heads), at.y(Math.floor(i / map.heads)), at.wide, at.high);
        c.globalAlpha = 1;
        c.drawImage(small, at.x(i % map.heads), at.y(Math.floor(i / map.heads)), at.wide, at.high);
    }
    map.tiles = { name, canvas };
    return canvas;
}

function drawOverview(map, at, canvas) {
    const c = prepare(canvas, at.width, at.height), layers = layersOf(map), heads = headsOf(map);
    const single = layers.length < map.layers || heads.length < map.heads;
    c.drawImage(drawTiles(map, at), 0, 0, at.width, at.height);
    c.font = font(11);
    c.textAlign = "center";
    c.fillStyle = ink("--soft");
    const every = Math.ceil(18 / (at.wide + TILE_GAP));
    for (let h = 0; h < map.heads; h += every) c.fillText(h + 1, at.x(h) + at.wide / 2, 14);
    for (let l = 0; l < map.layers; l++) c.fillText(l + 1, 9, at.y(l) + at.high / 2 + 4);
    c.strokeStyle = ink("--mark");
    c.lineWidth = 2;
    if (!single) return;
    for (const l of layers) for (const h of heads) c.strokeRect(at.x(h) - 2, at.y(l) - 2, at.wide + 4, at.high + 4);
}

/* The layer and head under a pointer; −1 in the margin, undefined outside. */
function tileAt(map, at, event) {
    const edge = event.currentTarget.getBoundingClientRect();
    const find = (x, size, most) => {
        const i = Math.floor((x - TILE_MARGIN) / (size + TILE_GAP));
        return i < most ? Math.max(i, -1) : undefined;
    };
    return { head: find(event.clientX - edge.left, at.wide, map.heads),
        layer: find(event.clientY - edge.top, at.high, map.layers) };
}

function makeOverview(map, at) {
    const canvas = make("canvas");
    drawOverview(map, at, canvas);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label",
        `${kindTitles[map.kind]}: ${count(map.layers, "layer")}, ${count(map.heads, "head")}`);
    canvas.addEventListener("pointermove", (event) => {
        const name = (noun, i) => (i < 0 ? `all ${noun}s` : `${noun} ${i + 1}`), { layer, head } = tileAt(map, at, event);
        const isOut = layer === undefined || head === undefined;
        canvas.title = isOut ? "" : `${name("layer", layer)}, ${name("head", head)}`;
    });
    canvas.addEventListener("click", (event) => {
        const { layer, head } = tileAt(map, at, event);
        if (layer === undefined || head === undefined) return;
        Object.assign(state, { layer, head, view: state.view === "heads" ? "map" : state.view });
        if (state.kind >= 0) state.kind = data.maps.indexOf(map);
        draw();
    });
    return canvas;
}

function drawHeads() {
    const box = element("overview"), style = getComputedStyle(box), maps = shownMaps();
    const width = box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const height = Math.max(260, box.clientHeight - 84) / maps.length - (maps.length > 1 ? 26 : 0);
    const layouts = maps.map((map) => layTiles(map, width, height));
    const parts = maps.flatMap((map, i) => {
        const canvas = makeOverview(map, layouts[i]);
        return maps.length > 1 ? [make("h3", {}, kindTitles[map.kind]), canvas] : [canvas];
    });
    element("heads").replaceChildren(...parts);
    const notes = [rounding];
    if (maps.some((map, i) => isPooled(map, layouts[i]))) notes.push("A pixel shows the largest weight that falls on it.");
    element("rounding").replaceChildren(...makeScale({ largest: 1 }, false), ` ${notes.join(" ")}`);
}
