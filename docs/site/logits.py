"""Prints the data of the page with sliders: logits of all tokens after some texts, as JavaScript.

    logits.py HEED

The model is one of characters, so a distribution has few tokens and all of them fit on the page.
"""
import json
import subprocess
import sys

PROMPTS = ["ROMEO:\n", "ROMEO:\nO, ", "JULIET:\nWhat ", "The king is "]


def entry(prompt):
    command = [sys.argv[1], "generate", "-m", "shakespeare", "--next", "1000", "--json", prompt]
    made = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {"prompt": prompt, "tokens": [[token["token_str"], token["logit"]] for token in made]}


print(f"const samplingData = {json.dumps([entry(prompt) for prompt in PROMPTS])};")
