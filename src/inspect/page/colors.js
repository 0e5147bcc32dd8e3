/* ---- colours and canvases ---- */

const ramps = {
    light: [[238, 243, 250], [200, 221, 241], [143, 189, 222], [75, 141, 194], [29, 94, 160], [8, 44, 100]],
    dark: [[34, 44, 60], [34, 70, 110], [36, 110, 150], [58, 160, 170], [142, 208, 150], [250, 236, 150]],
};
const headColors = {
    light: ["#2e6bb0", "#c25a12", "#2d8047", "#cc3c4a", "#8258a8", "#0f7f88", "#96700c", "#c4468a", "#7a583c",
        "#606ed6", "#5f7a12", "#5a6473"],
    dark: ["#6aa9ee", "#ff9a52", "#66c683", "#f47a86", "#b692dd", "#4ccad4", "#efc75a", "#f295c6", "#c39d7c",
        "#98a3ff", "#b6d35c", "#a5b1c4"],
};
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => state.theme || (prefersDark.matches ? "dark" : "light");
const headColor = (head) => headColors[theme()][head % 12];
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* 256 pixels, little-endian RGBA. */
function makeShades(ramp) {
    return Uint32Array.from({ length: 256 }, (_, i) => {
        const at = (i / 255) * (ramp.length - 1), first = Math.min(Math.floor(at), ramp.length - 2);
        const [r, g, b] = ramp[first].map((c, j) => Math.round(c + (at - first) * (ramp[first + 1][j] - c)));
        return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    });
}
const shades = { light: makeShades(ramps.light), dark: makeShades(ramps.dark) };
const shadeOf = (weight, largest) => Math.min(255, Math.round(largest > 0 ? (weight * 255) / largest : 0));

/* Ink that can be read on a shade. */
function inkOn(shade) {
    const pixel = shades[theme()][shade], [r, g, b] = [0, 8, 16].map((shift) => (pixel >> shift) & 255);
    const light = 0.3 * r + 0.59 * g + 0.11 * b;
    return light > 128 ? "#10161f" : "#f4f7fb";
}

/* The weight of the darkest colour. */
const darkest = (selected) => (state.colors === "whole" ? 1 : selected.largest);

/* Draws one pixel per weight; masked keys are transparent, and weights under the threshold have the colour of paper. */
function drawPixels(canvas, width, height, weights, masked, largest, smallest) {
    canvas.width = width;
    canvas.height = height;
    if (!width || !height) return;
    const image = new ImageData(width, height), pixels = new Uint32Array(image.data.buffer);
    const shade = shades[theme()], paper = theme() === "dark" ? 0xff281e18 : 0xffffffff;
    for (let i = 0; i < pixels.length; i++)
        pixels[i] = masked[i] ? 0 : weights[i] < smallest ? paper : shade[shadeOf(weights[i], largest)];
    canvas.getContext("2d").putImageData(image, 0, 0);
}

/* A canvas of so many CSS pixels, sharp on any screen. */
function prepare(canvas, width, height) {
    const ratio = Math.min(devicePixelRatio || 1, 8192 / Math.max(width, height, 1));
    canvas.width = Math.max(1, Math.ceil(width * ratio));
    canvas.height = Math.max(1, Math.ceil(height * ratio));
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const c = canvas.getContext("2d");
    c.scale(ratio, ratio);
    return c;
}
const font = (size, weight = 400) =>
    `${weight} ${size}px system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif`;
const ruler = document.createElement("canvas").getContext("2d");
function widest(labels, size) {
    ruler.font = font(size, 600);
    return Math.ceil(Math.max(0, ...labels.map((label) => ruler.measureText(label).width)));
}

/* ---- parts of the page ---- */

/* make("div", { className: "map" }, child, "text") */
function make(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
}

/* "0% [colours] 75%", and what else the colours of a map mean. */
function makeScale(selected, withRest) {
    const bar = make("canvas", { width: 256, height: 1 });
    drawPixels(bar, 256, 1, Float32Array.from({ length: 256 }, (_, i) => i / 255), new Uint8Array(256), 1, 0);
    const parts = [make("span", { className: "scale" }, "0%", bar, percent(darkest(selected)))];
    const swatch = (className, text) => make("span", {}, make("span", { className }), text);
    if (withRest && selected.hasMask) parts.push(swatch("swatch hatched", " masked"));
    if (withRest && state.threshold) parts.push(swatch("swatch", ` under ${state.threshold}%`));
    return parts;
}

/* The title of a figure, its scale, and what was hidden from it. */
function makeCaption(map, selected, withScale) {
    const caption = make("figcaption", {}, make("b", {}, kindTitles[map.kind]), make("span", {}, selectionName(map)));
    if (withScale) caption.append(...makeScale(selected, true));
    const hidden = map.keys.length - selected.keys.length;
    if (hidden) caption.append(make("span", {}, `${count(hidden, "key")} hidden, ${state.renormalize
        ? "rows rescaled to 100%" : "weights unchanged"}`));
    return caption;
}
