"""One training step of the objective answer, beside PyTorch: python train.py BUILD. heed trains a small BERT for one step with a
learning rate of 0, so that the saved weights are those of the step. transformers opens the model, and the loss and the norm of the
gradient of the same examples must be those of heed's log. Windows and targets are those of run_qa.py."""
import json
import os
import random
import subprocess
import sys
import tempfile

import torch
import transformers

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
heed = os.path.abspath(sys.argv[1]) + "/heed"
LONGEST, STRIDE = 32, 8
SIZES = ("--width 32 --heads 2 --encoder-layers 2 --ffn-width 48 --vocabulary-size 200 --max-positions 64 --dropout 0 --lowercase "
         f"--batch-tokens 1000000 --chunk-tokens 300 --steps 1 --log-every 1 --lr 0 --max-tokens {LONGEST} --stride {STRIDE} -q").split()


def questions():
    draw, rows = random.Random(5), []
    words = "one two three four five six seven eight nine ten eleven Über twelve".split()
    for i in range(40):
        context = draw.choices(words, k=draw.randrange(3, 40))
        first = draw.randrange(len(context) - 1)
        text = " ".join(context[first:first + draw.randrange(1, 4)])
        start = len(" ".join(context[:first] + [""]))
        answers = {"text": [text], "answer_start": [start]} if i % 4 else {"text": [], "answer_start": []}
        rows.append({"question": "where is " + draw.choice(words) + "?", "context": " ".join(context) + ".", "answers": answers})
    return rows


def examples(tokenizer, rows):
    """(ids, types, start, end) of each window: prepare_train_features of run_qa.py."""
    for row in rows:
        encoded = tokenizer(row["question"], row["context"], truncation="only_second", max_length=LONGEST, stride=STRIDE,
                            return_overflowing_tokens=True, return_offsets_mapping=True, return_token_type_ids=True)
        for i, ids in enumerate(encoded["input_ids"]):
            offsets, sequence = encoded["offset_mapping"][i], encoded.sequence_ids(i)
            tokens, ends = [t for t, s in enumerate(sequence) if s == 1], (0, 0)
            if row["answers"]["text"]:
                start = row["answers"]["answer_start"][0]
                end = start + len(row["answers"]["text"][0])
                if offsets[tokens[0]][0] <= start and offsets[tokens[-1]][1] >= end:
                    ends = (max(t for t in tokens if offsets[t][0] <= start), min(t for t in tokens if offsets[t][1] >= end))
            yield ids, encoded["token_type_ids"][i], *ends


def main():
    with tempfile.TemporaryDirectory() as work:
        rows = questions()
        with open(f"{work}/questions", "w") as file: file.write("".join(json.dumps(row) + "\n" for row in rows))
        subprocess.run([heed, "train", "--objective", "answer", "--train-source", "questions", *SIZES, "-o", "model"], cwd=work, check=True)
        with open(f"{work}/model/log.jsonl") as file: log = json.loads(file.readline())
        model = transformers.AutoModelForQuestionAnswering.from_pretrained(f"{work}/model").train()
        tokenizer = transformers.AutoTokenizer.from_pretrained(f"{work}/model")
        batch = list(examples(tokenizer, rows))
        for ids, types, start, end in batch:
            given = dict(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types]))
            loss = model(**given, start_positions=torch.tensor([start]), end_positions=torch.tensor([end])).loss / len(batch)
            loss.backward()
            log["loss"] -= float(loss)
        norm = float(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).norm())
    print(f"{len(batch)} windows: losses differ by {log['loss']:.2g}, gradient norms by {log['gradient_norm'] - norm:.2g} of {norm:.4f}")
    return abs(log["loss"]) > 1e-5 or abs(log["gradient_norm"] - norm) > 1e-4 * norm


if __name__ == "__main__": sys.exit(main())
