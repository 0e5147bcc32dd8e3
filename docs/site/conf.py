"""Sphinx configuration of the documents as a site (scripts/site, `make docs`).

The sources are copies of the project's Markdown files at the same paths. Links from a document to a source file lead to a page
with this file, links to a folder lead to its README or to a list of its documents. The documents themselves know nothing of
Sphinx: they also have to work as files in a repository.
"""
import os
import pathlib
import re

SOURCE = pathlib.Path(os.environ["HEED_SITE_SOURCE"])  # copies of the documents
PROJECT = pathlib.Path(os.environ["HEED_PROJECT"])

project = "heed"
author = "the heed authors"
release = os.environ["HEED_VERSION"]
html_title = f"heed {release}"
extensions = ["myst_parser"]
root_doc = "README"
source_suffix = {".md": "markdown"}
myst_heading_anchors = 6
suppress_warnings = ["myst.header", "misc.highlighting_failure"]  # cards begin with metadata; JSON with "…"
html_theme = "furo"
html_static_path = [os.environ["HEED_SITE_STATIC"], str(PROJECT / "docs/site/static")]
html_css_files = ["site.css"]
html_extra_path = [os.environ["HEED_SITE_EXTRA"]]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
exclude_patterns = []
html_theme_options = {"footer_icons": []}

# ---- the navigation ----

FIRST = ["docs/glossary", "docs/attention", "docs/decoding", "docs/small-data"]
LAST = ["docs/compatibility", "docs/numbers", "docs/design", "docs/checked", "CHANGELOG"]
GUIDES = ["CONTRIBUTING", "docs/add-an-op", "docs/add-a-family", "docs/add-a-verb"]


def documents(pattern):
    return sorted(str(path.relative_to(SOURCE).with_suffix("")) for path in SOURCE.glob(pattern))


def toctree(caption, names):
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *(f"/{name}" for name in names), "```", "", ""])


def navigation():
    tasks = [name for name in documents("docs/*.md") if name not in FIRST + LAST + GUIDES]
    return "".join(
        [
            toctree("Learn", ["docs/tour/README", "docs/site/attention-page", "docs/site/sampling", *FIRST]),
            toctree("Use", tasks),
            toctree("Models", documents("models/*/README.md")),
            toctree("Reference", LAST),
            toctree("Contribute", [*GUIDES, *documents("*/README.md"), *documents("*/*/README.md"), *documents("*/*/*/README.md")]),
        ]
    )


def without_repetition(text):
    """Each document once, in the first list that has it."""
    seen = set()
    lines = []
    for line in text.split("\n"):
        if line.startswith("/"):
            if line in seen:
                continue
            seen.add(line)
        lines.append(line)
    return "\n".join(lines)


# ---- links to files and folders ----

LANGUAGES = {".c": "c", ".h": "c", ".py": "python", ".sh": "bash", ".ini": "ini", ".json": "json", ".cmake": "cmake",
             ".html": "html"}
LINK = re.compile(r"(?<=\]\()([^()\s#:]+)(?=[)#\s])")


def code_page(path):
    """Writes the page of a file of the project, once; returns its path in the sources."""
    page = SOURCE / "code" / f"{path}.md"
    if not page.exists():
        page.parent.mkdir(parents=True, exist_ok=True)
        text = (PROJECT / path).read_text(errors="replace")
        language = LANGUAGES.get(path.suffix, "bash" if text.startswith("#!/bin/sh") else "text")
        page.write_text(f"---\norphan: true\n---\n# {path}\n\n``````{language}\n{text}``````\n")
    return page


def folder_page(path):
    """The README of a folder, or a page that lists the documents in it."""
    if (SOURCE / path / "README.md").exists():
        return SOURCE / path / "README.md"
    page = SOURCE / "code" / path / "README.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    inside = sorted((SOURCE / path).glob("**/*.md"))
    lines = [f"- [{name.relative_to(SOURCE / path)}]({os.path.relpath(name, page.parent)})" for name in inside]
    page.write_text("---\norphan: true\n---\n# " + str(path) + "\n\n" + "\n".join(lines) + "\n")
    return page


def target_of(document, link):
    """The link as it is in the site."""
    path = pathlib.Path(os.path.normpath(document.parent / link))
    if not (PROJECT / path).exists() or (SOURCE / path).is_file():
        return link
    page = folder_page(path) if (PROJECT / path).is_dir() else code_page(path)
    return os.path.relpath(page, SOURCE / document.parent)


def rewrite(document, text):
    fenced = False
    lines = []
    for line in text.split("\n"):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if not fenced and not line.startswith("    "):
            line = LINK.sub(lambda match: target_of(document, match.group(1)), line)
        lines.append(line)
    return "\n".join(lines)


def prepare():
    """Rewrites the links of all documents, and adds the navigation to the first one."""
    for path in sorted(SOURCE.glob("**/*.md")):
        document = path.relative_to(SOURCE)
        if document.parts[0] != "code":
            path.write_text(rewrite(document, path.read_text()))
    tour = SOURCE / "docs/tour/README.md"
    tour.write_text(tour.read_text() + "\n" + toctree("Chapters", documents("docs/tour/[0-9]*.md")))
    first = SOURCE / "README.md"
    first.write_text(first.read_text() + "\n" + without_repetition(navigation()))


# ---- Debian's Furo ----


def replace_in(path, old, new):
    text = path.read_text()
    if old in text:
        path.write_text(text.replace(old, new))


def complete_theme(app, error):
    """Debian 12 has the theme's script and style in parts that a browser does not put together, and without the colours of
    readers who prefer dark pages."""
    static = pathlib.Path(app.outdir) / "_static"
    script = static / "scripts/furo.js"
    part = static / "scripts/gumshoe-patched.js"
    if part.exists():
        replace_in(script, 'import Gumshoe from "./gumshoe-patched.js";', part.read_text())
    style = pathlib.Path("/usr/share/javascript/normalize.css/normalize.css")
    if style.exists():
        replace_in(static / "styles/furo.css", "@import url(/javascript/normalize.css/normalize.css);", style.read_text())
    css = (static / "styles/furo.css").read_text()
    dark = re.search(r'body\[data-theme="dark"\] \{([^}]*)\}', css)
    if dark and "prefers-color-scheme" not in css:
        rule = f"@media (prefers-color-scheme: dark) {{ body[data-theme=\"auto\"] {{{dark.group(1)}}} }}\n"
        (static / "styles/furo.css").write_text(css + rule)


def setup(app):
    prepare()
    app.connect("build-finished", complete_theme)
