#!/usr/bin/env python3
"""How speed grows: with the sentences that are translated at once, with the width of the model, with threads.

    scaling.py measure TABLE --model FOLDER --source FILE --data FOLDER [--rounds 3]
    scaling.py show TABLE [--plot NAME]

`measure` appends to TABLE lines of kind, side, threads, size and speed: translating (5 beams), sentences/s with 1 to 256
sentences given at a time, heed beside CTranslate2 in float32 with the very same weights; training in float32, target
tokens/s at widths 64 to 1,024, heed beside PyTorch (FOLDER holds train.en and train.de). The sides take turns. `show`
prints medians and ranges as tables in Markdown, and draws them as NAME-translating.svg and NAME-training.svg with
build/tests/tool-curves. Nothing else should run while it measures.
"""
import argparse
import collections
import re
import statistics
import subprocess
import sys
import tempfile
import time

from common import PROJECT, add_heed, read_lines

BATCHES, WIDTHS, THREADS, BEAMS = [2 ** n for n in range(9)], [2 ** n for n in range(6, 11)], [1, 2], 5


def measure_translating(options, add):
    import ctranslate2
    from transformers import AutoTokenizer
    lines = [line for line in read_lines(options.source) if line.strip()]
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    with tempfile.TemporaryDirectory() as scratch:
        folder = ctranslate2.converters.TransformersConverter(options.model).convert(f"{scratch}/model",
                                                                                    quantization="float32")
        for threads in THREADS:
            translator = ctranslate2.Translator(folder, device="cpu", compute_type="float32", inter_threads=1,
                                                intra_threads=threads)
            for batch in BATCHES:
                some = lines[:max(batch, min(64 * batch, 512))]
                tokens = [tokenizer.convert_ids_to_tokens(tokenizer(line).input_ids) for line in some]
                with open(f"{scratch}/lines", "w", encoding="utf-8") as file:
                    file.writelines(line + "\n" for line in some)
                for _ in range(options.rounds):
                    out = subprocess.run([options.heed, "bench", "translate", "--model", options.model, "--input",
                                          file.name, "--beams", str(BEAMS), "--sentences", str(batch), "--runs", "1",
                                          "-t", str(threads)], stdout=subprocess.PIPE, text=True, check=True).stdout
                    add("translating", "heed", threads, batch, float(re.search(r"([\d.]+) sentences/s", out)[1]))
                    for warm in (False, True):
                        start = time.perf_counter()
                        for at in range(0, len(tokens), batch):
                            translator.translate_batch(tokens[at:at + batch], beam_size=BEAMS)
                        seconds = time.perf_counter() - start
                    add("translating", "CTranslate2", threads, batch, len(tokens) / seconds)


def measure_training(options, add):
    for width in WIDTHS:
        steps = max(2, min(16, 1024 // width))
        recipe = (f"train-source = {options.data}/train.en\ntrain-target = {options.data}/train.de\nvocabulary-size = 10000\n"
                  f"dropout = 0.3\nwidth = {width}\nffn-width = {2 * width}\nheads = {width // 32}\n")
        with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
            file.write(recipe)
            file.flush()
            for threads in THREADS:
                for _ in range(1 if width > 128 else options.rounds):
                    out = subprocess.run([options.heed, "bench", "train", "--recipe", file.name, "--steps", str(steps),
                                          "-t", str(threads)], stdout=subprocess.PIPE, text=True, check=True).stdout
                    add("training", "heed", threads, width, float(re.search(r"([\d.]+) target tokens/s", out)[1]))
                    out = subprocess.run([sys.executable, PROJECT / "bench/train_pytorch.py", "--data", options.data,
                                          "--width", str(width), "--steps", str(steps), "--warm-up", "1", "--threads",
                                          str(threads)], stdout=subprocess.PIPE, text=True, check=True).stdout
                    add("training", "PyTorch", threads, width, float(re.search(r"target tokens/s +([\d.]+)", out)[1]))


def show(speeds, plot):
    kinds = {"translating": ("sentences at once", "sentences/s"), "training": ("width", "target tokens/s")}
    for kind, (size_name, unit) in kinds.items():
        ways = sorted({(way[2], way[1]) for way in speeds if way[0] == kind})
        sizes = sorted({way[3] for way in speeds if way[0] == kind})
        print(f"\n{kind}, {unit}\n")
        print("| " + " | ".join([size_name] + [f"{side}, {t} thread{'s' * (t > 1)}" for t, side in ways]) + " |")
        print("| --- " * (len(ways) + 1) + "|")
        for size in sizes:
            cells = []
            for threads, side in ways:
                some = speeds[kind, side, threads, size]
                cell = f"{statistics.median(some):,.0f}"
                cells.append(cell + (f" ({min(some):,.0f} to {max(some):,.0f})" if len(some) > 1 else ""))
            print(f"| {size:,} | " + " | ".join(cells) + " |")
    for kind, (size_name, unit) in kinds.items():
        if not plot: return
        sizes = sorted({way[3] for way in speeds if way[0] == kind})
        lines = "".join(f"{side}, {threads} thread{'s' * (threads > 1)}\t{size}\t"
                        f"{statistics.median(speeds[kind, side, threads, size])}\n"
                        for threads, side in sorted({(way[2], way[1]) for way in speeds if way[0] == kind})
                        for size in sizes)
        axes = ["log-x"] + ["log-y"] * (kind == "training")
        with open(f"{plot}-{kind}.svg", "wb") as picture:
            subprocess.run([PROJECT / "build/tests/tool-curves", kind.capitalize(), size_name, unit, *axes],
                           input=lines.encode(), stdout=picture, check=True)


parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("what", choices=["measure", "show"])
parser.add_argument("table")
parser.add_argument("--model")
parser.add_argument("--source")
parser.add_argument("--data")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--plot")
add_heed(parser)
options = parser.parse_args()
if options.what == "measure":
    with open(options.table, "a") as table:
        def add(*cells):
            print(*cells, sep="\t", file=table, flush=True)
        measure_translating(options, add)
        measure_training(options, add)
else:
    speeds = collections.defaultdict(list)
    for line in read_lines(options.table):
        kind, side, threads, size, speed = line.split("\t")
        speeds[kind, side, int(threads), int(size)].append(float(speed))
    show(speeds, options.plot)
