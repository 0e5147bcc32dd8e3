/* heed translate: reads texts and prints their translations, in order. */
#include "sequences.h"
#include "verbs.h"

static const own_option own[] = {SEQUENCE_OPTIONS("translation model to use (default: multi30k-en-de)"), TREE_OPTIONS};

static const command translate = {
    .name = "translate",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Translates each TEXT, or each line of --input or standard input, and prints one translation per line:\n"
        "\n"
        "    $ heed translate \"A dog runs through the snow.\"\n"
        "    Ein Hund rennt durch den Schnee.\n"
        "\n"
        "--document takes the whole input as one text. It translates the text sentence by sentence, and keeps line\n"
        "breaks, empty lines, indentation and the markers of lists.\n"
        "--best prints several translations of a text, one per line: the number of the text, the score and the\n"
        "translation, with tabs between them. --json prints one array per text: [{\"translation_text\": …}, …].\n"
        "--alignment adds the word alignment. For example, \" ||| 0-0 1-2 2-1\" aligns the first word of the text "
        "with\n"
        "the first word of the translation, the second with the third, and the third with the second. Words are\n"
        "separated by spaces and counted from 0. With --json the alignment is the field \"alignment\".\n"
        "--tree draws the beam search of a text: the hypotheses that each step keeps and prunes, and their scores.\n"
        "--from and --to choose languages of a multilingual model, or a task of its config.json.\n"
        "The model's generation_config.json overrides the defaults below. Options override both.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_translate_options,
};

int run_translate(int count, char **words) {
    static const sequence_verb verb = {.command = &translate,
                                       .field = "translation_text",
                                       .shipped = "multi30k-en-de",
                                       .otherwise = "train one: heed train",
                                       .convert = heed_translate};
    return run_sequences(&verb, count, words);
}
