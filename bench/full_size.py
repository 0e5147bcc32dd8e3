#!/usr/bin/env python3
"""Times models of published sizes with random weights in heed and in other programs, alternating, in one run:

    full_size.py [--only MODEL ...] [--rounds 5] [--threads 2]

| model | structure | jobs | programs |
| opus-mt, t5-base | Marian and T5-base, float32 | 32 texts of 20 to 30 words, 32 new tokens each, 4 beams and greedy | CTranslate2, PyTorch |
| bert-base | BERT-base, bfloat16 arithmetic | 320 sentences of 20 to 30 words, in batches of 32 and one at a time | PyTorch in bfloat16 |
| gpt2, gpt2-bf16, llama-1.1b | GPT-2 small in float32 and bfloat16, TinyLlama in bfloat16 | reading a prompt of 512 tokens; 128 new tokens | PyTorch, llama.cpp (xllamacpp) |

heed reads prompts of bfloat16 models with bfloat16 arithmetic, as the others do, and generates with float32 arithmetic. Each
program has a process of its own that keeps the model open. Peak memory is the largest resident set of that process, with its
interpreter. The tokenizer has a token per word. Tokens of the others are prepared beforehand; heed's time includes tokenization.
Programs that are not installed are left out by name. Each figure is the median of the rounds, with the lowest and the highest.
"answers" counts the texts for which the program gave the answer of heed. Nothing else should run.
"""
import argparse
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from common import add_heed, spread

NEW, TEXTS = 32, 32
TRANSLATORS = ["beam 4", "beam 1"]
ENCODERS = ["batch 32", "batch 1"]
DECODERS = ["prefill 512", "decode 128"]
GPT2 = ("GPT2LMHeadModel", dict(bos_token_id=50256, eos_token_id=50256))
MODELS = {  # class and configuration, element type, jobs, peers
    "opus-mt": ("MarianMTModel", None, "float32", TRANSLATORS, ["ctranslate2", "pytorch"]),
    "t5-base": ("T5ForConditionalGeneration",
                dict(vocab_size=32128, d_model=768, d_ff=3072, num_layers=12, num_heads=12, pad_token_id=0, eos_token_id=1,
                     decoder_start_token_id=0), "float32", TRANSLATORS, ["ctranslate2", "pytorch"]),
    "bert-base": ("BertForSequenceClassification", dict(num_labels=2, pad_token_id=0), "float32", ENCODERS, ["pytorch"]),
    "gpt2": (*GPT2, "float32", DECODERS, ["pytorch", "xllamacpp"]),
    "gpt2-bf16": (*GPT2, "bfloat16", DECODERS, ["pytorch", "xllamacpp"]),
    "llama-1.1b": ("LlamaForCausalLM",
                   dict(vocab_size=32000, hidden_size=2048, intermediate_size=5632, num_hidden_layers=22, num_attention_heads=32,
                        num_key_value_heads=4, max_position_embeddings=2048, rms_norm_eps=1e-5, eos_token_id=2), "bfloat16",
                   DECODERS, ["pytorch", "xllamacpp"]),
}


# ---- models and texts ---------------------------------------------------------------------------------------------

def make_model(name, folder):
    """A folder with random weights and a tokenizer of one token per word: "w7" has id 7."""
    import torch
    import transformers
    from translators import MODELS as PUBLISHED, make_tokenizer
    kind, keys, dtype, jobs, _ = MODELS[name]
    torch.manual_seed(17)
    kind = getattr(transformers, kind)
    config = kind.config_class(**(keys or PUBLISHED[name][1]))
    model = kind(config).to(getattr(torch, dtype))
    if jobs == TRANSLATORS:
        model.generation_config = transformers.GenerationConfig(
            min_new_tokens=NEW, max_new_tokens=NEW, decoder_start_token_id=config.decoder_start_token_id,
            eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id, bad_words_ids=[[config.pad_token_id]])
    if jobs == DECODERS:
        model.generation_config = transformers.GenerationConfig(bos_token_id=config.bos_token_id)
    model.save_pretrained(folder)
    if jobs == TRANSLATORS:
        make_tokenizer(folder, config)
    else:
        from tokenizers import Tokenizer, models, pre_tokenizers
        words = {f"w{i}": i for i in range(config.vocab_size)}
        tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.save(f"{folder}/tokenizer.json")
    if name.startswith(("gpt2", "llama")):
        write_gguf(model, folder)


def write_gguf(model, folder):
    """The same weights for llama.cpp, in the element type of the model."""
    import gguf
    import torch
    config = model.config
    is_gpt2 = config.model_type == "gpt2"
    out = gguf.GGUFWriter(f"{folder}/model.gguf", config.model_type)
    width, heads = config.hidden_size, config.num_attention_heads
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(width)
    out.add_block_count(config.num_hidden_layers)
    out.add_feed_forward_length(4 * width if is_gpt2 else config.intermediate_size)
    out.add_head_count(heads)
    if is_gpt2:
        out.add_layer_norm_eps(config.layer_norm_epsilon)
    else:
        out.add_head_count_kv(config.num_key_value_heads)
        out.add_layer_norm_rms_eps(config.rms_norm_eps)
        out.add_rope_dimension_count(width // heads)
        out.add_vocab_size(config.vocab_size)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list([f"w{i}" for i in range(config.vocab_size)])
    out.add_token_merges(["w 0"])
    bf16 = model.dtype == torch.bfloat16

    def halves(weight):  # the halves of each head's query and key are interleaved in llama.cpp
        return weight.reshape(-1, 2, width // heads // 2, width).swapaxes(1, 2).reshape(weight.shape)

    names = {"transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
             "ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up",
             "mlp.c_proj": "ffn_down", "lm_head": "output", "model.embed_tokens": "token_embd", "model.norm": "output_norm",
             "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
             "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings: continue
        part, end = name.rsplit(".", 1)
        layer = ""
        if ".h." in part or ".layers." in part:
            _, layer, part = part.replace("transformer.h.", "h.").replace("model.layers.", "h.").split(".", 2)
            layer = f"blk.{layer}."
        if is_gpt2 and weight.dim() == 2 and layer: weight = weight.T
        if part in ("self_attn.q_proj", "self_attn.k_proj"): weight = halves(weight)
        weight = weight.contiguous()
        if bf16 and weight.dim() == 2 and "wpe" not in name:
            out.add_tensor(f"{layer}{names[part]}.{end}", weight.view(torch.uint16).numpy().view("uint8"),
                           raw_dtype=gguf.GGMLQuantizationType.BF16)
        else:
            out.add_tensor(f"{layer}{names[part]}.{end}", weight.float().numpy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def ids_of(job):
    """The source tokens of each text of a job."""
    count, lengths = {"beam": (TEXTS, range(20, 31)), "batch": (320, range(20, 31)), "prefill": (1, [512]),
                      "decode": (1, [1])}[job.split()[0]]
    return [[(37 * i + 911 * j) % 5000 + 10 for i in range(lengths[j % len(lengths)])] for j in range(count)]


def text_of(ids):
    return " ".join(f"w{i}" for i in ids)


def done_by(job):
    """What a job does, counted: new tokens, texts, or tokens read."""
    return {"beam": TEXTS * NEW, "batch": 320, "prefill": 512, "decode": 128}[job.split()[0]]


# ---- programs: each returns a function that runs a job, and gives its answer -------------------------------------

def open_heed(folder, options):
    from libheed import Heed
    opened = {}

    def run(job):
        kind, size = job.split()
        rounded = options.model == "bert-base" or (MODELS[options.model][2] == "bfloat16" and kind == "prefill")
        compute = "bf16" if rounded else "f32"
        if compute not in opened:
            opened.clear()
            opened[compute] = Heed(options.heed, folder, options.threads, compute)
        heed, texts = opened[compute], [text_of(ids) for ids in ids_of(job)]

        def go():
            if kind == "beam": return heed.translate(texts, int(size))
            if kind == "batch":
                step = len(texts) if int(size) > 1 else 1
                return [max(scores, key=scores.get) for at in range(0, len(texts), step)
                        for scores in heed.classify(texts[at:at + step])]
            return heed.generate(texts, 1 if kind == "prefill" else 128)
        return go
    return run


def open_pytorch(folder, options):
    import torch
    import transformers
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    dtype = torch.bfloat16 if options.model == "bert-base" else getattr(torch, MODELS[options.model][2])
    model = getattr(transformers, MODELS[options.model][0]).from_pretrained(folder, dtype=dtype).eval()

    def padded(ids, ends=()):
        longest = max(map(len, ids)) + len(ends)
        pad = model.config.pad_token_id or 0
        return dict(input_ids=torch.tensor([one + list(ends) + [pad] * (longest - len(one) - len(ends)) for one in ids]),
                    attention_mask=torch.tensor([[1] * (len(one) + len(ends)) + [0] * (longest - len(one) - len(ends))
                                                 for one in ids]))

    def run(job):
        kind, size = job.split()
        ids = ids_of(job)
        if kind == "beam":
            source, start = padded(ids, [model.config.eos_token_id]), 1

            def go():
                out = model.generate(**source, num_beams=int(size), do_sample=False)
                return [text_of(one[start:start + NEW].tolist()) for one in out]
        elif kind == "batch":
            order = sorted(range(len(ids)), key=lambda i: len(ids[i])) if int(size) > 1 else range(len(ids))
            batches = [order[at:at + int(size)] for at in range(0, len(ids), int(size))]
            inputs = [padded([ids[i] for i in some]) for some in batches]

            def go():
                out = [None] * len(ids)
                for some, source in zip(batches, inputs):
                    for i, label in zip(some, model(**source).logits.argmax(-1).tolist()): out[i] = model.config.id2label[label]
                return out
        else:
            new = 1 if kind == "prefill" else 128
            prompt = torch.tensor(ids)

            def go():
                token, cache, out = prompt, None, []
                for _ in range(new):
                    step = model(token, past_key_values=cache, use_cache=True, logits_to_keep=1)
                    token, cache = step.logits[:, -1:].argmax(-1), step.past_key_values
                    out.append(token.item())
                return [text_of(out)]
        return go
    return run


def open_ctranslate2(folder, options):
    import ctranslate2
    path = f"{folder}/ctranslate2"
    if not pathlib.Path(path).exists():
        ctranslate2.converters.TransformersConverter(folder).convert(path, quantization="float32")
    model = ctranslate2.Translator(path, device="cpu", compute_type="float32", inter_threads=1, intra_threads=options.threads)

    def run(job):
        tokens = [text_of(ids).split() + ["</s>"] for ids in ids_of(job)]

        def go():
            out = model.translate_batch(tokens, beam_size=int(job.split()[1]), min_decoding_length=NEW, max_decoding_length=NEW,
                                        max_batch_size=TEXTS, suppress_sequences=[["<pad>"]])
            return [" ".join(one.hypotheses[0]) for one in out]
        return go
    return run


def open_xllamacpp(folder, options):
    """llama.cpp in the wheel of xllamacpp, which is compiled for AVX2: its reading of prompts is slower than a native build's."""
    import xllamacpp
    params = xllamacpp.CommonParams()
    params.model.path = f"{folder}/model.gguf"
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_parallel = 640, 512, 512, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    params.warmup, params.verbosity = False, -1
    server = xllamacpp.Server(params)

    def run(job):
        request = {"prompt": ids_of(job)[0], "n_predict": 1 if job.startswith("prefill") else 128, "temperature": 0,
                   "cache_prompt": False, "ignore_eos": True}

        def go():
            text = server.handle_completions(request)["choices"][0]["text"]
            return [text.replace("w", " w")]  # its tokenizer puts no space between words
        return go
    return run


def peak_memory():
    """Megabytes of the largest resident set so far."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))


def work(program, folder, options):
    """A process for one program: runs the jobs that standard input names, and prints times, answers and peak memory."""
    run, jobs = globals()["open_" + program](folder, options), {}
    for line in sys.stdin:
        job = line.strip()
        if job not in jobs: jobs[job] = run(job)
        start = time.perf_counter()
        answer = jobs[job]()
        print(json.dumps({"seconds": time.perf_counter() - start, "answer": answer, "memory": peak_memory()}), flush=True)


# ---- the measurement ------------------------------------------------------------------------------------------------

def measure(name, options):
    programs = ["heed"] + [one for one in MODELS[name][4] if importlib.util.find_spec({"pytorch": "torch"}.get(one, one))]
    for one in set(MODELS[name][4]) - set(programs): print(f"{name}: {one} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, "--make", folder, "--only", name], check=True)
        for job in MODELS[name][3]:
            # a process per job, so that memory is that of the job
            workers = {one: subprocess.Popen(
                [sys.executable, __file__, "--work", one, folder, "--only", name, "--threads", str(options.threads), "--heed",
                 options.heed], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for one in programs}
            rates, answers, memory = {one: [] for one in programs}, {}, {}
            for round in range(options.rounds + 1):
                for one, worker in workers.items():
                    print(job, file=worker.stdin, flush=True)
                    result = json.loads(worker.stdout.readline())
                    answers[one], memory[one] = result["answer"], result["memory"]
                    if round: rates[one].append(done_by(job) / result["seconds"])  # the first one warms up
            for worker in workers.values():
                worker.stdin.close()
                worker.wait()
            print(f"{name}, {job}, {options.threads} threads, {'texts' if job.startswith('batch') else 'tokens'}/s:")
            for one in programs:
                same = sum(a.strip() == b.strip() for a, b in zip(answers[one], answers["heed"]))
                print(f"  {one:14} {spread(rates[one])}; peak {memory[one]:.0f} MB; answers {same} of {len(answers['heed'])} equal")
            others = [max(values) for values in zip(*(rates[one] for one in programs[1:]))]
            print(f"  ratio to the best {spread([a / b for a, b in zip(rates['heed'], others)])}; "
                  f"memory to the smallest {memory['heed'] / min(memory[one] for one in programs[1:]):.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--make", help=argparse.SUPPRESS)
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    add_heed(parser)
    options = parser.parse_args()
    if options.make: return make_model(options.only[0], options.make)
    if options.work:
        options.model = options.only[0]
        return work(*options.work, options)
    for name in options.only: measure(name, options)


if __name__ == "__main__":
    main()
