/* Sliders for sampling over stored logits: the temperature, top-k, top-p and min-p, in the order in which heed applies them.
 * `samplingData` is [{prompt, tokens: [[text, logit], ...]}, ...] with all tokens of the vocabulary (scripts/site). */
"use strict";

const SLIDERS = [
    { name: "temperature", label: "Temperature", min: 0.1, max: 3, step: 0.05, value: 1 },
    { name: "top-k", label: "Top-k (0: all)", min: 0, max: 30, step: 1, value: 0 },
    { name: "top-p", label: "Top-p", min: 0.05, max: 1, step: 0.01, value: 1 },
    { name: "min-p", label: "Min-p", min: 0, max: 0.5, step: 0.01, value: 0 },
];

function softmax(logits) {
    const largest = Math.max(...logits);
    const powers = logits.map((x) => Math.exp(x - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((x) => x / sum);
}

/* The probability of each token after the settings; 0 for a token that is cut. `logits` descend. */
function distribution(logits, settings) {
    const scaled = logits.map((x) => x / settings["temperature"]);
    let kept = scaled.length;
    if (settings["top-k"]) { /* tokens with the logit of the kth are kept too */
        const least = scaled[Math.min(settings["top-k"], kept) - 1];
        kept = scaled.filter((x) => x >= least).length;
    }
    if (settings["top-p"] < 1) { /* the fewest tokens whose probabilities add up to p */
        const probabilities = softmax(scaled.slice(0, kept));
        let sum = 0, count = 0;
        while (count < kept && sum < settings["top-p"]) sum += probabilities[count++];
        kept = count;
    }
    if (settings["min-p"] > 0) {
        const probabilities = softmax(scaled.slice(0, kept));
        kept = probabilities.filter((p) => p >= settings["min-p"] * probabilities[0]).length;
    }
    const result = softmax(scaled.slice(0, kept));
    return logits.map((_, i) => (i < kept ? result[i] : 0));
}

function make(tag, parent, text, attributes = {}) {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    parent.append(element);
    return element;
}

function visible(token) {
    return token === " " ? "␣" : token === "\n" ? "↵" : token === "" ? "(empty)" : token;
}

function startSampling(root, data) {
    const settings = Object.fromEntries(SLIDERS.map((slider) => [slider.name, slider.value]));
    for (const [name, value] of new URLSearchParams(location.hash.slice(1)))
        if (name in settings && value !== "" && isFinite(value)) settings[name] = Number(value);

    const form = make("div", root, "", { class: "sampling-form" });
    const label = make("label", form, "Text so far ");
    const select = make("select", label, "", { "aria-label": "Text so far" });
    data.forEach((entry, i) => make("option", select, JSON.stringify(entry.prompt), { value: i }));
    for (const slider of SLIDERS) {
        const line = make("label", form, `${slider.label} `);
        const { min, max, step } = slider;
        const input = make("input", line, "", { type: "range", min, max, step, value: settings[slider.name] });
        const output = make("output", line, String(settings[slider.name]));
        input.addEventListener("input", () => {
            settings[slider.name] = Number(input.value);
            output.textContent = input.value;
            draw();
        });
    }
    const summary = make("p", root, "", { class: "sampling-summary", "aria-live": "polite" });
    const table = make("table", root, "", { class: "sampling-table" });
    const head = make("tr", make("thead", table));
    for (const title of ["Token", "Logit", "Softmax", "After the settings", ""])
        make("th", head, title, { scope: "col" });
    const body = make("tbody", table);
    const drawn = make("p", root, "", { class: "sampling-drawn" });
    const button = make("button", drawn, "Sample 40 tokens", { type: "button" });
    const samples = make("span", drawn, "", { "aria-live": "polite" });

    function draw() {
        const entry = data[Number(select.value)], logits = entry.tokens.map((token) => token[1]);
        const before = softmax(logits), after = distribution(logits, settings);
        const kept = after.filter((p) => p > 0).length;
        const entropy = after.reduce((sum, p) => (p > 0 ? sum - p * Math.log2(p) : sum), 0);
        summary.textContent = `${kept} of ${logits.length} tokens can be sampled. Entropy: ${entropy.toFixed(2)} bits.`;
        const rows = Math.min(logits.length, 30), largest = Math.max(before[0], after[0]);
        body.replaceChildren();
        for (let i = 0; i < rows; i++) {
            const row = make("tr", body, "", after[i] > 0 ? {} : { class: "cut" });
            make("th", row, visible(entry.tokens[i][0]), { scope: "row" });
            make("td", row, logits[i].toFixed(2));
            make("td", row, `${(100 * before[i]).toFixed(2)}%`);
            make("td", row, after[i] > 0 ? `${(100 * after[i]).toFixed(2)}%` : "cut");
            const bars = make("td", row, "", { class: "bars" });
            make("div", bars, "", { class: "before", style: `width:${(100 * before[i]) / largest}%` });
            make("div", bars, "", { class: "after", style: `width:${(100 * after[i]) / largest}%` });
        }
        samples.textContent = "";
        return { entry, after };
    }
    button.addEventListener("click", () => {
        const { entry, after } = draw(), tokens = [];
        for (let n = 0; n < 40; n++) {
            let rest = Math.random(), i = 0;
            while (i < after.length - 1 && (rest -= after[i]) >= 0) i++;
            while (after[i] === 0) i--; /* the sum of the probabilities may be a little below 1 */
            tokens.push(visible(entry.tokens[i][0]));
        }
        samples.textContent = tokens.join(" ");
    });
    select.addEventListener("change", draw);
    draw();
}

document.addEventListener("DOMContentLoaded", () => {
    const root = document.getElementById("sampling");
    if (root) startSampling(root, samplingData);
});
