"""Writes defaults.json: what transformers takes for each key of config.json that is missing, by family.

    python defaults.py

heed's tables are compared with it (tests/unit/family_configs.c). Written with transformers 5.24.0. Keys that transformers 5 has no
longer, or whose meaning follows from other keys, are left out.
"""
import json
import os

from transformers import (AlbertConfig, BertConfig, CamembertConfig, DistilBertConfig, ElectraConfig, Gemma2Config,
                          Gemma3TextConfig, GPT2Config, GPTNeoConfig, GraniteConfig, LlamaConfig, MarianConfig, MistralConfig, Olmo2Config,
                          OPTConfig, PegasusConfig, Phi3Config, Qwen2Config, Qwen3Config, RobertaConfig, SmolLM3Config,
                          XLMRobertaConfig)

FAMILIES = [AlbertConfig, BertConfig, CamembertConfig, DistilBertConfig, ElectraConfig, Gemma2Config, Gemma3TextConfig, GPT2Config,
            GPTNeoConfig, GraniteConfig, LlamaConfig, MarianConfig, MistralConfig, Olmo2Config, OPTConfig,
            PegasusConfig, Phi3Config, Qwen2Config, Qwen3Config, RobertaConfig, SmolLM3Config, XLMRobertaConfig]
if __name__ == "__main__":
    result = {}
    for family in FAMILIES:
        keys = family().to_dict()
        keep = (int, float, str, bool, type(None))
        result[family.model_type] = {k: v for k, v in sorted(keys.items()) if isinstance(v, keep)}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "defaults.json")
    with open(path, "w") as file: file.write(json.dumps(result, indent=1) + "\n")
