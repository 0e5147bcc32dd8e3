"""heed's C functions in this process: models are opened once, and only the calls are timed."""
import ctypes
import pathlib

P, S = ctypes.c_void_p, ctypes.c_char_p


class Heed:
    """One open model. `command` is the path of heed's command; libheed.so lies beside it."""

    def __init__(self, command, folder, threads, compute="f32"):
        self.lib = ctypes.CDLL(str(pathlib.Path(command).resolve().parent / "libheed.so"))
        self.lib.heed_context_message.restype = S
        for name in ("heed_results_text", "heed_results_label", "heed_results_problem"):
            getattr(self.lib, name).restype = S
        self.lib.heed_results_score.restype = ctypes.c_float
        self.context, self.model = P(), P()
        self.check(self.lib.heed_context_open(ctypes.byref(self.context)))
        self.check(self.lib.heed_context_set_threads(self.context, threads))
        self.check(self.lib.heed_context_set_compute(self.context, compute.encode()))
        self.check(self.lib.heed_model_open(self.context, S(str(folder).encode()), ctypes.byref(self.model)))

    def check(self, status):
        if status != 0:
            raise RuntimeError(self.lib.heed_context_message(self.context).decode())

    def run(self, call, lines):
        """Calls call(texts, count, results); the caller closes what it returns."""
        texts = (S * len(lines))(*[line.encode() for line in lines])
        results = P()
        self.check(call(texts, ctypes.c_size_t(len(lines)), ctypes.byref(results)))
        return results

    def texts_of(self, results, count):
        """The first answer of each text; closes the results."""
        out = []
        for i in range(count):
            text = self.lib.heed_results_text(results, ctypes.c_size_t(i), ctypes.c_size_t(0))
            out.append(text.decode(errors="replace") if text is not None else None)
        self.lib.heed_results_close(results)
        return out

    def classify(self, lines):
        results = self.run(lambda texts, count, out: self.lib.heed_classify(self.model, None, texts, None, count, out), lines)
        scores = []
        for i in range(len(lines)):
            n, pairs = self.lib.heed_results_alternatives(results, ctypes.c_size_t(i)), {}
            for j in range(n):
                at = ctypes.c_size_t(i), ctypes.c_size_t(j)
                pairs[self.lib.heed_results_label(results, *at).decode()] = self.lib.heed_results_score(results, *at)
            scores.append(pairs)
        self.lib.heed_results_close(results)
        return scores

    def options(self, make, values):
        """Options of a call, by name; the caller closes them."""
        options = P()
        self.check(make(self.context, ctypes.byref(options)))
        for name, value in values.items():
            self.check(self.lib.heed_options_set(options, name.encode(), str(value).encode()))
        return options

    def generate(self, lines, new_tokens):
        options = self.options(self.lib.heed_generate_options, {"max-new-tokens": new_tokens})
        results = self.run(lambda texts, count, out: self.lib.heed_generate(
            self.model, options, texts, None, count, ctypes.c_uint64(0), None, None, out), lines)
        self.lib.heed_options_close(options)
        return self.texts_of(results, len(lines))

    def translate(self, lines, beams):
        options = self.options(self.lib.heed_translate_options, {"beams": beams})
        results = self.run(lambda texts, count, out: self.lib.heed_translate(self.model, options, texts, None, count, out), lines)
        self.lib.heed_options_close(options)
        return self.texts_of(results, len(lines))


class Session:
    """A decoding session of an open model. All requests have the same options."""

    def __init__(self, heed, values):
        self.heed, self.session = heed, P()
        heed.lib.heed_session_is_busy.restype = ctypes.c_bool
        self.options = heed.options(heed.lib.heed_session_options, values)
        heed.check(heed.lib.heed_session_open(heed.model, ctypes.byref(self.session)))

    def add(self, text, number):
        text = text.encode()
        self.heed.check(self.heed.lib.heed_session_add(self.session, self.options, S(text), ctypes.c_size_t(len(text)),
                                                       ctypes.c_uint64(number), None, None, None))

    def is_busy(self):
        return self.heed.lib.heed_session_is_busy(self.session)

    def step(self):
        self.heed.check(self.heed.lib.heed_session_step(self.session))

    def finished(self):
        """The texts of the requests that have finished since the last call, by their place in the order of adding."""
        out = {}
        while True:
            request, results = ctypes.c_uint64(), P()
            self.heed.check(self.heed.lib.heed_session_next(self.session, ctypes.byref(request), ctypes.byref(results)))
            if not results:
                return out
            out[request.value] = self.heed.texts_of(results, 1)[0]

    def close(self):
        self.heed.lib.heed_session_close(self.session)
        self.heed.lib.heed_options_close(self.options)
