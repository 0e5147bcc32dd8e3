"""Scores of answers by the evaluation scripts of SQuAD: python make.py. The functions are those of evaluate-v1.1.py and
evaluate-v2.0.py; where transformers 4.57 is installed, its copy of the latter must agree. Writes scores.json, and a file of
questions with answers (questions.json, answers.json) with the reports of both scripts (report.json)."""
import collections
import json
import os
import random
import re
import string


def normalize_answer(s):
    def remove_articles(text):
        return re.sub(r"\b(a|an|the)\b", " ", text)

    def white_space_fix(text):
        return " ".join(text.split())

    def remove_punc(text):
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


def f1_of(prediction, truth):
    common = collections.Counter(prediction) & collections.Counter(truth)
    same = sum(common.values())
    if same == 0: return 0.0
    precision, recall = 1.0 * same / len(prediction), 1.0 * same / len(truth)
    return 2 * precision * recall / (precision + recall)


def first(prediction, references):
    """1.1: the best of all references."""
    exact = max((float(normalize_answer(prediction) == normalize_answer(r)) for r in references), default=0.0)
    f1 = max((f1_of(normalize_answer(prediction).split(), normalize_answer(r).split()) for r in references), default=0.0)
    return exact, f1


def second(prediction, references):
    """2.0: empty references are left out; without one, the answer is empty."""
    gold = [r for r in references if normalize_answer(r)] or [""]
    scores = []
    for r in gold:
        p, t = normalize_answer(prediction).split(), normalize_answer(r).split()
        scores.append(float(p == t) if not p or not t else f1_of(p, t))
    return max(float(normalize_answer(prediction) == normalize_answer(r)) for r in gold), max(scores)


def report_first(questions, answers):
    scores = [first(answers[q["id"]], q["answers"]) for q in questions]
    return {"exact_match": 100.0 * sum(s[0] for s in scores) / len(scores), "f1": 100.0 * sum(s[1] for s in scores) / len(scores)}


def report_second(questions, answers):
    scores = {q["id"]: second(answers[q["id"]], q["answers"]) for q in questions}

    def part(ids):
        return {"exact": 100.0 * sum(scores[i][0] for i in ids) / len(ids), "f1": 100.0 * sum(scores[i][1] for i in ids) / len(ids),
                "total": len(ids)}

    report = part(list(scores))
    for name, ids in (("HasAns", [q["id"] for q in questions if q["answers"]]), ("NoAns", [q["id"] for q in questions if not q["answers"]])):
        report.update({f"{name}_{key}": value for key, value in part(ids).items()})
    return report


def find_best(questions, answers, scores, na_probs):
    """find_best_thresh of evaluate-v2.0.py."""
    has_answer = {q["id"]: bool(q["answers"]) for q in questions}
    current = best = sum(not has for has in has_answer.values())
    threshold = 0.0
    for i in sorted(na_probs, key=lambda k: na_probs[k]):
        if i not in scores: continue
        if has_answer[i]: current += scores[i]
        elif answers[i]: current -= 1
        if current > best: best, threshold = current, na_probs[i]
    return 100.0 * best / len(scores), threshold


def report_thresholds(questions, answers, na_probs, threshold):
    """evaluate-v2.0.py with --na-prob-file and --na-prob-thresh."""
    raw = {q["id"]: second(answers[q["id"]], q["answers"]) for q in questions}
    has_answer = {q["id"]: bool(q["answers"]) for q in questions}
    scores = {i: (float(not has_answer[i]),) * 2 if na_probs[i] > threshold else s for i, s in raw.items()}
    report = {}
    for name, ids in (("", list(raw)), ("HasAns_", [i for i in raw if has_answer[i]]), ("NoAns_", [i for i in raw if not has_answer[i]])):
        report.update({f"{name}exact": 100.0 * sum(scores[i][0] for i in ids) / len(ids),
                       f"{name}f1": 100.0 * sum(scores[i][1] for i in ids) / len(ids), f"{name}total": len(ids)})
    for k, name in enumerate(("exact", "f1")):
        report[f"best_{name}"], report[f"best_{name}_thresh"] = find_best(questions, answers, {i: s[k] for i, s in raw.items()}, na_probs)
    return report


CASES = [("The cat", ["the  Cat!"]), ("cat", ["a cat", "the dog"]), ("", [""]), ("the", ["a"]), ("the", [""]), ("", []), ("x", []), ("the", []),
         ("", ["cat"]), ("the", ["cat"]), ("cat", ["the"]), ("cat", ["the", "cat dog"]), ("Theatre anthem a-z", ["theatre anthem az"]),
         ("a.b an_the the-a", ["ab anthe thea"]), ("the\u00e9 a\u0301n \u00e9the", ["x the\u00e9 \u00e9the"]),
         ("\u0130stanbul \u03a3\u0391\u03a3", ["i\u0307stanbul \u03c3\u03b1\u03c2"]), ("12\u00bd a\u00b2 the\u0660", ["12\u00bd a\u00b2"]),
         ("one\u00a0two\u3000three\x1cfour", ["one two three four"]), ("\u201cquoted\u201d", ["quoted", "\u201cquoted\u201d"]),
         ("one one two", ["one two two", "one"]), ("$12.50", ["12.50", "1250 dollars"]), ("a \u00aba\u00bb the", ["\u00ab \u00bb"]),
         ("the\u200bcat", ["cat", "the cat"]), ("dog\nthe\tcat", ["dog cat"])]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    draw = random.Random(17)
    words = "a an the cat Cat dog, dog's (the) U.S. 12 3.5 \u00fcber \u4e2d\u6587 - THE".split()
    cases = CASES + [(" ".join(draw.choices(words, k=draw.randrange(5))), [" ".join(draw.choices(words, k=draw.randrange(5))) for _ in range(draw.randrange(4))])
                     for _ in range(60)]
    with open(f"{here}/scores.json", "w") as file:
        lines = [json.dumps({"prediction": p, "references": r, "1.1": first(p, r), "2.0": second(p, r)}) for p, r in cases]
        file.write('{"cases": [\n' + ",\n".join(lines) + "\n]}\n")
    try:
        from transformers.data.metrics import squad_metrics as theirs
        for p, r in cases:
            gold = [a for a in r if theirs.normalize_answer(a)] or [""]
            assert (max(theirs.compute_exact(a, p) for a in gold), max(theirs.compute_f1(a, p) for a in gold)) == second(p, r), (p, r)
    except ImportError:
        print("transformers 4 is not installed")
    questions = [{"id": f"q{i}", "question": f"question {i}?", "answers": r} for i, (p, r) in enumerate(cases)]
    answers = {f"q{i}": p for i, (p, r) in enumerate(cases)}
    context = "no context"
    qas = [dict(q, answers=[{"text": a, "answer_start": 0} for a in q["answers"]]) for q in questions]
    data = {"version": "v2.0", "data": [{"title": "", "paragraphs": [{"context": context, "qas": qas}]}]}
    na_probs = {f"q{i}": round(min(max(draw.gauss(0.3 if r else 0.7, 0.25), 0), 1), 1) for i, (p, r) in enumerate(cases)}
    na_probs = dict(draw.sample(list(na_probs.items()), len(na_probs)))  # equal ones count in the order of the file
    for name, value in (("questions", data), ("answers", answers), ("na_prob", na_probs),
                        ("na_report", report_thresholds(questions, answers, na_probs, 0.5)),
                        ("report", {"1.1": report_first(questions, answers), "2.0": report_second(questions, answers)})):
        with open(f"{here}/{name}.json", "w") as file: file.write(json.dumps(value, ensure_ascii=False) + "\n")


if __name__ == "__main__": main()
