/* heed models: lists the models that -m opens by name. */
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "output.h"
#include "verbs.h"

static bool json;

static const own_option own[] = {
    {"json", 0, NULL, "print one JSON object per model", NULL, &json},
};

static const command models = {
    .name = "models",
    .usage = "[options]",
    .about =
        "Lists the models that ship with heed and those in the Hugging Face cache: name, family, size and folder.\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
};

static void print_object(const heed_models *list, size_t index) {
    const char *name = heed_models_name(list, index), *family = heed_models_family(list, index);
    const char *folder = heed_models_folder(list, index);
    printf("{\"name\":");
    put_json_string(name, strlen(name));
    printf(",\"family\":");
    put_json_string(family, strlen(family));
    printf(",\"size\":%llu,\"shipped\":%s,\"folder\":", (unsigned long long)heed_models_bytes(list, index),
           heed_models_is_shipped(list, index) ? "true" : "false");
    put_json_string(folder, strlen(folder));
    puts("}");
}

static void print_padded(const char *text, size_t width) {
    size_t size = strlen(text);
    put_line_text(text, size);
    printf("%*s", size < width ? (int)(width - size) + 2 : 2, "");
}

/* The longest of the texts that `read` returns. */
static size_t widest(const heed_models *list, const char *read(const heed_models *list, size_t index)) {
    enum { MOST = 60 };
    size_t width = 0;
    for (size_t i = 0; i < heed_models_count(list); i++)
        if (strlen(read(list, i)) > width) width = strlen(read(list, i));
    return width < MOST ? width : MOST;
}

static void print_table(const heed_models *list) {
    size_t name = widest(list, heed_models_name), family = widest(list, heed_models_family);
    for (size_t i = 0; i < heed_models_count(list); i++) {
        print_padded(heed_models_name(list, i), name);
        print_padded(heed_models_family(list, i), family);
        printf("%9.1f MB  ", (double)heed_models_bytes(list, i) / 1e6);
        put_line_text(heed_models_folder(list, i), strlen(heed_models_folder(list, i)));
        putchar('\n');
    }
}

static int print_models(const invocation *line) {
    heed_models *list;
    heed_status status = heed_models_open(line->context, &list);
    if (status != HEED_OK) return report_failure(line, status);
    for (size_t i = 0; json && i < heed_models_count(list); i++) print_object(list, i);
    if (!json) print_table(list);
    heed_models_close(list);
    return EXIT_DONE;
}

int run_models(int count, char **words) {
    invocation line;
    int code;
    if (!open_invocation(&models, count, words, &line, &code)) return code;
    code = line.text_count ? report_usage(&line, "\"%s\" is one word too many: heed models [--json]", line.texts[0])
                           : print_models(&line);
    close_invocation(&line);
    return finish_output(models.name, code);
}
