"""Trains a small model of each family and objective with heed and opens it in transformers: python train.py BUILD [FAMILY ...].
No key may be missing or unexpected, the logits must be those of heed, and the tokenizer must give heed's ids. transformers.json
lists the families and objectives for which this is so."""
import json
import os
import subprocess
import sys
import tempfile

import torch
import transformers

from opened import keep

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
build = os.path.abspath(sys.argv[1])
heed, logits_tool = f"{build}/heed", f"{build}/tests/tool-logits"
WORDS = "one two three four five six seven eight nine ten".split()
LINES = [[WORDS[(7 * i + j) % 10] for j in range(6 + i % 3)] for i in range(200)]
FILES = {
    "text": "".join(" ".join(line) + "\n" for line in LINES),
    "labels": "".join(("even\n", "odd\n")[i % 2] for i in range(200)),
    "tagged": "".join("".join(f"{word} {'B-E' if 'e' in word else 'O'}\n" for word in line) + "\n" for line in LINES),
    "questions": "".join(json.dumps({"question": line[0], "context": " ".join(line), "answers": line[2:3]}) + "\n" for line in LINES),
}
OBJECTIVES = {
    "translate": ["--train-target", "text", "--train-source", "text"],
    "language": ["--train-source", "text"],
    "masked": ["--train-source", "text"],
    "classify": ["--train-source", "text", "--train-target", "labels"],
    "tag": ["--train-source", "tagged"],
    "answer": ["--train-source", "questions"],
}
SIZES = ("--width 32 --heads 2 --encoder-layers 2 --decoder-layers 2 --ffn-width 48 --vocabulary-size 300 --batch-tokens 200 "
         "--max-positions 32 --warmup 5 --steps 20 --lr 0.01 -q").split()
TEXTS = ["one two three", "eight  nine unseen", "It'S 1984, Über\ttwo"]


def output(*command, text=None, cwd=None):
    return subprocess.run(command, input=text, cwd=cwd, check=True, capture_output=True, text=True).stdout


def check(folder):
    with open(f"{folder}/config.json") as file: kind = getattr(transformers, json.load(file)["architectures"][0])
    model, report = kind.from_pretrained(folder, output_loading_info=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    # those of sines, which are computed, whether a folder has them or not
    computed = {f"{name}.weight" for name, module in model.named_modules() if "Sinusoidal" in type(module).__name__}
    problems = [f"{what}: {sorted(keys)}" for what, keys in report.items() if set(keys) - computed]
    difference, largest = 0.0, 1.0
    for text in TEXTS:
        ids = json.loads(output(heed, "tokenize", "-m", folder, "--json", text))["ids"]
        if tokenizer(text).input_ids != ids: problems.append(f"{text!r}: ids {tokenizer(text).input_ids}, heed {ids}")
        line = " ".join(map(str, ids))
        found = torch.tensor([float(number) for number in output(logits_tool, folder, text=f"{line} | {line}\n").split()])
        given = dict(decoder_input_ids=torch.tensor([ids])) if model.config.is_encoder_decoder else {}
        with torch.no_grad(): scores = model.eval()(torch.tensor([ids]), **given)
        expected = scores.logits if "logits" in scores else torch.stack([scores.start_logits, scores.end_logits], -1)
        expected = expected.flatten()
        difference = max(difference, float((found - expected).abs().max()))
        largest = max(largest, float(expected.abs().max()))
    if difference > 1e-4 * largest: problems.append("the logits differ")
    return difference, problems


def main():
    results, failed = {}, False
    families = sys.argv[2:] or output(heed, "complete", "train", "--family", "").split()
    with tempfile.TemporaryDirectory() as work:
        for name, text in FILES.items():
            with open(f"{work}/{name}", "w") as file: file.write(text)
        for family in families:
            if family in ("auto", "heed-rnn"): continue
            results[family] = []
            for objective, data in OBJECTIVES.items():
                folder = f"{work}/{family}-{objective}"
                run = subprocess.run([heed, "train", "--family", family, "--objective", objective, *data, *SIZES, "-o", folder],
                                     cwd=work, capture_output=True, text=True)
                if "does not learn" in run.stderr: continue
                difference, problems = check(folder) if run.returncode == 0 else (0, [run.stderr.strip()])
                print(f"{family} {objective}: difference {difference:.2g}, {'; '.join(problems) or 'all keys'}")
                failed |= bool(problems)
                if not problems: results[family].append(objective)
    keep("trained", results)
    return failed


if __name__ == "__main__": sys.exit(main())
