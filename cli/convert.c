/* heed convert: another element type, or other files, for the weights of a model. */
#include "arguments.h"
#include "output.h"
#include "verbs.h"

static const char *output;

static const own_option own[] = {{"output", 'o', "FOLDER", "new folder, in place of the second word", &output, NULL}};

static const command convert = {
    .name = "convert",
    .usage = "MODEL FOLDER [options]",
    .words = "MODEL",
    .about =
        "Writes MODEL to the new FOLDER. The weights are written as safetensors, with another element type or in "
        "files\n"
        "of another size. All other files are copied. heed convert reads safetensors and PyTorch files. It also\n"
        "converts models that heed cannot run. Numbers are rounded to the nearest number, and ties to even.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_convert_options,
};

int run_convert(int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(&convert, count, words, &line, &code)) return code;
    const char *folder = output ? output : line.text_count == 2 ? line.texts[1] : NULL;
    if (!folder || line.text_count != (output ? 1 : 2)) {
        code = report_usage(&line, "name a model and a new folder: heed convert MODEL FOLDER");
    } else {
        heed_status status = heed_convert(line.context, line.options, line.texts[0], folder);
        code = status == HEED_OK ? EXIT_DONE : report_failure(&line, status);
    }
    close_invocation(&line);
    return finish_output(convert.name, code);
}
