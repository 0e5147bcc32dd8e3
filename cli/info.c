/* heed info: describes a model. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "output.h"
#include "pictures.h"
#include "verbs.h"

static const char *model_name, *output;
static bool json, drawn;

static const own_option own[] = {
    {"model", 'm', "MODEL", "model to describe", &model_name, NULL},
    {"json", 0, NULL, "print a JSON object", NULL, &json},
    {"draw", 0, NULL, "draw the architecture: modules, shapes, parameters", NULL, &drawn},
    {"output", 'o', "FILE", "file for the drawing; .svg, .json and .txt select the format", &output, NULL},
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
        "and values is for one hypothesis of a decoder.\n"
        "--draw draws the architecture instead, from the input to the output, and the inside of a layer.\n",
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

static int draw_model(const invocation *line) {
    heed_picture *picture;
    heed_status status = heed_inspect_architecture(line->context, model_name, &picture);
    if (status == HEED_OK) status = put_picture(line, picture, output);
    heed_picture_close(picture);
    return status == HEED_OK ? EXIT_DONE : report_failure(line, status);
}

static int describe(const invocation *line) {
    if (!model_name) return report_usage(line, "name one model: heed info MODEL");
    if (output && !drawn) return report_usage(line, "--output needs --draw");
    if (json && drawn) return report_usage(line, "--json does not go with --draw; --output FILE.json writes JSON");
    return drawn ? draw_model(line) : print_model(line);
}

int run_info(int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(&info, count, words, &line, &code)) return code;
    if (!model_name && line.text_count == 1)
        model_name = line.texts[0];
    else if (line.text_count)
        model_name = NULL;
    code = describe(&line);
    close_invocation(&line);
    return finish_output(info.name, code);
}
