"""compare.py TOOL [SECONDS [SEED]]: renders generated templates with jinja2 and with tests/tool/jinja.c, and prints what differs.

A template is random: statements and expressions of the whole language over a few variables, many of them of the wrong type.
The text must be equal; where jinja2 raises an exception, heed must fail, with the same message if the template itself raises
it or reads an undefined value."""
import random
import re
import sys
import time
import warnings

from reference import render, run_tool

VARIABLES = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "  Héllo <b>wörld</b> & 'you'\n", "name": "Ann"},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "add", "arguments": {"a": 1, "b": [2, 3.5]}}}]},
        {"role": "tool", "content": [{"type": "text", "text": "4"}, {"type": "image"}]},
        {"role": "user", "content": "one two\tthree"},
    ],
    "tools": None,
    "text": "The quick brown fox\njumps  over the lazy dog; ΑΣ ß ﬁ İ",
    "empty": "",
    "n": 7,
    "m": -3,
    "x": 2.5,
    "yes": True,
    "no": False,
    "words": ["delta", "Alpha", "charlie", "bravo", "alpha"],
    "numbers": [3, 1, 2.5, -4, 0, 3],
    "d": {"b": 1, "a": {"c": [1, 2, {"e": None}]}, "items": "own", "Z": 0.1},
    "pairs": [["k", 1], ["l", 2]],
    "nested": [[1, 2], [3, [4, 5]], []],
    "users": [{"n": "Bo", "age": 30, "o": {"x": 1}}, {"n": "al", "age": 25}, {"n": "Cy", "age": 30, "o": {"x": 3}}],
    "bos_token": "<s>",
}
TYPED = {
    "s": ["text", "empty", "bos_token", "messages[1].content", "'a b'", "item.content", "words[0]", "'<i>x</i>'", "'12'"],
    "i": ["n", "m", "x", "3", "numbers[0]", "loop.index", "words|length", "2.5", "yes"],
    "l": ["words", "numbers", "messages", "nested", "users", "pairs", "text.split()", "range(4)", "d.items()", "(1, 'b', none)"],
    "d": ["d", "messages[0]", "users[0]", "{'a': 1, 'b': [2]}", "messages[2].tool_calls[0]", "item"],
}
SUBJECTS = {
    "s": "attr capitalize center e escape float forceescape format indent int lower replace reverse safe string striptags title "
         "trim truncate upper urlencode wordcount length list default",
    "i": "abs filesizeformat float int round string tojson default",
    "l": "batch count first groupby join last length list map max min reject rejectattr reverse select selectattr slice sort sum "
         "tojson unique default",
    "d": "attr dictsort items length list tojson urlencode xmlattr default first",
}
SUBJECT_OF = {}
for _kind, _names in SUBJECTS.items():
    for _name in _names.split():
        SUBJECT_OF.setdefault(_name, []).append(_kind)
NAMES = list(VARIABLES) * 2 + ["missing", "loop", "a", "b", "ns", "item", "key", "value"]
ATTRIBUTES = ["role", "content", "name", "items", "a", "b", "c", "n", "age", "o", "x", "get", "strip", "index0", "first", "last",
              "length", "previtem", "nextitem", "__class__", "upper", "keys", "missing", "append", "text", "function", "index",
              "revindex", "depth", "split"]
STRINGS = ["", " ", "a", "user", "role", "content", "abc", "é", ",", "\\n", "%s", "%d!", "{}", "{0}-{0}", "<&>", "x,y,,z", "  pad ",
           "12", "3.7", "-5", "A b C", "n", "age", "o.x", "0x1f", "%5.2f|", "k", "alpha", "ß", "%(a)s", "1e3", "{:>5}", "{a}"]
FILTERS = {
    "abs": [], "attr": ["s"], "batch": ["i", "v"], "capitalize": [], "center": ["i"], "count": [], "default": ["v", "q"],
    "dictsort": ["q", "by", "q"], "e": [], "escape": [], "filesizeformat": ["q"], "first": [], "float": ["v"], "forceescape": [],
    "format": ["v", "v"], "groupby": ["s", "v"], "indent": ["i", "q", "q"], "int": ["v", "base"], "items": [], "join": ["s", "s"],
    "last": [], "length": [], "list": [], "lower": [], "map": ["f", "v"], "max": ["q", "s"], "min": ["q", "s"],
    "reject": ["t", "v"], "rejectattr": ["s", "t", "v"], "replace": ["s", "s", "i"], "reverse": [], "round": ["i", "how"],
    "safe": [], "select": ["t", "v"], "selectattr": ["s", "t", "v"], "slice": ["i", "v"], "sort": ["q", "q", "s"], "string": [],
    "striptags": [], "sum": ["s", "v"], "title": [], "tojson": [], "trim": ["s"], "truncate": ["i", "q", "s"], "unique": ["q", "s"],
    "upper": [], "urlencode": [], "wordcount": [], "xmlattr": ["q"], "nofilter": [],
}
TESTS = {
    "boolean": [], "callable": [], "defined": [], "divisibleby": ["i"], "escaped": [], "even": [], "false": [], "filter": [],
    "float": [], "in": ["v"], "integer": [], "iterable": [], "lower": [], "mapping": [], "none": [], "number": [], "odd": [],
    "sameas": ["v"], "sequence": [], "string": [], "test": [], "true": [], "undefined": [], "upper": [], "eq": ["v"],
    "equalto": ["v"], "ne": ["v"], "gt": ["v"], "ge": ["v"], "lt": ["v"], "le": ["v"], "notest": [],
}
METHODS = {
    "capitalize": [], "casefold": [], "center": ["i", "fill"], "count": ["s"], "endswith": ["s"], "expandtabs": ["i"],
    "find": ["s", "i", "i"], "format": ["v", "v"], "index": ["s"], "isalnum": [], "isalpha": [], "isascii": [], "isdecimal": [],
    "isdigit": [], "isidentifier": [], "islower": [], "isnumeric": [], "isprintable": [], "isspace": [], "istitle": [],
    "isupper": [], "join": ["v"], "ljust": ["i", "fill"], "lower": [], "lstrip": ["s"], "partition": ["s"], "removeprefix": ["s"],
    "removesuffix": ["s"], "replace": ["s", "s", "i"], "rfind": ["s"], "rindex": ["s"], "rjust": ["i"], "rpartition": ["s"],
    "rsplit": ["s", "i"], "rstrip": ["s"], "split": ["s", "i"], "splitlines": ["q"], "startswith": ["s"], "strip": ["s"],
    "swapcase": [], "title": [], "upper": [], "zfill": ["i"], "items": [], "keys": [], "values": [], "get": ["s", "v"], "copy": [],
    "append": ["v"], "update": ["v"], "pop": [],
}


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.depth = 0

    def pick(self, items):
        return self.random.choice(list(items))

    def chance(self, probability):
        return self.random.random() < probability

    def string(self):
        quote = self.pick("'\"")
        return quote + self.pick(STRINGS) + quote

    def argument(self, kind):
        if self.chance(0.03):
            return self.expression()
        return {
            "s": self.string, "i": lambda: str(self.random.randint(-2, 9)), "v": self.expression,
            "q": lambda: self.pick(["true", "false"]), "by": lambda: self.pick(["'key'", "'value'"]),
            "f": lambda: repr(self.pick(FILTERS)), "t": lambda: repr(self.pick(TESTS)),
            "how": lambda: self.pick(["'common'", "'ceil'", "'floor'"]), "base": lambda: self.pick(["10", "16", "8", "2", "0"]),
            "fill": lambda: self.pick(["'*'", "' '", "'é'", "'ab'"]),
        }[kind]()

    def arguments(self, kinds):
        count = len(kinds) if self.chance(0.5) else self.random.randint(0, len(kinds))
        given = [self.argument(kind) for kind in kinds[:count]]
        if self.chance(0.02):
            given.append("*" + self.expression())
        return f"({', '.join(given)})" if given or self.chance(0.5) else ""

    def atom(self):
        choice = self.random.random()
        if choice < 0.55:
            return self.pick(NAMES)
        if choice < 0.7:
            return self.string()
        if choice < 0.8:
            return self.pick(["0", "1", "2", "-1", "3", "10", "1.5", "0.1", "1e16", "12345678", "0x10", "1_000"])
        if choice < 0.87:
            return self.pick(["true", "false", "none", "[]", "{}", "()", "''"])
        if choice < 0.92:
            return "[" + ", ".join(self.expression() for _ in range(self.random.randint(0, 3))) + "]"
        if choice < 0.95:
            return "(" + ", ".join(self.expression() for _ in range(self.random.randint(2, 3))) + ")"
        if choice < 0.98:
            return "{" + ", ".join(f"{self.string()}: {self.expression()}" for _ in range(self.random.randint(0, 3))) + "}"
        return self.pick(["range(5)", "range(2, 9, 3)", "range(3, 0, -1)", "dict(a=1, b=n)", "cycler('x', 'y')",
                          "strftime_now('%d %b %Y')", "namespace(a=1)", "joiner('|')"])

    def expression(self):
        self.depth += 1
        try:
            if self.depth > 4:
                return self.atom()
            choice = self.random.random()
            if choice < 0.3:
                return self.atom()
            if choice < 0.42:
                name = self.pick(FILTERS)
                return f"{self.operand(self.pick(SUBJECT_OF.get(name, [None])))}|{name}{self.arguments(FILTERS[name])}"
            if choice < 0.5:
                name = self.pick(TESTS)
                negated = "not " if self.chance(0.2) else ""
                return f"({self.operand()} is {negated}{name}{self.arguments(TESTS[name])})"
            if choice < 0.58:
                name = self.pick(METHODS)
                arguments = self.arguments(METHODS[name]) or "()"
                kind = "d" if name in ("items", "keys", "values", "get", "copy") else "s"
                return f"{self.operand(kind)}.{name}{arguments}"
            if choice < 0.66:
                return f"{self.operand()}.{self.pick(ATTRIBUTES)}"
            if choice < 0.72:
                return f"{self.operand()}[{self.expression()}]"
            if choice < 0.77:
                bounds = [self.pick(["", "0", "1", "-1", "2", "-2", "100"]) for _ in range(3)]
                # jinja2 makes an undefined value of a slice of a constant that has none
                return f"{self.pick(TYPED[self.pick('sl')])}[{bounds[0]}:{bounds[1]}" + (f":{bounds[2]}" if self.chance(0.4) else "") + "]"
            if choice < 0.87:
                sign = self.pick(["+", "-", "*", "/", "//", "%", "**", "~", "~", "+"])
                kind = self.pick("sl") if sign == "+" else None if sign == "~" else "i"
                return f"({self.operand(kind)} {sign} {self.operand(kind)})"
            if choice < 0.93:
                sign = self.pick(["==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"])
                kind = self.pick("sil") if sign[0] in "<>" else None
                return f"({self.operand(kind)} {sign} {self.operand(kind)})"
            if choice < 0.95:
                return f"(not {self.expression()})"
            if choice < 0.98:
                otherwise = f" else {self.expression()}" if self.chance(0.7) else ""
                return f"({self.expression()} if {self.expression()}{otherwise})"
            return f"m({self.expression()})"
        finally:
            self.depth -= 1

    def operand(self, kind=None):
        if kind and self.chance(0.85):
            it = self.pick(TYPED[kind])
            return it if re.fullmatch(r"[\w.\[\]']+", it) else f"({it})"
        it = self.expression()
        return it if re.fullmatch(r"[\w.\[\]'\"]+", it) and not it[0].isdigit() else f"({it})"

    def tag(self, text):
        return "{%" + self.pick(["", "", "-", "+"]) + " " + text + " " + self.pick(["", "", "-"]) + "%}"

    def data(self):
        return self.pick(["", " ", "\n", "  \n  ", "text ", "a\n", "\n\n", "{", "}", "# ", "{# note #}", "{#- note -#}\n", "é\t",
                          "{% raw %}{{ x }}{% endraw %}"])

    def target(self):
        return self.pick(["a", "b", "item", "a, b", "key, value", "ns.a", "ns.b", "(a, b)", "text", "n"])

    def statement(self):
        self.depth += 1
        try:
            choice = self.random.random()
            if choice < 0.45 or self.depth > 4:
                return "{{" + self.pick(["", "-"]) + " " + self.expression() + " " + self.pick(["", "-"]) + "}}"
            if choice < 0.58:
                return self.tag(f"set {self.target()} = {self.expression()}")
            if choice < 0.62:
                return self.tag("set " + self.pick(["a", "b", "ns.a"]) + self.pick(["", "|upper", "|trim|length"])) + self.body() + self.tag("endset")
            if choice < 0.74:
                middle = self.tag(f"elif {self.expression()}") + self.body() if self.chance(0.3) else ""
                if self.chance(0.4):
                    middle += self.tag("else") + self.body()
                return self.tag(f"if {self.expression()}") + self.body() + middle + self.tag("endif")
            if choice < 0.88:
                test = f" if {self.expression()}" if self.chance(0.3) else ""
                recursive = " recursive" if self.chance(0.15) else ""
                target = self.pick(["item", "a", "key, value", "a, b", "text"])
                inner = self.body()
                if recursive and self.chance(0.7):
                    inner += "{{ loop(" + self.pick(["[]", "[1]", "item", "a", "nested"]) + ") if loop.depth < 3 }}"
                if self.chance(0.3):
                    inner += self.pick(["{% break %}", "{% continue %}", "{% if loop.index > 1 %}{% break %}{% endif %}"])
                if self.chance(0.4):
                    inner += "{{ loop." + self.pick(["index", "index0", "first", "last", "length", "revindex", "revindex0", "previtem",
                                                     "nextitem", "depth", "cycle('p', 'q')", "changed(item)"]) + " }}"
                otherwise = self.tag("else") + self.body() if self.chance(0.3) else ""
                sequence = self.pick(["messages", "words", "d.items()", "pairs", "range(3)", "nested", "users", "text", "d", self.expression()])
                return self.tag(f"for {target} in {sequence}{test}{recursive}") + inner + otherwise + self.tag("endfor")
            if choice < 0.92:
                parameters = self.pick(["a", "a, b=2", "a, b=a", "item, key='k', value=none", "", "a, caller=1"])
                inner = self.body() + self.pick(["", "{{ caller() }}", "{{ caller(1) }}", "{{ varargs }}{{ kwargs }}", "{{ a }}{{ b }}"])
                return self.tag(f"macro m({parameters})") + inner + self.tag("endmacro")
            if choice < 0.94:
                return "{{ m(" + self.pick(["", "1", "1, 2", "b=3", "1, b=n", "a=1, c=2", "*words", "**d"]) + ") }}"
            if choice < 0.96:
                return self.tag("call" + self.pick(["", "(item)"]) + " m(" + self.expression() + ")") + self.body() + self.tag("endcall")
            if choice < 0.975:
                return self.tag("filter " + self.pick(["upper", "trim", "replace('a', 'b')", "indent(2)", "length"])) + self.body() + self.tag("endfilter")
            if choice < 0.99:
                return self.tag(f"with {self.pick(['a', 'b', 'item'])} = {self.expression()}, n = 1") + self.body() + self.tag("endwith")
            return self.tag("generation") + self.body() + self.tag("endgeneration")
        finally:
            self.depth -= 1

    def body(self):
        return "".join(self.data() + self.statement() for _ in range(self.random.randint(0, 3))) + self.data()

    def template(self):
        self.depth = 0
        start = self.pick(["", "{% set ns = namespace(a=0, b='') %}", "{% set ns = namespace() %}{% macro m(a) %}[{{ a }}]{% endmacro %}"])
        text = start + "".join(self.data() + self.statement() for _ in range(self.random.randint(1, 3))) + self.data()
        if self.chance(0.03):  # a broken template
            cut = self.random.randrange(len(text))
            text = text[:cut] + self.pick(["", "{%", "}}", "'", "(", "endif", "|", ".", "-"]) + text[cut + 1:]
        return text


# Values that Python prints with an address, and integers past 64 bits, have no counterpart.
UNSTABLE = re.compile(r" at 0x|<generator|<built-in|<function|<bound method|_reverseiterator|<reversed|Cycler object|Joiner object", re.IGNORECASE)
SAME_MESSAGE = {"UndefinedError", "SecurityError", "TemplateError"}
LIMITS = ("more than 64 bits", "heed lacks", "is not supported", "are not supported")


def explain(case, want, got):
    if "text" in want:
        if UNSTABLE.search(want["text"]) or got == {"text": want["text"]}:
            return None
        return None if any(limit in got.get("raises", "") for limit in LIMITS) else "text"
    if "text" in got:
        return "must raise"
    if UNSTABLE.search(want["raises"]):
        return None
    if want["kind"] in SAME_MESSAGE and want["raises"] != got["raises"] and not any(limit in got["raises"] for limit in LIMITS):
        return "message"
    return None


def main():
    warnings.filterwarnings("ignore")
    tool, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 60
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    end, compared, raised, different = time.time() + seconds, 0, 0, 0
    while time.time() < end:
        cases = [(Generator(seed + i).template(), VARIABLES) for i in range(200)]
        seed += 200
        for i, (case, got) in enumerate(zip(cases, run_tool(tool, cases))):
            want = render(*case)
            compared += 1
            raised += "raises" in want
            problem = explain(case, want, got)
            if problem:
                different += 1
                if different <= 12:
                    print(f"--- seed {seed - 200 + i}: {problem}\n{case[0]}\n  jinja2: {want!r}\n  heed:   {got!r}")
    print(f"{compared} templates, {raised} raise, {different} differ")
    return different > 0


if __name__ == "__main__":
    raise SystemExit(main())
