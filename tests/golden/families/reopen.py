"""Opens in transformers what heed writes of each golden folder: python reopen.py BUILD/tests/tool-resave. The logits must not
differ at all from those of the golden folder itself, and no key may be missing or unexpected."""
import json
import os
import subprocess
import sys
import tempfile

import torch
import transformers

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
failed = False
for name in sorted(os.listdir(here)):
    folder = os.path.join(here, name)
    if not os.path.exists(f"{folder}/config.json"): continue
    with open(f"{folder}/config.json") as file: kind = getattr(transformers, json.load(file)["architectures"][0])
    with open(f"{folder}/expected.json") as file: texts = json.load(file)["texts"]
    with tempfile.TemporaryDirectory() as saved, torch.no_grad():
        subprocess.run([sys.argv[1], folder, saved], check=True)
        one = kind.from_pretrained(folder).eval()
        two, report = kind.from_pretrained(saved, output_loading_info=True)
        two.eval()
        apart = max(float((one(torch.tensor([t])).logits - two(torch.tensor([t])).logits).abs().max()) for t in texts)
    keys = {what: sorted(report[what]) for what in ("missing_keys", "unexpected_keys", "mismatched_keys") if report[what]}
    print(f"{name}: difference {apart}, {keys or 'all keys'}")
    failed |= apart != 0 or bool(keys)
sys.exit(failed)
