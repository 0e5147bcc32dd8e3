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
    .about = "Describes a model: architecture, sizes, tokenizer and recommended decoding settings.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
};

static int print_model(const invocation *line) {
    heed_model *model;
    char *text;
    heed_status status = heed_model_open(line->context, model_name, &model);
    if (status != HEED_OK) return report_failure(line, status);
    status = heed_model_describe(model, json, &text);
    if (status == HEED_OK) {
        put_lines(text, strlen(text));
        putchar('\n');
        heed_free(line->context, text);
    }
    int code = status == HEED_OK ? EXIT_DONE : report_failure(line, status);
    heed_model_close(model);
    return code;
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
