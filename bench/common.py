"""What the comparisons share: reading lines, and translating with heed's command, transformers and CTranslate2."""
import gzip
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent


def add_heed(parser):
    parser.add_argument("--heed", default=str(PROJECT / "build/heed"), help="heed's command (default build/heed)")
    parser.add_argument("--threads", type=int, default=2)


def read_lines(path, limit=None):
    """The lines of a file, packed with gzip or not; only a newline ends one."""
    open_file = gzip.open if str(path).endswith(".gz") else open
    with open_file(path, "rt", encoding="utf-8", errors="replace", newline="\n") as file:
        lines = [line.rstrip("\n") for line in file]
    return lines[:limit]


def heed_translate(command, folder, lines, beams, threads):
    """Translations, and the seconds that the whole process took."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
        file.flush()
        start = time.perf_counter()
        done = subprocess.run([command, "translate", "-m", str(folder), "--beams", str(beams), "-t", str(threads),
                               "--input", file.name], stdout=subprocess.PIPE, check=True)
        seconds = time.perf_counter() - start
    out = done.stdout.decode().split("\n")[:-1]
    assert len(out) == len(lines), f"{len(lines)} lines in, {len(out)} out"
    return out, seconds


def transformers_translate(folder, lines, beams, threads, batch=32):
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
    torch.set_num_threads(threads)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    start, out = time.perf_counter(), [""] * len(lines)
    order = sorted((i for i in range(len(lines)) if lines[i].strip()), key=lambda i: len(lines[i]))
    for at in range(0, len(order), batch):
        some = order[at:at + batch]
        source = tokenizer([lines[i] for i in some], return_tensors="pt", padding=True)
        with torch.no_grad():
            ids = model.generate(**source, num_beams=beams)
        for i, text in zip(some, tokenizer.batch_decode(ids, skip_special_tokens=True)):
            out[i] = text
    return out, time.perf_counter() - start


def ctranslate2_translate(folder, lines, beams, threads, batch_tokens=4096):
    import ctranslate2
    from transformers import AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with tempfile.TemporaryDirectory() as scratch:
        converted = ctranslate2.converters.TransformersConverter(str(folder)).convert(
            f"{scratch}/model", quantization="float32")
        translator = ctranslate2.Translator(converted, device="cpu", compute_type="float32",
                                            inter_threads=1, intra_threads=threads)
        start, out = time.perf_counter(), [""] * len(lines)
        full = [i for i in range(len(lines)) if lines[i].strip()]
        tokens = [tokenizer.convert_ids_to_tokens(tokenizer(lines[i]).input_ids) for i in full]
        results = translator.translate_batch(tokens, beam_size=beams, batch_type="tokens",
                                             max_batch_size=batch_tokens)
        for i, result in zip(full, results):
            ids = tokenizer.convert_tokens_to_ids(result.hypotheses[0])
            out[i] = tokenizer.decode(ids, skip_special_tokens=True)
        return out, time.perf_counter() - start


def report_training(take_step, tokens, warm_up, title):
    """Takes steps 0, 1, … of tokens[step] target tokens each, of which the first few only warm up, and prints how fast."""
    seconds, loss = [], None
    for step in range(len(tokens)):
        start = time.perf_counter()
        loss = take_step(step)
        seconds.append(time.perf_counter() - start)
    print(title)
    print("target tokens/s ", spread([n / s for n, s in zip(tokens[warm_up:], seconds[warm_up:])]))
    print("ms/step         ", spread([1000 * s for s in seconds[warm_up:]]))
    print(f"peak memory      {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB resident")
    print(f"loss             {loss:.3f}")


def spread(values):
    """Median, and how far the values lie from it: what a figure is worth on a machine that does other things too."""
    middle, lowest, highest = (f"{x:.0f}" if x >= 1000 else f"{x:.4g}"
                               for x in (statistics.median(values), min(values), max(values)))
    return f"{middle} (lowest {lowest}, highest {highest}, runs {len(values)})"
