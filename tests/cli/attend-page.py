"""The page of heed attend in a browser: points, clicks, taps and presses keys, and prints what is not as it should be.

attend-page.py FOLDER [SCREENSHOTS]: FOLDER has the pages that the script attend-page made.
"""

import base64
import json
import random
import re
import sys

from browser import Browser, find

FOLDER, SCREENSHOTS = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
SIZES = ((390, 844), (1280, 800), (1920, 1080))
wrong = []


def check(what, so, found=""):
    if not so:
        wrong.append(f"{what}{': ' if found != '' else ''}{found}"[:400])


class Page:
    def __init__(self, browser):
        self.browser, self.run = browser, browser.run
        self.where = ""

    def open(self, name, state=""):
        self.name = name
        self.browser.open(f"file://{FOLDER}/{name}.html{'#' if state else ''}{state}")
        self.frame()

    def check(self, what, so, found=""):
        check(f"{self.name}, {self.where}: {what}", so, found)

    def frame(self):
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def text(self, selector):
        return self.run(f"document.querySelector({json.dumps(selector)}).textContent")

    def items(self, selector):
        return self.run(f"[...document.querySelectorAll({json.dumps(selector + ' li')})].map((li) => li.textContent)")

    def choose(self, name, value):
        """A value of a select, or a checkbox or slider."""
        self.run(f"""(() => {{ const e = document.getElementById("{name}");
            if (e.type === "checkbox") e.click();
            else {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event(e.type === "range" ? "input" : "change")); }} }})()""")

    def button(self, text):
        self.run(f"[...document.querySelectorAll('button')].find((b) => b.textContent === {json.dumps(text)}).click()")

    def cell(self, query, key):
        """The middle of a cell, scrolled to."""
        return self.run(f"""(() => {{ const f = figures[0]; mark(f.map, {query}, {key}, false); scrollToMark();
            mark(null, -1, -1, false); const r = f.cells.getBoundingClientRect();
            return [r.x + (f.selected.columns[{key}] + 0.5) * f.cell.w, r.y + ({query} + 0.5) * f.cell.h]; }})()""")

    def save(self, name):
        if SCREENSHOTS:
            self.browser.save_picture(f"{SCREENSHOTS}/{self.name}-{name}-{self.where.replace(' ', '-')}.png")


OVERLAPS = """(() => {
    const seen = (e) => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0 && e.checkVisibility(); };
    const name = (e) => e.id || e.textContent.trim().slice(0, 20);
    const bad = [], test = (all) => { for (let i = 0; i < all.length; i++) for (let j = i + 1; j < all.length; j++) {
        const a = all[i].getBoundingClientRect(), b = all[j].getBoundingClientRect();
        if (all[i].contains(all[j]) || all[j].contains(all[i])) continue;
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
            bad.push(`${name(all[i])} | ${name(all[j])}`); } };
    const all = (s) => [...document.querySelectorAll(s)].filter(seen);
    test([...all("header h1, header p, header button, .tools button, .tools select, .tools label, #more summary"),
        ...all("#stage, #overview")]);
    test(all(".row-labels .label:not(.tiny)"));
    for (const words of all(".words")) test([...words.children]);
    for (const top of all(".column-labels")) { /* slanted labels: their lower ends are apart */
        const x = [...top.children].map((label) => parseFloat(label.style.left));
        if (x.some((at, i) => i && at - x[i - 1] < 9) && !top.querySelector(".tiny")) bad.push("column labels"); }
    test([...all("#stage figure")]);
    return bad.slice(0, 5); })()"""


def check_layout(page, what):
    found = page.run("[document.documentElement.scrollWidth, innerWidth]")
    page.check(f"{what}: no horizontal scroll", found[0] <= found[1], found)
    overlaps = page.run(OVERLAPS)
    page.check(f"{what}: nothing overlaps", not overlaps, overlaps)
    check_reading(page, what)


def check_reading(page, what):
    edge = page.run("(() => { const r = element('reading').getBoundingClientRect(); return [r.top, r.bottom, innerHeight]; })()")
    page.check(f"{what}: the read-out is visible", 0 <= edge[0] and edge[1] <= edge[2] + 1, edge)
    cut = page.run("[...document.querySelectorAll('#reading > *')].some((e) => e.getBoundingClientRect().bottom > innerHeight + 1)")
    page.check(f"{what}: each of its lines too", not cut)


def check_pointer(page, touch):
    """Hover or tap at a query, a key and a cell; pin and release."""
    at = page.browser.tap if touch else page.browser.point
    labels = page.run("[shownMaps()[0].queryNames, shownMaps()[0].keyNames]")
    page.browser.run("element('stage').scrollTo(0, 0)")
    at(*page.browser.middle('.label[data-query="1"]'))
    page.check("a query is read", page.text("#what b") == f"Query {labels[0][1]}", page.text("#what"))
    page.check("what it attends to", page.items("#forward")[0] == f"{labels[0][1]} attends to", page.items("#forward"))
    at(*page.browser.middle('.label[data-key="2"]'))
    page.check("a key is read", page.text("#what b") == f"Key {labels[1][2]}", page.text("#what"))
    page.check("what attends to it", page.items("#backward")[0] == f"{labels[1][2]} is attended to by", page.items("#backward"))
    check_reading(page, "a marked key")
    if page.run("state.view") == "lines":
        page.check("its lines cover the stage", page.run("""(() => { const c = document.querySelectorAll(".strokes canvas")[1];
            return c.offsetHeight >= Math.min(element("stage").clientHeight, c.parentNode.offsetHeight); })()"""))
    if page.run("state.view") == "map":
        at(*page.cell(2, 1))
        name = f"{labels[0][2]} → {labels[1][1]}: "
        page.check("a cell is read", page.text("#what b").startswith(name) and page.text("#what b").endswith("%"), page.text("#what"))
        marks = page.run("[...document.querySelectorAll('.label.on')].map((e) => e.textContent).sort()")
        page.check("its labels are marked, once", marks == page.run("[shownMaps()[0].queries[2], shownMaps()[0].keys[1]].sort()"), marks)
        check_reading(page, "a marked cell")
    page.save("marked")
    if touch:
        page.check("a tap pins", page.run("marked.pinned"))
        page.browser.tap(*page.browser.middle("#unpin"))
        page.check("the button releases", page.run("!marked.pinned && !isMarked()"))
        return
    page.browser.point(5, 5)
    page.check("away, nothing is marked", page.run("!isMarked()") and page.text("#what").startswith("Point at"), page.text("#what"))
    page.browser.click(*page.browser.middle('.label[data-query="1"]'))
    page.browser.point(*page.browser.middle("#what"))
    page.check("a click pins", page.run("marked.pinned && marked.query === 1") and page.text("#what b").startswith("Query"))
    page.browser.point(*page.browser.middle('.label[data-key="0"]'))
    page.check("what is pinned stays", page.run("marked.pinned && marked.query === 1 && marked.key === -1"))
    page.check("the address has the pin", page.run("location.hash").endswith("query=2"), page.run("location.hash"))
    page.browser.press("Escape")
    page.check("Escape releases", page.run("!isMarked()"))


def check_keyboard(page):
    page.run("document.activeElement.blur()")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.browser.press(key)
    page.check("arrows move the mark", page.run("marked.query === 1 && marked.key === 0 && !marked.pinned"), page.run("JSON.stringify(marked.query)"))
    page.browser.press("Enter")
    page.check("Enter pins", page.run("marked.pinned && document.getElementById('unpin') !== null"))
    page.browser.press("ArrowDown")
    page.check("arrows move the pin", page.run("marked.pinned && marked.query === 2"))
    page.browser.press("ArrowRight", shift=True)
    page.check("Shift and an arrow select the first head", page.run("state.head === 0 && element('head').value === '0'"))
    page.check("the pin stays", page.run("marked.pinned && marked.query === 2"))
    page.browser.press("ArrowLeft", shift=True)
    page.browser.press("ArrowLeft", shift=True)
    page.check("round to the last head", page.run("state.head === headCount() - 1"))
    page.browser.press("ArrowDown", shift=True)
    page.check("the first layer", page.run("state.layer === 0 && location.hash.includes('layer=1')"))
    page.browser.press("Escape")
    page.browser.press("?")
    page.check("? opens the help", page.run("element('help-dialog').open && element('shortcuts').rows.length > 10"))
    page.browser.press("Escape")
    page.check("Escape closes it", page.run("!element('help-dialog').open"))
    page.run("document.activeElement.blur()")
    order = []
    for _ in range(30):
        page.browser.press("Tab")
        order.append(page.run("document.activeElement.id || document.activeElement.textContent"))
    page.check("Tab reaches every part in order", [i for i in ("values", "theme", "layer", "head", "stage", "heads") if i in order]
               == ["values", "theme", "layer", "head", "stage", "heads"], order)


def check_sticky(page):
    """Labels of a long text stay where the stage is scrolled to."""
    page.run("element('stage').scrollTo(300, 260)")
    page.frame()
    found = page.run("""(() => { const s = element("stage").getBoundingClientRect(), t = document.querySelector(".map .top").getBoundingClientRect(),
        r = document.querySelector(".row-labels").getBoundingClientRect(), e = element("stage");
        return [e.scrollLeft, e.scrollTop, t.top - s.top, r.left - s.left]; })()""")
    page.check("the stage scrolls", found[1] > 100, found)
    page.check("column labels stay", 0 <= found[2] <= 4, found)
    page.check("row labels stay", 0 <= found[3] <= 16, found)
    page.save("scrolled")


def check_sizes(page):
    for width, height in SIZES:
        for dark in (False, True):
            touch = width < 500
            page.where = f"{width} {'dark' if dark else 'light'}"
            page.browser.show(width, height, dark, touch)
            for name in ("short", "long"):
                for state in ("", "view=lines&layer=3", "kind=all", "view=heads", "kind=all&view=lines"):
                    page.open(name, state)
                    page.check("the browser's colours", page.run("document.documentElement.dataset.theme") == ("dark" if dark else "light"))
                    check_layout(page, state or "map")
                    page.save(re.sub(r"\W+", "-", state) or "map")
                    if name == "short" and state in ("", "view=lines&layer=3"):
                        check_pointer(page, touch)
                page.open(name, "kind=encoder&zoom=2")
            check_sticky(page)
            if not touch and not dark:
                page.open("short")
                check_keyboard(page)


def parse_percent(text):
    return {"<0.01%": 0.005, "masked": 0}.get(text, None) if text in ("<0.01%", "masked") else float(text.rstrip("%"))


def check_table(page):
    """Every number of the table is the weight that heed computed."""
    with open(f"{FOLDER}/short.json", encoding="utf-8") as file:
        attentions = json.load(file)["attentions"]
    for attention in attentions:
        page.open("short", f"kind={attention['kind']}&layer=2&head=3")
        page.button("Table")
        rows = page.run("[...document.querySelectorAll('#tables tbody tr')].map((r) => [...r.querySelectorAll('td')].map((c) => c.textContent))")
        weights = attention["weights"][1][2]
        page.check("rows and columns", (len(rows), len(rows[0])) == (len(weights), len(weights[0])))
        for q, row in enumerate(rows):
            for k, text in enumerate(row):
                masked = attention["kind"] == "decoder" and k > q
                number = parse_percent(text + ("%" if text == "<0.01" else ""))
                page.check(f"{attention['kind']} weight {q} {k}", (text == "masked") == masked
                           and abs(number - 100 * weights[q][k]) <= 0.056, f"{text}, expected {100 * weights[q][k]}")
        page.check("headers for screen readers", page.run("[...document.querySelectorAll('#tables th')].every((th) => th.scope)"))


def check_filters(page):
    page.open("short")
    keys = page.run("shownMaps()[0].keys")
    page.choose("special", None)
    page.choose("punctuation", None)
    shown = page.run("select(shownMaps()[0]).keys.map((k) => shownMaps()[0].keys[k])")
    page.check("special tokens and punctuation are hidden", shown == [k for k in keys if k not in (".", "</s>")], shown)
    page.check("which is said", "2 keys hidden, weights unchanged" in page.text("figcaption"), page.text("figcaption"))
    sums = "(() => { const s = select(shownMaps()[0]), n = s.keys.length; return s.weights.subarray(0, n).reduce((a, b) => a + b); })()"
    page.check("a row sums to less", page.run(sums) < 0.99, page.run(sums))
    page.choose("renormalize", None)
    page.check("rows rescaled to 100%", abs(page.run(sums) - 1) < 1e-4 and "rows rescaled to 100%" in page.text("figcaption"), page.run(sums))
    page.check("the address has it", "hide=special%2Cpunctuation&rows=100" in page.run("location.hash"), page.run("location.hash"))
    page.open("short", page.run("location.hash.slice(1)"))
    page.check("and sets it", page.run("state.special && state.punctuation && state.renormalize"))
    page.open("short", "layer=3&head=1")
    pixel = """(() => { const c = document.querySelector(".weights"), s = select(shownMaps()[0]), at = s.weights.findIndex((w) => w > 0.001 && w < 0.05);
        return [...c.getContext("2d").getImageData(at % c.width, Math.floor(at / c.width), 1, 1).data]; })()"""
    before = page.run(pixel)
    page.choose("threshold", "5")
    page.check("weights under the threshold are not drawn", page.run(pixel) == [255, 255, 255, 255] != before, page.run(pixel))
    page.check("which is said", "under 5%" in page.text("figcaption"), page.text("figcaption"))
    page.check("the scale says its largest weight", re.search(r"0%[\d.]+%", page.text("figcaption")), page.text("figcaption"))
    page.choose("colors", "whole")
    page.check("or 100%", "0%100%" in page.text("figcaption"), page.text("figcaption"))
    page.open("decoder")
    alpha = """(() => { const c = document.querySelector(".weights").getContext("2d"); return [c.getImageData(1, 0, 1, 1).data[3],
        c.getImageData(0, 1, 1, 1).data[3]]; })()"""
    page.check("masked keys are not zeros", page.run(alpha) == [0, 255] and "masked" in page.text("figcaption"), page.run(alpha))
    page.open("characters")
    page.check("spaces are visible", "␣" in page.run("shownMaps()[0].keys") and "" not in page.run("shownMaps()[0].keys"))


def check_heads(page):
    page.open("short", "view=lines&layer=3")
    paints = "(() => { const c = document.querySelector('.strokes canvas'); return c.toDataURL().length; })()"
    before = page.run(paints)
    page.browser.click(*page.browser.middle("#tiles button:nth-child(2)"))
    page.check("a tile switches its head off", page.run("headsOf(shownMaps()[0]).join()") == "0,2,3" and page.run(paints) != before)
    page.check("and says so", page.run("document.querySelector('#tiles button:nth-child(2)').getAttribute('aria-pressed')") == "false")
    page.browser.click(*page.browser.middle("#tiles button:nth-child(3)"), modifiers=8)
    page.check("with Shift, all others", page.run("headsOf(shownMaps()[0]).join()") == "2")
    page.browser.click(*page.browser.middle("#tiles button:nth-child(3)"))
    page.check("the last one switches all on", page.run("headsOf(shownMaps()[0]).join()") == "0,1,2,3")
    page.browser.press("1")
    page.check("a digit too", page.run("headsOf(shownMaps()[0]).join()") == "1,2,3")
    page.open("short")
    x, y = page.run("(() => { const r = document.querySelector('#heads canvas').getBoundingClientRect(); return [r.x + 30, r.y + 30]; })()")
    page.browser.click(x, y)
    page.check("a small map", page.run("state.layer === 0 && state.head === 0"))
    page.browser.press("k")
    page.check("the next kind", page.run("state.kind") == -1 and page.run("document.querySelectorAll('figure').length") == 3)
    names = page.run("[...document.querySelectorAll('figcaption b')].map((b) => b.textContent)")
    page.check("side by side, each is named", names == ["Encoder self-attention", "Decoder self-attention", "Cross-attention"], names)
    page.check("one kind is pressed", page.run("[...element('kinds').children].filter((b) => b.getAttribute('aria-pressed') === 'true').map((b) => b.textContent).join()") == "Side by side")


def check_first(page):
    page.open("lines")
    found = page.run("[state.view, data.maps[state.kind].kind, state.layer, state.head]")
    page.check("--lines --kind --layer --head", found == ["lines", "encoder", 1, 2], found)
    page.open("heads")
    found = page.run("[state.view, data.maps[state.kind].kind]")
    page.check("--grid --kind", found == ["heads", "decoder"], found)
    page.open("lines", "view=map&head=mean")
    found = page.run("[state.view, state.layer, state.head]")
    page.check("the address goes before", found == ["map", 1, -1], found)
    page.open("hostile")
    page.check("the text is text", page.text("#source") == "A dog </script><script>wrong()</script> & a <b>cat</b> <!-- run.", page.text("#source"))
    page.check("and its words", page.run("data.maps[0].keys.join('').includes('script')") and not page.run("document.querySelector('#figures b b')"))


def make_large_page():
    """A page whose data element was filled by another program: 200 tokens, 12 layers of 12 heads."""
    with open(f"{FOLDER}/short.html", encoding="utf-8") as file:
        page = file.read()
    numbers = random.Random(1)
    large = bytes(1 + b % 20 if b < 250 else 100 for b in range(256)) # a few of each row are large
    tokens = [f"token{i}" for i in range(200)]
    maps = [{"kind": kind, "layers": 12, "heads": 12, "queries": tokens, "keys": tokens, "special": [0],
             "weights": base64.b64encode(numbers.randbytes(12 * 12 * 200 * 200).translate(large)).decode()} for kind in ("encoder", "decoder", "cross")]
    filled = json.dumps({"source": " ".join(tokens), "target": "", "levels": 255, "maps": maps})
    begin = page.index('type="application/json">') + len('type="application/json">')
    with open(f"{FOLDER}/large.html", "w", encoding="utf-8") as file:
        file.write(page[:begin] + filled + page[page.index("</script>", begin):])


HOVERS = """(async () => { const box = document.querySelector(".cells, .strokes"), times = [], frame = () => new Promise((r) => requestAnimationFrame(r));
    const s = element("stage").getBoundingClientRect();
    for (let i = 0; i < 40; i++) { await frame(); const clientX = s.x + 260 + (i * 37) % 400, clientY = s.y + 180 + (i * 53) % 300, begun = performance.now();
        document.elementFromPoint(clientX, clientY).dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
        document.body.getBoundingClientRect(); times.push(performance.now() - begun); }
    if (!isMarked()) throw new Error("nothing was marked");
    return times.sort((a, b) => a - b); })()"""


def check_large(page):
    make_large_page()
    page.browser.show(1280, 800)
    for view in ("map", "lines", "heads"):
        page.open("large", f"view={view}&kind=encoder")
        page.check("cells", page.run("select(shownMaps()[0]).weights.length") == 40000)
        check_layout(page, view)
        page.save(view)
        if view == "heads":
            continue
        times = page.run(HOVERS)
        # the shortest of them, as other programs may be running
        page.check(f"{view}: a hover is drawn within a frame", times[0] < 16, times)
        if SCREENSHOTS:
            print(f"{view}: milliseconds per hover: shortest {times[0]:.1f}, median {times[20]:.1f}, longest {times[-1]:.1f}")


def main():
    browser = Browser(find(), FOLDER)
    page = Page(browser)
    try:
        check_sizes(page)
        page.where = "1280"
        browser.show(1280, 800)
        for part in (check_table, check_filters, check_heads, check_first, check_large):
            part(page)
        problems = [text for text in browser.problems if "readback" not in text]  # this program reads pixels
        check("no errors in the console", not problems, problems[:5])
        others = [url for url in browser.requests if not url.startswith(("file://" + FOLDER, "about:", "data:"))]
        check("no network", not others, others[:5])
    finally:
        print(*wrong[:40], sep="\n", end="\n" if wrong else "")
        browser.close()
    return 1 if wrong else 0


sys.exit(main())
