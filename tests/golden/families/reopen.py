"""Opens in transformers what heed writes of each golden folder: python reopen.py BUILD/tests/tool-resave [NAME ...]. The last
hidden states and the logits must not differ at all from those of the golden folder itself, and no key may be missing or
unexpected. transformers.json lists the folders for which this is so."""
import json
import os
import subprocess
import sys
import tempfile

import torch
import transformers

from measure import Run
from opened import keep

torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))


def difference(a, b):
    return max(float((x - y).abs().max()) for x, y in ((a.states, b.states), (a.logits, b.logits)) if x is not None)


def check(folder, saved):
    with open(f"{folder}/config.json") as file: kind = getattr(transformers, json.load(file)["architectures"][0])
    with open(f"{folder}/expected.json") as file: expected = json.load(file)
    texts, targets = expected["texts"], expected.get("targets")
    runs = []
    for path in (folder, saved):
        model, report = kind.from_pretrained(path, output_loading_info=True, attn_implementation="eager")
        with torch.no_grad(): runs.append(Run(model.eval(), texts, targets))
    # those of sines, which Pegasus computes whether a folder has them or not
    fixed = {f"{name}.weight" for name, module in model.named_modules() if "Sinusoidal" in type(module).__name__}
    keys = {what: sorted(report[what]) for what in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    return difference(*runs), {what: names for what, names in keys.items() if set(names) - fixed}


def main():
    results = {}
    names = sys.argv[2:] or sorted(name for name in os.listdir(here) if os.path.exists(f"{here}/{name}/expected.json"))
    for name in names:
        with tempfile.TemporaryDirectory() as saved:
            subprocess.run([sys.argv[1], f"{here}/{name}", saved], check=True)
            apart, keys = check(f"{here}/{name}", saved)
        print(f"{name}: difference {apart}, {keys or 'all keys'}")
        results[name] = transformers.__version__ if apart == 0 and not keys else None
    keep("saved", results)
    return None in results.values()


if __name__ == "__main__": sys.exit(main())
