/* heed rewrite: reads texts and prints them in another style, in order. */
#include "sequences.h"
#include "verbs.h"

static const own_option own[] = {SEQUENCE_OPTIONS("rewriting model to use (default: formal)")};

static const command rewrite = {
    .name = "rewrite",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Rewrites each TEXT, or each line of --input or standard input, and prints one text per line:\n"
        "\n"
        "    $ heed rewrite --to formal \"hey Tim, gonna send the report tonight\"\n"
        "    Dear Tim, I will send the report this evening.\n"
        "\n"
        "--to selects a style of a model that has several: the names of tasks in \"task_specific_params\" of its\n"
        "config.json, each with a prefix. The default model knows only short messages about office work. Any\n"
        "encoder-decoder works, such as grammarly/coedit-large with --prefix \"Fix the grammar: \". A text that is\n"
        "longer than the model reads is rewritten in parts of whole sentences; a note says so. --json prints one\n"
        "array per text: [{\"generated_text\": …}, …].\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_rewrite_options,
};

int run_rewrite(int count, char **words) {
    static const sequence_verb verb = {.command = &rewrite,
                                       .field = "generated_text",
                                       .shipped = "formal",
                                       .otherwise = "heed pull fetches one, such as grammarly/coedit-large",
                                       .convert = heed_rewrite};
    return run_sequences(&verb, count, words);
}
