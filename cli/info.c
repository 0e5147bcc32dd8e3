/* heed info: describes a model. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "output.h"
#include "verbs.h"

static const char *model_name;
static bool json;

static const own_option own[] = {
    {"model", 'm', "MODEL", "model to describe", &model_name, NULL},
    {"json", 0, NULL, "print a JSON object", NULL, &json},
};

static const command info = {
    .name = "info",
    .usage = "MODEL",
    .words = "MODEL",
    .about =
        "Describes a model: architecture, sizes, memory, stored tensors, tokenizer, licence, recommended decoding\n"
        "settings, and the verbs that apply to it. MODEL may also be a single file of weights or a tokenizer.json.\n"
        "If heed cannot open the model, the description in its files is printed, and then the reason.\n"
        "The memory is that of the weights after opening. It does not include the memory for texts. The memory of "
        "keys\n"
        "and values is for one hypothesis of a decoder.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_info_options,
};

/* A model that does not open is described as far as its files can be read. */
static int print_model(const invocation *line) {
    char *text;
    heed_status status = heed_info(line->context, line->options, model_name, json, &text);
    if (text) {
        put_lines(text, strlen(text));
        putchar('\n');
        heed_free(line->context, text);
    }
    if (status != HEED_OK) flush_output();
    return status == HEED_OK ? EXIT_DONE : report_failure(line, status);
}

int run_info(int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(&info, count, words, &line, &code)) return code;
    if (!model_name && line.text_count == 1)
        model_name = line.texts[0];
    else if (line.text_count)
        model_name = NULL;
    code = model_name ? print_model(&line) : report_usage(&line, "name one model: heed info MODEL");
    close_invocation(&line);
    return finish_output(info.name, code);
}
