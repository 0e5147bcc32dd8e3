"""Writes defaults.json: what transformers takes for each key of config.json that is missing, by family.

    python defaults.py

heed's tables are compared with it (tests/unit/family_configs.c). Written with transformers 5.24.0. Keys that transformers 5 has no
longer, or whose meaning follows from other keys, are left out.
"""
import json
import os
import re

from transformers import CONFIG_MAPPING

HERE = os.path.dirname(os.path.abspath(__file__))


def families():
    """The names in heed's list of families that transformers has too."""
    with open(f"{HERE}/../../../src/models/family.h") as file: names = re.findall(r"\bX\((\w+)\)", file.read())
    spellings = [name if name in CONFIG_MAPPING else name.replace("_", "-") for name in names]
    return [name for name in spellings if name in CONFIG_MAPPING]


if __name__ == "__main__":
    result = {}
    for name in families():
        keys = CONFIG_MAPPING[name]().to_dict()
        keep = (int, float, str, bool, type(None))
        result[name] = {k: v for k, v in sorted(keys.items()) if isinstance(v, keep)}
    with open(f"{HERE}/defaults.json", "w") as file: file.write(json.dumps(result, indent=1) + "\n")
