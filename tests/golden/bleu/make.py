"""Makes the golden files of tests/unit/bleu.c with sacrebleu 2.6.0: python make.py, in this folder.

hypotheses, references-0, references-1   the corpus, a segment a line
corpus                                   settings, then signature (without the version), score and verbose score
segments                                 settings, then lengths, matches and totals of each segment by itself
lowercase                                Unicode text and its str.lower(), a pair of lines each
"""
import random
import sacrebleu
from sacrebleu.metrics import BLEU

assert sacrebleu.__version__ == "2.6.0"
draw = random.Random(20170612)

WORDS = """the a dog man woman two people red blue street ball runs sits plays near in on with and It He THE Straße
über naïve café ΣΊΣΥΦΟΣ ΟΔΟΣ İstanbul ŒUVRE Жизнь 日本語 한국어 emoji🙂 état don't won't rock'n'roll""".split()
ODD = """3.14 1,000 1,000,000.50 2026-05-12 3-4 10- -5 5. .5 1. ,5 a.b a,b U.S.A. e.g., ... .. ., ,. well-known x- -x -- – —
state-of-the-art "quoted" 'single' «guillemets» „Zitat“ (brackets) [square] {curly} <tag> <skipped> a<skipped>b
&quot;entity&quot; &amp; &lt;b&gt; &amp;lt; &amp;quot; &apos; & AT&T R&D 50% $5 €5 5€ £1,5 ¥ + = ~ ` ^ _ | \\ / and/or @ # * ; : ! ?
!? ¿Qué? ¡Sí! 3:1 12:30 °C ½ ² Ⅷ ٣٫١٤ ٣،١ ٣.٣ １．５ 。 、 「日本」 · … ‰ × ÷ → ♥ ©2020 x²+y² 1st 2nd""".split()
SPACES = [" "] * 30 + ["  ", "\t", "\u00a0", "\u2009", "\u3000", "\u200b", "\x1c", "\x85"]


def sentence():
    words = [draw.choice(WORDS if draw.random() < 0.6 else ODD) for _ in range(draw.randint(1, 18))]
    text = words[0]
    for word in words[1:]:
        text += draw.choice(SPACES) + word
    return text + draw.choice(["", ".", " .", "!", "?", ",", " \t"])


def corrupt(text):
    words = text.split(" ")
    for _ in range(draw.randint(0, 3)):
        at = draw.randrange(len(words))
        match draw.randrange(4):
            case 0: words[at] = draw.choice(WORDS)
            case 1: words.insert(at, words[at])
            case 2: words[at] = words[at].swapcase()
            case 3: words[at] = draw.choice(ODD)
    return " ".join(words)


rows = []
for _ in range(120):
    text = sentence()
    rows.append([s.encode() for s in (corrupt(text), text, corrupt(text))])
rows += [
    [b"", b"an empty hypothesis", b""], [b"an empty reference", b"", b"an empty reference"], [b"", b"", b""],
    [b"   ", b" \t ", b"\xc2\xa0"], [b"carriage return\r", b"carriage return", b"carriage return \r"],
    [b"one", b"one", b"one two"], [b"a b c d e f", b"a b c", b"a b c d e f g h i"],  # equally near: the shorter
    [b"the the the the the the the", b"the cat is on the mat", b"there is a cat on the mat"],
    [b"bad \xff\xfe bytes \xe2\x82 here", b"bad \xef\xbf\xbd\xef\xbf\xbd bytes \xef\xbf\xbd here", b"bad bytes"],
    [b"\xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xaf \xf0\x9f\x99", b"x", b"\xf0\x9f\x99\x82"], [b"nul \x00 byte", b"nul \x00 byte", b"x"],
    ["ὈΔΥΣΣΕΎΣ ΑΣ Σ ΑΣ. ΑΣ.Α ΑΣ'".encode(), "ὀδυσσεύς ας σ ας. ασ.α ας'".encode(), b"x"],
    [b"<skipped>", b"<skipped>", b"x"], [b"-", b".", b","], [b"...", b"..", b"."],
]
NAMES = ["hypotheses", "references-0", "references-1"]
for column, name in enumerate(NAMES):
    with open(name, "wb") as file:
        file.write(b"".join(row[column] + b"\n" for row in rows))


def lines(name):
    with open(name, encoding="utf-8", errors="replace", newline="\n") as file:
        return [line.rstrip() for line in file]


hypotheses, *references = [lines(name) for name in NAMES]
SMOOTHINGS = [("exp", None), ("none", None), ("floor", None), ("floor", 0.25), ("add-k", None), ("add-k", 2)]
with open("corpus", "w") as corpus, open("segments", "w") as segments:
    for tokenizer in ["13a", "intl", "char", "none"]:
        for lowercase in [False, True]:
            for count in [1, 2]:
                for first, last in [(0, len(hypotheses)), (100, 110), (120, 125), (122, 124), (125, 126)]:
                    for method, value in SMOOTHINGS:
                        for effective in [False, True]:
                            bleu = BLEU(lowercase=lowercase, tokenize=tokenizer, smooth_method=method,
                                        smooth_value=value, effective_order=effective, force=True)
                            score = bleu.corpus_score(hypotheses[first:last], [r[first:last] for r in references[:count]])
                            signature = str(bleu.get_signature()).removesuffix("|version:2.6.0")
                            name = score.format(width=1, signature=signature)
                            print(tokenizer, int(lowercase), count, first, last, method, value or 0, int(effective),
                                  f"{score.score:.10f}", name, file=corpus)
                if count == 2 and lowercase:
                    bleu = BLEU(lowercase=True, tokenize=tokenizer, force=True)
                    for i, row in enumerate(zip(hypotheses, *references)):
                        stats = bleu._extract_corpus_statistics([row[0]], [[r] for r in row[1:]])[0]
                        print(tokenizer, i, *stats, file=segments)

with open("lowercase", "w") as file:
    for text in ["ΑΣ", "Σ", "ΑΣΑ", "Α'Σ", "ΑΣ'", "ΑΣ'Α", "ΣΑ", "Α.Σ.", "ⅧΣ", "ªΣ", "ⒶΣⒶ", "🄰Σ", "ΑΣ\u00adΑ", "Α\u0301Σ\u0301",
                 "İI", "ẞSS", "ǅǄ", "ꭰᏰᎠ", "𐐀", "Ω", "ΑΣ Α", "1Σ", "日Σ", "ʰΣ", "Αʰ:Σ", "ĲǱ"]:
        print(text, text.lower(), sep="\n", file=file)
