"""Time that the Python module adds to calls of the C library:

    HEED_LIBRARY=build/libheed.so PYTHONPATH=python python3 bench/python_overhead.py [--calls NUMBER]

Each call alternates with the same call of the C function through ctypes, with arguments that were prepared before, and without
reading the results. Prints medians, and the difference.
"""

import argparse
import ctypes
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python" / "tests"))
import heed
from heed._library import lib, quick
from models import Models

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--calls", type=int, default=2000, help="calls of each kind (default: 2000)")
arguments = parser.parse_args()
TEXT = "the old dog sees a tree"


def measure(name, python, c):
    times = ([], [])
    for i in range(arguments.calls):
        for kind, call in enumerate((python, c)):
            start = time.perf_counter()
            call()
            times[kind].append(time.perf_counter() - start)
    medians = [statistics.median(found) * 1e6 for found in times]
    print(f"{name:<34}{medians[0]:>10.1f}{medians[1]:>10.1f}{medians[0] - medians[1]:>10.1f}", flush=True)


def results_call(model, function, options=None, between=()):
    """The C call for one text."""
    raw = TEXT.encode()
    texts, sizes, out = (ctypes.c_char_p * 1)(raw), (ctypes.c_size_t * 1)(len(raw)), ctypes.c_void_p()
    handle = model.here().pointer

    def call():
        function(handle, options, texts, sizes, 1, *between, ctypes.byref(out))
        quick.heed_results_close(out)

    return call


def options_of(model, kind, **settings):
    out, context = ctypes.c_void_p(), model.context.here().pointer
    getattr(lib, f"heed_{kind}_options")(context, ctypes.byref(out))
    for option, value in settings.items():
        assert lib.heed_options_set(out, option.encode(), str(value).encode()) == 0
    return out


def main():
    with tempfile.TemporaryDirectory() as folder:
        models = Models(pathlib.Path(folder))
        context = heed.Context(threads=1)
        open_model = lambda name: heed.Model(models[name], context)
        classifier, tagger, filler, language, translator = map(
            open_model, ("classifier", "tagger", "filler", "language", "translator")
        )
        print(f"{'call, one text':<34}{'Python':>10}{'C':>10}{'more':>10}   (microseconds, medians)")
        measure("classify", lambda: classifier.classify(TEXT), results_call(classifier, lib.heed_classify))
        measure("tag", lambda: tagger.tag(TEXT), results_call(tagger, lib.heed_tag))
        measure("embed", lambda: filler.embed(TEXT), results_call(filler, lib.heed_embed))
        one = options_of(language, "generate", **{"max-new-tokens": 1})
        measure(
            "generate, 1 token",
            lambda: language.generate(TEXT, max_new_tokens=1),
            results_call(language, lib.heed_generate, one, (0, None, None)),
        )
        greedy = options_of(translator, "translate", beams=1)
        measure(
            "translate, greedy",
            lambda: translator.translate(TEXT, beams=1),
            results_call(translator, lib.heed_translate, greedy),
        )
        pipe = heed.pipeline("text-classification", model=classifier)
        measure('pipeline("text-classification")', lambda: pipe(TEXT), results_call(classifier, lib.heed_classify))
        tokenizer, raw, out = classifier.tokenizer, TEXT.encode(), ctypes.c_void_p()
        handle, here = tokenizer._handle.pointer, context.here().pointer

        def encode():
            lib.heed_tokenizer_encode(handle, here, raw, len(raw), True, ctypes.byref(out))
            quick.heed_encoding_close(out)

        measure("Tokenizer.encode", lambda: tokenizer.encode(TEXT), encode)


main()
