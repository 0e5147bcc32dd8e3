"""Makes tiny random models of transformers, and what transformers computes with them, in this folder:

    python make.py              every golden that is not there yet
    python make.py --only NAME  that one, anew
    python make.py --measure [NAME ...]   expected.json alone, of the weights that are there; of all goldens without a name

    NAME/config.json, model.safetensors    a folder without a tokenizer
    NAME/expected.json                     measure.py states its contents

The seed of a model follows from its name. bert, gpt2, llama and llama-grouped were written with transformers 5.23.0 and with
their number in the table as the seed; the others with 5.24.0; all with torch 2.13.0.

A row of MODELS is a function that makes the model. measure.py treats each model by the head of its class, so a further row
needs nothing else. A row that needs other texts than LONG is a pair of the function and {"texts": [...]}; an encoder–decoder
may also have {"targets": [...]}, the inputs of its decoder without the token that starts them. {"pairs": ...} is the
post-processor of the tokenizer that arranges pairs of texts for a class that classifies them.
"""
import argparse
import os
import zlib

import torch
import transformers
from transformers import (BertConfig, BertForMaskedLM, BertForSequenceClassification, BertForTokenClassification,
                          GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MarianConfig, MarianMTModel,
                          OPTConfig, OPTForCausalLM, PegasusConfig, PegasusForConditionalGeneration, Qwen2Config,
                          Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM, RobertaConfig, RobertaForMaskedLM,
                          RobertaForSequenceClassification, RobertaForTokenClassification)

from measure import measure

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST = ["bert-masked", "bert-text", "bert-tokens", "gpt2", "llama", "llama-grouped"]  # their seeds are their numbers
TEXTS = [[2, 5, 9, 3], [2, 3], [2, 17, 17, 4, 30, 31, 32, 8, 9, 10, 11, 12, 3], [7]]
PADDED = TEXTS + [[1, 5, 1, 1, 9], [2, 1, 7, 1, 3]]  # with the padding token of RoBERTa
BEYOND = [[2] + [4 + 11 * i % 33 for i in range(150)] + [3]]  # past the last distance of 128 in buckets
LONG = TEXTS + [[2] + [4 + 11 * i % 33 for i in range(70)] + [3]]  # past the blocks of 64 keys
BERT = dict(vocab_size=37, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
            max_position_embeddings=16, layer_norm_eps=1e-12, hidden_act="gelu")
ROBERTA = dict(BERT, max_position_embeddings=82, type_vocab_size=1, layer_norm_eps=1e-5)
OPT = dict(vocab_size=37, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, ffn_dim=40,
           max_position_embeddings=80, word_embed_proj_dim=24)
LLAMA = dict(vocab_size=37, hidden_size=24, num_hidden_layers=2, intermediate_size=40, max_position_embeddings=32,
             bos_token_id=1, eos_token_id=2)
WIDE = dict(LLAMA, num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=80)
BART = dict(vocab_size=37, d_model=16, encoder_layers=3, decoder_layers=3, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=80)
MPNET = dict(vocab_size=37, hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=40,
             max_position_embeddings=182, layer_norm_eps=1e-5)
T5 = dict(vocab_size=37, d_model=16, d_kv=4, d_ff=20, num_layers=3, num_heads=3, relative_attention_num_buckets=8,
          relative_attention_max_distance=20, decoder_start_token_id=0)
GATED = dict(T5, d_kv=3, d_ff=12, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
TEXT, TOKENS = {0: "bad", 1: "good", 2: "neither"}, {0: "O", 1: "PER", 2: "LOC", 3: "ORG"}
SMALL = dict(vocab_size=37, hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
             max_position_embeddings=82)
SMALL_BART = dict(vocab_size=37, d_model=8, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
                  decoder_attention_heads=2, encoder_ffn_dim=12, decoder_ffn_dim=12, max_position_embeddings=80)
ENDED = {"texts": [[0, 5, 9, 2], [0, 2], [0, 4, 2, 8, 9, 2], [0] + [4 + 11 * i % 33 for i in range(70)] + [2]]}
SMALL_LLAMA = dict(SMALL, num_key_value_heads=1, pad_token_id=1, bos_token_id=1, eos_token_id=2)
WINDOWED = dict(SMALL, num_hidden_layers=6, num_key_value_heads=1, bos_token_id=1, eos_token_id=2)
GPT_NEO = dict(vocab_size=37, hidden_size=12, num_layers=6, num_heads=2, intermediate_size=16, max_position_embeddings=80,
               bos_token_id=1, eos_token_id=2)
SMALL_GPT_NEO = dict(GPT_NEO, num_layers=2, pad_token_id=1, window_size=9, attention_types=[[["local", "global"], 1]])
SMALL_GPT2 = dict(vocab_size=37, n_embd=12, n_layer=2, n_head=2, n_positions=80, pad_token_id=1)
SMALL_T5 = dict(GATED, d_model=8, d_ff=10, num_layers=2, num_heads=2)
STOPPED = {"texts": [[5, 9, 1], [1], [5, 1, 9, 1], [5, 9, 1, 7], [4 + 11 * i % 33 for i in range(70)] + [1]]}
SMALL_OPT = dict(vocab_size=37, hidden_size=12, num_hidden_layers=2, num_attention_heads=2, ffn_dim=16,
                 max_position_embeddings=80, word_embed_proj_dim=12)
BERT_PAIRS = {"post_processor": {"type": "BertProcessing", "sep": ["t3", 3], "cls": ["t2", 2]}, "typed": True}
ROBERTA_PAIRS = {"post_processor": {"type": "RobertaProcessing", "sep": ["t2", 2], "cls": ["t0", 0], "trim_offsets": True,
                                    "add_prefix_space": False}, "typed": False}
NARROW_OPT = dict(SMALL_OPT, word_embed_proj_dim=8, do_layer_norm_before=False)


def small(name, **keys):
    """A class of transformers by its name. For heads: the network below has a row of its own."""
    kind = getattr(transformers, name)
    return lambda: kind(kind.config_class(**keys))


def untied(name, **keys):
    """T5 1.1 has an output table of its own, though transformers 5 ties it whatever the config says."""
    def make_model():
        model = small(name, **keys)()
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.clone())
        return model

    return make_model


DISTILBERT = dict(vocab_size=37, dim=18, n_layers=3, n_heads=3, hidden_dim=28, max_position_embeddings=80,
                  activation="relu")
SMALL_DISTILBERT = dict(DISTILBERT, dim=12, n_layers=2, n_heads=2, hidden_dim=16)
ALBERT = dict(vocab_size=37, embedding_size=8, hidden_size=24, num_hidden_layers=5, num_hidden_groups=2,
              num_attention_heads=3, intermediate_size=40, max_position_embeddings=80)
ELECTRA = dict(vocab_size=37, embedding_size=8, hidden_size=18, num_hidden_layers=3, num_attention_heads=3,
               intermediate_size=28, max_position_embeddings=80, hidden_act="relu")
ROTARY = dict(WIDE, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4)
FACTORS = dict(short_factor=[1.0, 1.25, 1.5, 2.0, 2.5], long_factor=[2.0, 3.0, 5.5, 9.0, 12.0])
PHI3 = dict(ROTARY, hidden_size=24, pad_token_id=0, original_max_position_embeddings=40)
SHORTER = {key: factors[:3] for key, factors in FACTORS.items()}
CROSSING = TEXTS + [[2] + [4 + 7 * i % 33 for i in range(n)] for n in (38, 54)]  # 20 tokens more are past 40 and past 64


def scaled(kind, **numbers):
    """A Llama with scaled rotary positions."""
    keys = dict(ROTARY, head_dim=10, rope_parameters=dict(rope_type=kind, rope_theta=10000.0, **numbers))
    if kind == "dynamic": keys["max_position_embeddings"] = 40
    if kind == "linear": keys.update(attention_bias=True, mlp_bias=True)
    return small("LlamaForCausalLM", **keys)


def longrope(**numbers): return dict(rope_type="longrope", rope_theta=10000.0, **numbers)


GEMMA3 = dict(dict(ROTARY, intermediate_size=16, num_hidden_layers=6), head_dim=10, sliding_window=20, pad_token_id=0,
              query_pre_attn_scalar=256, layer_types=["sliding_attention", "full_attention"] * 3)
SMALL_GTE = dict(SMALL, num_hidden_layers=3, head_dim=10)
SMALL_NOMIC = dict(SMALL, num_hidden_layers=3, head_dim=10)
SMALL_MODERN = dict(SMALL, num_hidden_layers=7, local_attention=8, pad_token_id=1, bos_token_id=2, eos_token_id=3,
                    cls_token_id=2, sep_token_id=3)  # three layers with a full view, four with a window
DEBERTA = dict(vocab_size=37, hidden_size=18, num_hidden_layers=3, num_attention_heads=3, intermediate_size=40,
               max_position_embeddings=80, position_biased_input=False, relative_attention=True, position_buckets=16,
               pos_att_type=["p2c", "c2p"], share_att_key=True, norm_rel_ebd="layer_norm")
SMALL_DEBERTA = dict(DEBERTA, hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16)
MODELS = {
    "albert-answer": small("AlbertForQuestionAnswering", **SMALL, embedding_size=8),
    "albert-headless": small("AlbertModel", **SMALL, embedding_size=12),
    "albert-masked": small("AlbertForMaskedLM", **ALBERT),
    "albert-text": (small("AlbertForSequenceClassification", **SMALL, embedding_size=8, num_hidden_groups=2, id2label=TEXT),
                    {"pairs": BERT_PAIRS}),
    "albert-tokens": small("AlbertForTokenClassification", **SMALL, embedding_size=8, id2label=TOKENS),
    "bart": small("BartForConditionalGeneration", **BART),
    "bart-answer": (small("BartForQuestionAnswering", **SMALL_BART), ENDED),
    "bart-headless": small("BartModel", **SMALL_BART),
    "bart-text": (small("BartForSequenceClassification", **SMALL_BART, id2label=TEXT), dict(ENDED, pairs=ROBERTA_PAIRS)),
    "bert-answer": small("BertForQuestionAnswering", **SMALL),
    "bert-headless": small("BertModel", **SMALL),
    "bert-masked": (lambda: BertForMaskedLM(BertConfig(**BERT)), {"texts": TEXTS}),
    "bert-text": (lambda: BertForSequenceClassification(BertConfig(**BERT, id2label=TEXT)),
                  {"texts": TEXTS, "pairs": BERT_PAIRS}),
    "bert-tokens": (lambda: BertForTokenClassification(BertConfig(**BERT, id2label=TOKENS)), {"texts": TEXTS}),
    "camembert-answer": small("CamembertForQuestionAnswering", **SMALL, type_vocab_size=1),
    "camembert-headless": small("CamembertModel", **SMALL, type_vocab_size=1),
    "camembert-masked": small("CamembertForMaskedLM", **ROBERTA),
    "camembert-text": small("CamembertForSequenceClassification", **SMALL, type_vocab_size=1, id2label=TEXT),
    "camembert-tokens": small("CamembertForTokenClassification", **SMALL, type_vocab_size=1, id2label=TOKENS),
    "deberta-v2-absolute": small("DebertaV2ForMaskedLM", **dict(
        SMALL_DEBERTA, relative_attention=False, position_biased_input=True, embedding_size=8, type_vocab_size=2)),
    "deberta-v2-answer": small("DebertaV2ForQuestionAnswering", **dict(
        SMALL_DEBERTA, position_buckets=8, max_relative_positions=30)),
    "deberta-v2-convolution": small("DebertaV2ForMaskedLM", **dict(SMALL_DEBERTA, conv_kernel_size=3, conv_act="gelu")),
    "deberta-v2-convolution-tokens": small("DebertaV2ForTokenClassification", **dict(
        SMALL_DEBERTA, num_hidden_layers=1, conv_kernel_size=5, id2label=TOKENS)),
    "deberta-v2-headless": small("DebertaV2Model", **dict(
        SMALL_DEBERTA, pos_att_type="p2c", share_att_key=False, position_buckets=-1, max_relative_positions=20)),
    "deberta-v2-masked": small("DebertaV2ForMaskedLM", **dict(DEBERTA, hidden_act="gelu_new")),
    "deberta-v2-text": (small("DebertaV2ForSequenceClassification", **dict(
        SMALL_DEBERTA, pos_att_type="c2p|p2c", share_att_key=False, norm_rel_ebd="none", position_biased_input=True,
        embedding_size=8, type_vocab_size=2, pooler_hidden_act="tanh", id2label=TEXT)), {"pairs": BERT_PAIRS}),
    "deberta-v2-tokens": small("DebertaV2ForTokenClassification", **dict(
        SMALL_DEBERTA, pos_att_type=["c2p"], norm_rel_ebd="none", id2label=TOKENS)),
    "distilbert-answer": small("DistilBertForQuestionAnswering", **SMALL_DISTILBERT),
    "distilbert-headless": small("DistilBertModel", **SMALL_DISTILBERT),
    "distilbert-masked": small("DistilBertForMaskedLM", **DISTILBERT),
    "distilbert-text": small("DistilBertForSequenceClassification", **SMALL_DISTILBERT, id2label=TEXT),
    "distilbert-tokens": small("DistilBertForTokenClassification", **SMALL_DISTILBERT, id2label=TOKENS),
    "electra-answer": small("ElectraForQuestionAnswering", **SMALL, embedding_size=8),
    "electra-headless": small("ElectraModel", **SMALL, embedding_size=12),
    "electra-masked": small("ElectraForMaskedLM", **ELECTRA),
    "electra-text": (small("ElectraForSequenceClassification", **SMALL, embedding_size=8, hidden_act="relu", id2label=TEXT),
                     {"pairs": BERT_PAIRS}),
    "electra-tokens": small("ElectraForTokenClassification", **SMALL, embedding_size=8, id2label=TOKENS),
    "gemma2": small("Gemma2ForCausalLM", **WINDOWED, head_dim=8, sliding_window=20, query_pre_attn_scalar=8,
                    attn_logit_softcapping=1.5, final_logit_softcapping=2.5),
    "gemma2-bias": small("Gemma2ForCausalLM", **WINDOWED, head_dim=4, sliding_window=70, attention_bias=True,
                         attn_logit_softcapping=None, final_logit_softcapping=None, hidden_activation="silu",
                         layer_types=["full_attention"] * 2 + ["sliding_attention"] * 3 + ["full_attention"]),
    "gemma2-headless": small("Gemma2Model", **SMALL_LLAMA, head_dim=8, sliding_window=9),
    "gemma2-text": small("Gemma2ForSequenceClassification", **SMALL_LLAMA, head_dim=8, sliding_window=9, id2label=TEXT),
    "gemma2-tokens": small("Gemma2ForTokenClassification", **SMALL_LLAMA, head_dim=8, sliding_window=9, id2label=TOKENS),
    "gemma3": small("Gemma3ForCausalLM", **GEMMA3, rope_parameters={
        "full_attention": dict(rope_type="linear", factor=8.0, rope_theta=1000000.0),
        "sliding_attention": dict(rope_type="default", rope_theta=10000.0)}, final_logit_softcapping=2.5),
    "gemma3-bidirectional": small("Gemma3TextModel", **GEMMA3, use_bidirectional_attention=True),
    "gemma3-text": small("Gemma3TextForSequenceClassification", **SMALL_LLAMA, head_dim=8, sliding_window=9,
                         rope_parameters=None, id2label=TEXT),
    "gpt-neo": small("GPTNeoForCausalLM", **dict(GPT_NEO, num_layers=4, intermediate_size=None), window_size=20,
                     attention_types=[[["global", "local"], 2]]),
    "gpt-neo-answer": small("GPTNeoForQuestionAnswering", **SMALL_GPT_NEO),
    "gpt-neo-headless": small("GPTNeoModel", **SMALL_GPT_NEO),
    "gpt-neo-text": small("GPTNeoForSequenceClassification", **SMALL_GPT_NEO, id2label=TEXT),
    "gpt-neo-tokens": small("GPTNeoForTokenClassification", **SMALL_GPT_NEO, id2label=TOKENS),
    "gpt-neo-types": small("GPTNeoForCausalLM", **GPT_NEO, activation_function="relu", window_size=66,
                           attention_types=[[["local"], 2], [["global", "global", "local", "global"], 1]]),
    "gpt2": (lambda: GPT2LMHeadModel(GPT2Config(vocab_size=37, n_embd=24, n_layer=2, n_head=3, n_positions=16,
                                                bos_token_id=1, eos_token_id=1)), {"texts": TEXTS}),
    "gpt2-answer": small("GPT2ForQuestionAnswering", **SMALL_GPT2),
    "gpt2-headless": small("GPT2Model", **SMALL_GPT2),
    "gpt2-text": small("GPT2ForSequenceClassification", **SMALL_GPT2, id2label=TEXT),
    "gpt2-tokens": small("GPT2ForTokenClassification", **SMALL_GPT2, id2label=TOKENS),
    "granite": small("GraniteForCausalLM", **ROTARY, head_dim=10, embedding_multiplier=3.0, attention_multiplier=0.4,
                     residual_multiplier=0.6, logits_scaling=1.5),
    "granite-headless": small("GraniteModel", **SMALL_LLAMA),
    "gte-headless": small("GteModel", **SMALL_GTE, type_vocab_size=0,
                          rope_parameters=dict(rope_type="linear", rope_theta=160000.0, factor=1.5)),
    "gte-masked": small("GteForMaskedLM", **dict(SMALL_GTE, hidden_act="silu")),
    "gte-text": small("GteForSequenceClassification", **SMALL_GTE, id2label=TEXT),
    "gte-tokens": small("GteForTokenClassification", **SMALL_GTE, id2label=TOKENS),
    "llama": (lambda: LlamaForCausalLM(LlamaConfig(**LLAMA, num_attention_heads=3)), {"texts": TEXTS}),
    "llama-answer": small("LlamaForQuestionAnswering", **SMALL_LLAMA),
    "llama-dynamic": scaled("dynamic", factor=2.5),
    "llama-grouped": (lambda: LlamaForCausalLM(LlamaConfig(**LLAMA, num_attention_heads=6, num_key_value_heads=2,
                                                           tie_word_embeddings=True, rope_theta=500.0)),
                      {"texts": TEXTS}),
    "llama-headless": small("LlamaModel", **SMALL_LLAMA),
    "llama-linear": scaled("linear", factor=4.0),
    "llama-llama3": scaled("llama3", factor=8.0, low_freq_factor=0.5, high_freq_factor=4.0,
                           original_max_position_embeddings=40),
    "llama-longrope": scaled("longrope", original_max_position_embeddings=40, **FACTORS),
    "llama-text": small("LlamaForSequenceClassification", **SMALL_LLAMA, id2label=TEXT),
    "llama-tokens": small("LlamaForTokenClassification", **SMALL_LLAMA, id2label=TOKENS),
    "llama-wide": lambda: LlamaForCausalLM(LlamaConfig(**WIDE, head_dim=10)),
    "llama-yarn": scaled("yarn", factor=4.0, original_max_position_embeddings=40),
    "llama-yarn-mscale": scaled("yarn", factor=4.0, original_max_position_embeddings=40, beta_fast=2.0, beta_slow=0.25,
                                mscale=0.5, mscale_all_dim=2.0, truncate=False),
    "m2m_100": (small("M2M100ForConditionalGeneration",
                      **dict(BART, d_model=15, encoder_attention_heads=3, decoder_attention_heads=5)),
                {"texts": LONG + [[5, 1, 6, 1, 1, 7, 2]]}),
    "m2m_100-headless": small("M2M100Model", **SMALL_BART),
    "marian": lambda: MarianMTModel(MarianConfig(**BART, pad_token_id=36, eos_token_id=0, decoder_start_token_id=36,
                                                 activation_function="swish", scale_embedding=True)),
    "marian-headless": small("MarianModel", **SMALL_BART, pad_token_id=36, eos_token_id=0, decoder_start_token_id=36),
    "marian-separate": (lambda: MarianMTModel(MarianConfig(
        **BART, decoder_vocab_size=29, share_encoder_decoder_embeddings=False, pad_token_id=28, eos_token_id=0,
        decoder_start_token_id=28, activation_function="swish", scale_embedding=True)),
                        {"targets": [[3 + 7 * j % 25 for j in range(count)] for count in [5, 1, 9, 0, 70]]}),
    "mbart": small("MBartForConditionalGeneration", **BART, scale_embedding=True, decoder_start_token_id=33),
    "mbart-50": small("MBartForConditionalGeneration", **BART, scale_embedding=True, decoder_start_token_id=2,
                      activation_function="relu"),
    "mbart-answer": (small("MBartForQuestionAnswering", **SMALL_BART), ENDED),
    "mbart-headless": small("MBartModel", **SMALL_BART, scale_embedding=True, decoder_start_token_id=33),
    "mbart-text": (small("MBartForSequenceClassification", **SMALL_BART, id2label=TEXT), {
        "texts": ENDED["texts"] + [[5, 9, 2, 33], [5, 1, 9, 2, 33]]}),
    "mistral": small("MistralForCausalLM", **WINDOWED, head_dim=8, sliding_window=20),
    "mistral-answer": small("MistralForQuestionAnswering", **SMALL_LLAMA, sliding_window=9),
    "mistral-headless": small("MistralModel", **SMALL_LLAMA, sliding_window=9),
    "mistral-text": small("MistralForSequenceClassification", **SMALL_LLAMA, sliding_window=9, id2label=TEXT),
    "mistral-tokens": small("MistralForTokenClassification", **SMALL_LLAMA, sliding_window=9, id2label=TOKENS),
    "mistral-unlimited": small("MistralForCausalLM", **SMALL_LLAMA, sliding_window=None),
    "modernbert-answer": small("ModernBertForQuestionAnswering", **SMALL_MODERN),
    "modernbert-biased": small("ModernBertForMaskedLM", **SMALL_MODERN, attention_bias=True, mlp_bias=True,
                               norm_bias=True, classifier_bias=True, decoder_bias=False, hidden_activation="relu",
                               classifier_activation="silu", tie_word_embeddings=False,
                               layer_types=["sliding_attention", "full_attention"] * 3 + ["sliding_attention"]),
    "modernbert-headless": small("ModernBertModel", **SMALL_MODERN),
    "modernbert-masked": small("ModernBertForMaskedLM", **SMALL_MODERN),
    "modernbert-text": small("ModernBertForSequenceClassification", **SMALL_MODERN, classifier_pooling="mean",
                             id2label=TEXT),
    "modernbert-tokens": small("ModernBertForTokenClassification", **SMALL_MODERN, id2label=TOKENS),
    "mpnet": (small("MPNetModel", **MPNET), {"texts": PADDED + BEYOND}),
    "mpnet-answer": small("MPNetForQuestionAnswering", **SMALL),
    "mpnet-masked": small("MPNetForMaskedLM", **SMALL),
    "mpnet-text": (small("MPNetForSequenceClassification", **SMALL, id2label=TEXT), {"pairs": ROBERTA_PAIRS}),
    "mpnet-tokens": small("MPNetForTokenClassification", **SMALL, id2label=TOKENS),
    "mt5": untied("MT5ForConditionalGeneration", **GATED),
    "mt5-answer": small("MT5ForQuestionAnswering", **SMALL_T5),
    "mt5-encoder": small("MT5EncoderModel", **GATED),
    "mt5-text": (small("MT5ForSequenceClassification", **SMALL_T5, id2label=TEXT), STOPPED),
    "mt5-tokens": small("MT5ForTokenClassification", **SMALL_T5, id2label=TOKENS),
    "nomic_bert-headless": small("NomicBertModel", **SMALL_NOMIC),
    "nomic_bert-masked": small("NomicBertForMaskedLM", **dict(SMALL_NOMIC, hidden_act="gelu")),
    "nomic_bert-text": (small("NomicBertForSequenceClassification", **SMALL_NOMIC, id2label=TEXT), {"pairs": BERT_PAIRS}),
    "nomic_bert-tokens": small("NomicBertForTokenClassification", **SMALL_NOMIC, id2label=TOKENS),
    "olmo2": small("Olmo2ForCausalLM", **ROTARY, head_dim=10, pad_token_id=0),
    "olmo2-headless": small("Olmo2Model", **SMALL_LLAMA),
    "opt": lambda: OPTForCausalLM(OPTConfig(**OPT)),
    "opt-350m": small("OPTForCausalLM", **NARROW_OPT),
    "opt-350m-answer": small("OPTForQuestionAnswering", **NARROW_OPT),
    "opt-350m-headless": small("OPTModel", **NARROW_OPT),
    "opt-350m-text": small("OPTForSequenceClassification", **NARROW_OPT, id2label=TEXT),
    "opt-answer": small("OPTForQuestionAnswering", **SMALL_OPT),
    "opt-headless": small("OPTModel", **SMALL_OPT),
    "opt-text": small("OPTForSequenceClassification", **SMALL_OPT, id2label=TEXT),
    "opt-unbiased": small("OPTForCausalLM", **dict(SMALL_OPT, word_embed_proj_dim=16, enable_bias=False,
                                                   _remove_final_layer_norm=True, tie_word_embeddings=False)),
    "pegasus": lambda: PegasusForConditionalGeneration(PegasusConfig(**BART, activation_function="relu",
                                                                     scale_embedding=True)),
    "pegasus-headless": small("PegasusModel", **SMALL_BART),
    "phi3": (small("Phi3ForCausalLM", **PHI3, head_dim=10), {"texts": CROSSING}),
    "phi3-headless": small("Phi3Model", **SMALL_LLAMA),
    "phi3-longrope": (small("Phi3ForCausalLM", **PHI3, rope_parameters=longrope(**SHORTER)), {"texts": CROSSING}),
    "phi3-partial": small("Phi3ForCausalLM", **dict(PHI3, hidden_size=32, rms_norm_eps=1e-6), rope_parameters=longrope(
        partial_rotary_factor=0.75, attention_factor=1.25, **SHORTER)),
    "phi3-sliding": small("Phi3ForCausalLM", **SMALL_LLAMA, sliding_window=20),
    "phi3-text": small("Phi3ForSequenceClassification", **SMALL_LLAMA, id2label=TEXT),
    "phi3-tokens": small("Phi3ForTokenClassification", **SMALL_LLAMA, id2label=TOKENS),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**WIDE)),
    "qwen2-answer": small("Qwen2ForQuestionAnswering", **SMALL_LLAMA),
    "qwen2-headless": small("Qwen2Model", **SMALL_LLAMA),
    "qwen2-sliding": small("Qwen2ForCausalLM", **WINDOWED, use_sliding_window=True, sliding_window=20,
                           max_window_layers=3),
    "qwen2-text": small("Qwen2ForSequenceClassification", **SMALL_LLAMA, id2label=TEXT),
    "qwen2-tokens": small("Qwen2ForTokenClassification", **SMALL_LLAMA, id2label=TOKENS),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**WIDE, head_dim=10)),
    "qwen3-answer": small("Qwen3ForQuestionAnswering", **SMALL_LLAMA, head_dim=10),
    "qwen3-headless": small("Qwen3Model", **SMALL_LLAMA, head_dim=10, tie_word_embeddings=True),
    "qwen3-sliding": small("Qwen3ForCausalLM", **WINDOWED, head_dim=8, use_sliding_window=True, sliding_window=20,
                           layer_types=["sliding_attention", "full_attention"] * 3),
    "qwen3-text": small("Qwen3ForSequenceClassification", **SMALL_LLAMA, head_dim=10, id2label=TEXT),
    "qwen3-tokens": small("Qwen3ForTokenClassification", **SMALL_LLAMA, head_dim=10, id2label=TOKENS),
    "roberta-answer": small("RobertaForQuestionAnswering", **SMALL, type_vocab_size=1),
    "roberta-headless": small("RobertaModel", **SMALL, type_vocab_size=1),
    "roberta-masked": lambda: RobertaForMaskedLM(RobertaConfig(**dict(ROBERTA, hidden_act="relu"))),
    "roberta-padded": (lambda: RobertaForMaskedLM(RobertaConfig(**ROBERTA)), {"texts": PADDED}),
    "roberta-text": (lambda: RobertaForSequenceClassification(RobertaConfig(**ROBERTA, id2label=TEXT)),
                     {"pairs": ROBERTA_PAIRS}),
    "roberta-tokens": lambda: RobertaForTokenClassification(RobertaConfig(**ROBERTA, id2label=TOKENS)),
    "smollm3": small("SmolLM3ForCausalLM", **dict(ROTARY, num_hidden_layers=5), pad_token_id=0,
                     no_rope_layers=[1, 0, 1, 0, 0], head_dim=6),
    "smollm3-answer": small("SmolLM3ForQuestionAnswering", **SMALL_LLAMA),
    "smollm3-headless": small("SmolLM3Model", **SMALL_LLAMA, no_rope_layer_interval=2),
    "smollm3-sliding": small("SmolLM3ForCausalLM", **dict(SMALL_LLAMA, num_hidden_layers=5), use_sliding_window=True,
                             sliding_window=20, no_rope_layer_interval=2),
    "smollm3-text": small("SmolLM3ForSequenceClassification", **SMALL_LLAMA, id2label=TEXT),
    "smollm3-tokens": small("SmolLM3ForTokenClassification", **SMALL_LLAMA, id2label=TOKENS),
    "t5": small("T5ForConditionalGeneration", **T5),
    "t5-answer": small("T5ForQuestionAnswering", **dict(SMALL_T5, feed_forward_proj="relu")),
    "t5-encoder": (small("T5EncoderModel", **dict(T5, relative_attention_num_buckets=32, num_layers=2,
                                                  relative_attention_max_distance=128)), {"texts": TEXTS + BEYOND}),
    "t5-gated": untied("T5ForConditionalGeneration", **dict(GATED, num_layers=4, num_decoder_layers=3)),
    "t5-silu": small("T5ForConditionalGeneration", **dict(GATED, feed_forward_proj="gated-silu")),
    "t5-text": (small("T5ForSequenceClassification", **dict(SMALL_T5, feed_forward_proj="relu"), id2label=TEXT), STOPPED),
    "t5-tokens": small("T5ForTokenClassification", **T5, id2label=TOKENS),
    "umt5": untied("UMT5ForConditionalGeneration", **GATED),
    "umt5-answer": small("UMT5ForQuestionAnswering", **SMALL_T5),
    "umt5-encoder": small("UMT5EncoderModel", **GATED, is_encoder_decoder=False),
    "umt5-text": (small("UMT5ForSequenceClassification", **SMALL_T5, id2label=TEXT), STOPPED),
    "umt5-tokens": small("UMT5ForTokenClassification", **SMALL_T5, id2label=TOKENS),
    "xlm-roberta-answer": small("XLMRobertaForQuestionAnswering", **SMALL, type_vocab_size=1),
    "xlm-roberta-headless": small("XLMRobertaModel", **SMALL, type_vocab_size=1),
    "xlm-roberta-masked": small("XLMRobertaForMaskedLM", **ROBERTA),
    "xlm-roberta-text": (small("XLMRobertaForSequenceClassification", **SMALL, type_vocab_size=1, id2label=TEXT),
                         {"pairs": ROBERTA_PAIRS}),
    "xlm-roberta-tokens": small("XLMRobertaForTokenClassification", **SMALL, type_vocab_size=1, id2label=TOKENS),
}


def parts(name):
    row = MODELS[name]
    make, options = row if isinstance(row, tuple) else (row, {})
    return make, options.get("texts", LONG), options.get("targets"), options.get("pairs")


def randomize(model, seed):
    """Weights large enough that each of them matters, and biases that are not zero."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if not weight.requires_grad: continue  # sines
            noise = torch.randn(weight.shape, generator=draw)
            norm = "norm" in key.lower() or ".ln_" in key
            weight.copy_(noise * 0.1 + 1 if norm and key.endswith("weight") else noise * 0.2)
        bias = dict(model.named_buffers()).get("final_logits_bias")
        if bias is not None:
            bias.copy_(torch.randn(bias.shape, generator=draw) * 0.4)
            bias[0, model.config.pad_token_id] = -10000


def make(name):
    folder = os.path.join(HERE, name)
    model = parts(name)[0]()
    randomize(model, FIRST.index(name) if name in FIRST else zlib.crc32(name.encode()))
    model.save_pretrained(folder)
    if os.path.exists(f"{folder}/generation_config.json"): os.remove(f"{folder}/generation_config.json")
    measure(folder, *parts(name)[1:])


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=MODELS)
    parser.add_argument("--measure", nargs="*", choices=MODELS)
    arguments = parser.parse_args()
    if arguments.measure is not None:
        for name in arguments.measure or MODELS: measure(os.path.join(HERE, name), *parts(name)[1:])
    else:
        for name in [arguments.only] if arguments.only else MODELS:
            if arguments.only or not os.path.exists(os.path.join(HERE, name)): make(name)
