/* Files that measures read. The first byte selects the kind, and a byte 0xFE in the rest separates references from answers. 'l':
 * log.jsonl of a training run; 'a': labels, one per line; 's': CoNLL columns; 'b': translations by length. Each is refused with
 * a message, or gives a report, whose JSON is valid. */
#include "folder.h"

#include "formats/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void close_report(heed_context *context, heed_status status, char *report, bool json) {
    if (status != HEED_OK) {
        check(!report && heed_context_message(context)[0]);
        return;
    }
    check(report[0]);
    hd_json parsed;
    if (json) {
        check(hd_json_open_bytes(context, "report", report, strlen(report), HD_JSON_STRICT, &parsed) == HEED_OK);
        hd_json_close(&parsed);
    }
    heed_free(context, report);
}

static void measure(heed_context *context, char what, bool json) {
    const char *reference = in_fuzz_folder("reference"), *answers = in_fuzz_folder("answers"), *folder = fuzz_folder;
    heed_options *options = NULL;
    char *report = NULL;
    heed_status status;
    if (what == 'l') {
        status = heed_evaluate_training(context, NULL, &folder, 1, json, NULL, &report);
    } else if (what == 'a') {
        check(heed_accuracy_options(context, &options) == HEED_OK);
        check(heed_options_set(options, "reference", reference) == HEED_OK);
        status = heed_evaluate_accuracy(context, NULL, options, answers, json, &report);
    } else if (what == 's') {
        check(heed_span_f1_options(context, &options) == HEED_OK);
        check(heed_options_set(options, "reference", reference) == HEED_OK);
        status = heed_evaluate_span_f1(context, NULL, options, answers, json, &report);
    } else {
        check(heed_bleu_options(context, &options) == HEED_OK);
        check(heed_options_set(options, "reference", reference) == HEED_OK);
        status = heed_evaluate_bleu_by_length(context, options, &answers, 1, json, NULL, &report);
    }
    heed_options_close(options);
    close_report(context, status, report, json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context;
    if (size == 0 || heed_context_open(&context) != HEED_OK) return 0;
    check(heed_context_set_threads(context, 1) == HEED_OK);
    make_fuzz_folder();
    const uint8_t *text = data + 1, *divide = memchr(text, 0xFE, size - 1), *end = data + size;
    write_fuzz_file("reference", text, (size_t)((divide ? divide : end) - text));
    write_fuzz_file("answers", divide ? divide + 1 : text, divide ? (size_t)(end - divide - 1) : size - 1);
    write_fuzz_file("log.jsonl", text, size - 1);
    for (int json = 0; json < 2; json++) measure(context, (char)data[0], json);
    heed_context_close(context);
    return 0;
}
