#!/usr/bin/env python3
"""Times heed and CTranslate2 (float32) translating the same file with the same weights, alternating, in one run.

    translate_ctranslate2.py MODEL_FOLDER --source FILE [--beams 5 1] [--rounds 5]

The input of CTranslate2 is tokens, and its time includes neither tokenization nor detokenization. The script first tries each of
its threading modes and batch sizes once, and compares heed with the fastest. Both stop a translation at the model's maximum
length (the default of CTranslate2 is 256 tokens, and one sentence of Multi30k never ends). The time of heed is that of `heed bench
translate`: from texts to texts, without starting the process and opening the model.
Each figure is the median of the rounds, with the lowest and the highest. Nothing else should run.
"""
import argparse
import re
import subprocess
import tempfile
import time

import ctranslate2
from transformers import AutoTokenizer, GenerationConfig

from common import add_heed, read_lines, spread

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("model")
parser.add_argument("--source", required=True)
parser.add_argument("--beams", type=int, nargs="+", default=[5, 1])
parser.add_argument("--rounds", type=int, default=5)
add_heed(parser)
options = parser.parse_args()
lines = [line for line in read_lines(options.source) if line.strip()]
tokenizer = AutoTokenizer.from_pretrained(options.model)
longest = GenerationConfig.from_pretrained(options.model).max_length - 1  # the start token counts there
tokens = [tokenizer.convert_ids_to_tokens(tokenizer(line).input_ids) for line in lines]


def time_heed(beams):
    """Sentences per second of one translation, after a warm-up."""
    out = subprocess.run([options.heed, "bench", "translate", "--model", options.model, "--input", options.source,
                          "--beams", str(beams), "--runs", "1", "-t", str(options.threads)],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    return float(re.search(r"([\d.]+) sentences/s", out)[1])


def time_ctranslate2(translator, beams, batch):
    start = time.perf_counter()
    translator.translate_batch(tokens, beam_size=beams, batch_type=batch[0], max_batch_size=batch[1],
                               max_decoding_length=longest)
    return len(tokens) / (time.perf_counter() - start)


with tempfile.TemporaryDirectory() as scratch:
    folder = ctranslate2.converters.TransformersConverter(options.model).convert(f"{scratch}/model",
                                                                                quantization="float32")
    threads = {(1, options.threads), (options.threads, 1)}
    translators = {(inter, intra): ctranslate2.Translator(folder, device="cpu", compute_type="float32",
                                                          inter_threads=inter, intra_threads=intra)
                   for inter, intra in threads}
    batches = [("tokens", 2 ** n) for n in range(8, 13)] + [("examples", 32), ("examples", 64)]
    for beams in options.beams:
        tried = {(way, batch): time_ctranslate2(translator, beams, batch)
                 for way, translator in translators.items() for batch in batches}
        way, batch = max(tried, key=tried.get)
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(time_heed(beams))
            time_ctranslate2(translators[way], beams, batch)  # to warm up, as heed did
            theirs.append(time_ctranslate2(translators[way], beams, batch))
        print(f"{beams} beams, {options.threads} threads, sentences/s:")
        print(f"  heed         {spread(ours)}")
        print(f"  CTranslate2  {spread(theirs)}   inter_threads {way[0]}, intra_threads {way[1]}, "
              f"{batch[1]} {batch[0]} a batch")
        print(f"  ratio        {spread([a / b for a, b in zip(ours, theirs)])}", flush=True)
