# Pairs of natural language inference for a toy model: a sentence about a topic, and the hypothesis "This example is TOPIC." Writes
# the files topics.pairs, with [SEP] between the two texts of a pair, and topics.labels:
#
#     awk -f examples/topics/generate.awk && heed train examples/topics/topics.ini --output topics
BEGIN {
    topics = split("animals sports music food", topic, " ")
    split("dog cat horse bird|team goal match player|guitar song piano band|bread soup cheese apple", words, "|")
    starts = split("we saw|she likes|they talk about|there was|he found", start, "|")
    for (i = 0; i < 4000; i++) {
        t = i % topics + 1
        h = int(i / 16) % 3 == 0 ? t : int(i / topics) % topics + 1
        split(words[t], word, " ")
        print start[int(i / 7) % starts + 1] " the " word[int(i / 3) % 4 + 1] " [SEP] This example is " topic[h] "." >"topics.pairs"
        print (t == h ? "entailment" : "contradiction") >"topics.labels"
    }
}
