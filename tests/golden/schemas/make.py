"""Texts that are valid or not for JSON schemas, by the validator jsonschema: cases.json.

    make.py TOOL        TOOL is build/tests/tool-schema, which draws texts from heed's grammar of a schema

Valid texts are drawn; all of them must be valid. Invalid ones are changes of drawn texts, and texts of other schemas, that
jsonschema refuses or json cannot read. Needs jsonschema and rfc3339-validator.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
VALID, INVALID = 8, 24

SCHEMAS = [
    {"type":"object"},
    {},
    {"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":8},"age":{"type":"integer","minimum":0,"maximum":150}},"required":["name","age"],"additionalProperties":False},
    {"properties":{"a":{"type":"number"},"b":{"type":"boolean"},"c":{"type":"null"}}},
    {"properties":{"a":{"type":"number"},"b":{"type":"boolean"},"c":{"type":"null"}},"required":["c"]},
    {"properties":{"a":{"type":"number"},"b":{"type":"boolean"},"c":{"type":"null"}},"required":["b"],"additionalProperties":{"type":"integer"}},
    {"properties":{"ab":{"type":"number"},"abc":{"type":"boolean"},"é":{"type":"null"},"":{"type":"string"}},"additionalProperties":{"type":"array","items":{"enum":[1,2]}}},
    {"type":"object","additionalProperties":{"type":"integer","minimum":-5,"maximum":5}},
    {"type":"object","required":["x","y"],"additionalProperties":{"const":3}},
    {"type":"object","required":["x","y"]},
    {"type":"array","items":{"type":"integer","exclusiveMinimum":-12,"exclusiveMaximum":1234}},
    {"type":"array","items":{"type":"string","format":"date"},"minItems":2,"maxItems":4},
    {"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":False},
    {"type":"array","prefixItems":[{"type":"boolean"},{"type":"integer"}],"items":{"type":"null"},"minItems":3,"maxItems":5},
    {"type":"array","minItems":1,"maxItems":1,"items":{"type":"boolean"}},
    {"type":"array","maxItems":0},
    {"type":"array","minItems":3},
    {"enum":["a",1,None,True,{"x":[1,"é\"\n"]},1.5]},
    {"enum":["a",1,None,True,2.5],"type":["string","number"]},
    {"const":{"a":"b"}},
    {"anyOf":[{"type":"string","maxLength":3},{"type":"integer","minimum":100}]},
    {"oneOf":[{"type":"string"},{"type":"array","items":{"type":"null"}}]},
    {"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"x":{"type":"integer"}},"required":["kind","x"]},{"type":"object","properties":{"kind":{"const":"b"},"y":{"type":"string"}},"required":["kind"]}]},
    {"oneOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"type":"object","properties":{"b":{"type":"integer"}},"required":["b"]}]},
    {"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"string"}},"required":["b"]}]},
    {"allOf":[{"type":"integer","minimum":3},{"maximum":9},{"minimum":5}]},
    {"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"anyOf":[{"required":["a"]},{"required":["b"]}]},
    {"$defs":{"node":{"type":"object","properties":{"value":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["value","next"],"additionalProperties":False}},"$ref":"#/$defs/node"},
    {"definitions":{"a/b~c":{"type":"boolean"}},"type":"array","items":{"$ref":"#/definitions/a~1b~0c"}},
    {"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#"}}},"required":["children"]},
    {"type":"string","pattern":"^[a-c]{2,3}$"},
    {"type":"string","pattern":"b+"},
    {"type":"string","pattern":"^(foo|ba[rz])?-\\d{3}$|x$"},
    {"type":"string","pattern":"^\\w+@\\w+\\.[a-z]{2,}$"},
    {"type":"string","pattern":"^[^a-z\"\\\\]{3}.\\S\\s\\D\\W[\\d_-]$"},
    {"type":"string","pattern":"^\"\\\\\\n\\u00e9[\\t\\n]?(?:a|b)*?(?P<n>c)$"},
    {"type":"string","format":"date"},{"type":"string","format":"time"},{"type":"string","format":"date-time"},{"type":"string","format":"uuid"},
    {"type":["string","null"],"maxLength":4},
    {"type":["integer","number"]},
    {"minLength":2,"maxLength":2},
    {"type":"string","minLength":3},
    {"type":"number","minimum":0},{"type":"number","exclusiveMinimum":0},{"type":"number","maximum":-3},{"type":"number","minimum":-2.5,"maximum":7.25},
    {"type":"number","exclusiveMinimum":-1,"exclusiveMaximum":1},{"type":"number","minimum":0,"maximum":1},
    {"type":"integer","minimum":7},{"type":"integer","maximum":-7},{"type":"integer","minimum":-13,"maximum":207},{"type":"integer","minimum":19,"maximum":21},{"type":"integer","minimum":100,"maximum":99999},{"type":"integer","minimum":-0.5,"maximum":0.5},{"type":"integer","minimum":10**15-3},
    {"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"string","maxLength":5}},"required":["c"]},"maxItems":3}},"required":["b"]}},"required":["a"]},
    {"title":"t","description":"d","type":"object","properties":{"q\"uote":{"type":"integer"},"tab\t":{"type":"null"}},"required":["q\"uote","tab\t"],"additionalProperties":True},
    {"allOf":[{"type":"object","properties":{"ab":{"type":"number"},"ac":{"type":"null"}},"additionalProperties":{"type":"boolean"}},{"required":["ac"]},{"properties":{"ac":True}}]},
    {"$ref":"#/$defs/p","required":["z"],"$defs":{"p":{"type":"object","properties":{"x":{"type":"integer"},"z":{"type":"null"}}}}},
    {"items":[{"type":"integer"},{"type":"string"}],"additionalItems":{"type":"null"},"$schema":"http://json-schema.org/draft-07/schema#"},
    {"type":"object","minProperties":1,"required":["a"],"maxProperties":5},
]


def draw(tool, schema, count, seed):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(schema, file)
        file.flush()
        out = subprocess.run([tool, file.name, str(count), str(seed)], check=True, capture_output=True).stdout
    return [text.decode() for text in out.split(b"\0")[:-1]]


def is_valid(validator, text):
    def refuse(constant):
        raise ValueError(constant)
    try:
        return validator.is_valid(json.loads(text, parse_constant=refuse))
    except (ValueError, RecursionError):
        return False


def change(text, source):
    """A text with a character removed, doubled, replaced or two parts exchanged."""
    at = source.randrange(len(text))
    kind = source.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1:]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    if kind == 2:
        return text[:at] + source.choice('0123456789-.e"\\{}[],: truefalsnab\n') + text[at + 1:]
    return text[at:] + text[:at]


def main():
    tool, cases, drawn = os.path.abspath(sys.argv[1]), [], {}
    for i, schema in enumerate(SCHEMAS):
        drawn[i] = draw(tool, schema, 40, i)
    for i, schema in enumerate(SCHEMAS):
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        validator = kind(schema, format_checker=kind.FORMAT_CHECKER)
        for text in drawn[i]:
            assert is_valid(validator, text), (schema, text)
        source = random.Random(i)
        others = [text for j in drawn if j != i for text in drawn[j][:3]]
        changed = [change(source.choice(drawn[i]), source) for _ in range(400)] + source.sample(others, 100)
        short = sorted(set(text for text in drawn[i]), key=len)[:VALID]
        invalid = [text for text in dict.fromkeys(changed) if not is_valid(validator, text) and len(text) < 200]
        cases.append({"schema": schema, "valid": short, "invalid": invalid[:INVALID]})
    with open(os.path.join(HERE, "cases.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


main()
