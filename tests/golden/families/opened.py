"""What transformers has opened of heed, in transformers.json, of which docs/compatibility.md tells: "saved", the golden folders
that reopen.py has checked, and "trained", the objectives of each family that train.py has checked."""
import json
import os

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transformers.json")


def keep(what, results):
    """Puts results {key: value}, or None for one that failed, in place of those with the same keys."""
    with open(PATH) as file: everything = json.load(file)
    kept = {**everything.get(what, {}), **results}
    everything[what] = {key: kept[key] for key in sorted(kept) if kept[key] is not None}
    with open(PATH, "w") as file:
        json.dump(everything, file, indent=1)
        file.write("\n")
