/* heed push: uploads a model folder to the Hugging Face hub. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "output.h"
#include "transfer.h"
#include "verbs.h"

static const command push = {
    .name = "push",
    .usage = "FOLDER OWNER/NAME [options]",
    .about =
        "Uploads a model folder to the Hugging Face hub as one commit and prints its address. If the repository does\n"
        "not exist, it is created. README.md is the model card. Files whose names begin with a dot are left out,\n"
        "and so are the checkpoint and the kept weights of a training run.\n"
        "The environment variable HF_TOKEN is an access token that allows writing.\n",
    .open_options = heed_push_options,
};

static int push_model(const invocation *line) {
    transfer progress;
    char *address;
    start_transfer(&progress, line);
    heed_status status =
        heed_push(line->context, line->options, line->texts[0], line->texts[1], show_transfer, &progress, &address);
    finish_transfer(&progress);
    if (status != HEED_OK) return report_failure(line, status);
    put_lines(address, strlen(address));
    putchar('\n');
    heed_free(line->context, address);
    return EXIT_DONE;
}

int run_push(int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(&push, count, words, &line, &code)) return code;
    code = line.text_count == 2 ? push_model(&line)
                                : report_usage(&line, "name a folder and a repository: heed push FOLDER OWNER/NAME");
    close_invocation(&line);
    return finish_output(push.name, code);
}
