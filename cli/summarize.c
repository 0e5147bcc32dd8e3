/* heed summarize: reads texts and prints their summaries, in order. */
#include "sequences.h"
#include "verbs.h"

static const own_option own[] = {SEQUENCE_OPTIONS("summarization model to use (default: reports)")};

static const command summarize = {
    .name = "summarize",
    .usage = "[-m MODEL] [options] [TEXT ...]",
    .about =
        "Summarizes each TEXT, or each line of --input or standard input, and prints one summary per line:\n"
        "\n"
        "    $ heed summarize \"The council of Marford met on Friday. Anna proposed to repair the roof. A large "
        "majority\n"
        "    agreed. The next meeting is on Sunday.\"\n"
        "    The council of Marford decided to repair the roof and meets again on Sunday.\n"
        "\n"
        "The default model knows only such short reports of weather, matches, meetings and orders. heed pull fetches\n"
        "others, such as sshleifer/distilbart-cnn-12-6 and google-t5/t5-small. A text that is longer than the model\n"
        "reads is summarized in parts of whole sentences; a note says so. --json prints one array per text:\n"
        "[{\"summary_text\": …}, …]. Prefix, beams, lengths and penalties come from the task \"summarization\" in the\n"
        "model's config.json and from its generation_config.json. Options override them.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_summarize_options,
};

int run_summarize(int count, char **words) {
    static const sequence_verb verb = {.command = &summarize,
                                       .field = "summary_text",
                                       .shipped = "reports",
                                       .otherwise = "heed pull fetches one, such as sshleifer/distilbart-cnn-12-6",
                                       .convert = heed_summarize};
    return run_sequences(&verb, count, words);
}
