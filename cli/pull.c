/* heed pull: fetches a model from the Hugging Face hub. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "output.h"
#include "transfer.h"
#include "verbs.h"

static const command pull = {
    .name = "pull",
    .usage = "OWNER/NAME [options]",
    .about =
        "Downloads a model from the Hugging Face hub into the cache and prints its folder. After that, the option\n"
        "-m OWNER/NAME opens the model. Without --include, heed downloads only the files that it reads: "
        "configuration,\n"
        "tokenizer, templates, model card, and weights as safetensors or, if there are none, as PyTorch's .bin files.\n"
        "--include '*' downloads all files. After a broken download, the same command downloads the rest.\n"
        "Environment variables: HF_TOKEN is the access token for private and gated models. HF_HOME or HF_HUB_CACHE is\n"
        "the place of the cache. HF_ENDPOINT is the address of another hub. With HF_HUB_OFFLINE=1, heed uses only the\n"
        "cache.\n",
    .open_options = heed_pull_options,
};

static int pull_model(const invocation *line) {
    transfer progress;
    char *folder;
    start_transfer(&progress, line);
    heed_status status = heed_pull(line->context, line->options, line->texts[0], show_transfer, &progress, &folder);
    finish_transfer(&progress);
    if (status != HEED_OK) return report_failure(line, status);
    put_lines(folder, strlen(folder));
    putchar('\n');
    heed_free(line->context, folder);
    return EXIT_DONE;
}

int run_pull(int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(&pull, count, words, &line, &code)) return code;
    code = line.text_count == 1 ? pull_model(&line) : report_usage(&line, "name one model: heed pull OWNER/NAME");
    close_invocation(&line);
    return finish_output(pull.name, code);
}
