/* Every folder of tests/golden/families (make.py and measure.py there), and a test per folder and check: the list of folders
 * is what the directory holds. */
#ifndef TESTS_GOLDEN_FAMILIES_H
#define TESTS_GOLDEN_FAMILIES_H

#include "fixture.h"

#include "base/file.h"
#include "formats/json.h"
#include "models/model.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_TOKENS = 4096, MOST_TEXTS = 16, MOST_FOLDERS = 400, MOST_CHECKS = 4 };

/* ---- a folder, and what a network computes of its texts ---- */

/* Texts one after the other: the input of a side. */
typedef struct side_input {
    int32_t ids[MOST_TOKENS], starts[MOST_TEXTS + 1];
    hd_layout layout;
} side_input;

typedef struct golden {
    char name[64], path[512];
    json_t *expected;
    side_input texts, targets; /* targets: of an encoder–decoder, with the token that starts them */
} golden;

/* What a network computes of all texts; on the heap. */
typedef struct results {
    int64_t width, rows, classes;
    float *states; /* [tokens, width] */
    float *logits; /* [rows, classes]; NULL without a head */
} results;

static inline void read_input(const json_t *texts, int32_t start, side_input *input) {
    size_t i, j;
    json_t *text, *value;
    int32_t tokens = 0;
    json_array_foreach(texts, i, text) {
        assert_in_range(tokens + (int32_t)json_array_size(text) + 1, 1, MOST_TOKENS);
        assert_in_range(i, 0, MOST_TEXTS - 1);
        if (start >= 0) input->ids[tokens++] = start;
        json_array_foreach(text, j, value) input->ids[tokens++] = (int32_t)json_integer_value(value);
        input->starts[i + 1] = tokens;
    }
    input->layout = (hd_layout){(int64_t)json_array_size(texts), input->starts, NULL, NULL};
}

/* Whether the decoder reads targets. An encoder–decoder that classifies or answers reads its text on both sides. */
static inline bool translates(const heed_model *model) {
    const hd_recipe *recipe = &model->network->recipe;
    return hd_recipe_translates(recipe) && (recipe->head == HD_HEAD_LANGUAGE || recipe->head == HD_HEAD_NONE);
}

/* Opens the golden's weights as they lie in `folder`, and reads its texts. */
static inline heed_model *open_golden(heed_context *context, golden *g, const char *folder, hd_open_purpose purpose) {
    heed_model *model;
    assert_ok(context, hd_model_open_untokenized(context, folder, purpose, &model));
    read_input(json_object_get(g->expected, "texts"), -1, &g->texts);
    if (translates(model))
        read_input(json_object_get(g->expected, "targets"), model->network->recipe.decoder_start, &g->targets);
    return model;
}

static inline float *copy_numbers(hd_pass *pass, const hd_tensor *x) {
    size_t bytes = (size_t)hd_tensor_count(x) * sizeof(float);
    const float *numbers = hd_pass_download(pass, x->data, hd_tensor_count(x));
    float *copy = malloc(bytes);
    memcpy(copy, numbers, bytes);
    return copy;
}

static inline hd_tensor *encode(const heed_model *model, hd_pass *pass, const golden *g) {
    return hd_network_encode(model->network, pass, &(hd_input){.ids = g->texts.ids}, &g->texts.layout);
}

/* The last states of the network's top side. */
static inline hd_tensor *forward(const heed_model *model, hd_pass *pass, const golden *g) {
    if (!translates(model))
        return hd_network_read(model->network, pass, &(hd_input){.ids = g->texts.ids}, &g->texts.layout, NULL);
    hd_tensor *memory = encode(model, pass, g);
    return hd_network_decode(model->network, pass, &(hd_input){.ids = g->targets.ids}, &g->targets.layout, memory);
}

/* The rows that the head's output layer scores. */
static inline hd_tensor *head(const heed_model *model, hd_pass *pass, const golden *g, hd_tensor *states) {
    if (!translates(model)) states = hd_network_select_pooled(model->network, pass, states, g->texts.ids);
    return hd_network_head(model->network, pass, states);
}

static inline results compute(const golden *g, heed_model *model) {
    results r = {0};
    hd_pass pass;
    hd_pass_open(&pass, model->context, &model->network->arena);
    hd_tensor *states = forward(model, &pass, g);
    if (!states) fail_msg("%s: %s", g->name, heed_context_message(model->context));
    r.states = copy_numbers(&pass, states);
    r.rows = states->rows, r.width = states->columns;
    const hd_parameter *output = model->network->output;
    if (model->network->recipe.head != HD_HEAD_NONE) {
        const hd_tensor *logits =
            hd_network_logits(model->network, &pass, head(model, &pass, g, states), 0, output->rows);
        if (!logits) fail_msg("%s: %s", g->name, heed_context_message(model->context));
        r.logits = copy_numbers(&pass, logits);
        r.classes = logits->columns, r.rows = logits->rows;
    }
    hd_pass_close(&pass);
    return r;
}

static inline void free_results(results *r) {
    free(r->states);
    free(r->logits);
}

static inline int remove_one(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information, (void)kind, (void)place;
    return remove(path);
}

/* In memory where the system has such a place: syncing hundreds of files takes a minute on a disk. */
static inline void make_folder(char folder[64]) {
    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/heed-XXXXXX" : "/tmp/heed-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static inline void remove_folder(const char *folder) {
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- a test per folder and check ---- */

/* `run` gets the golden as its state. */
typedef struct golden_check {
    const char *name;
    void (*run)(void **state);
} golden_check;

static golden goldens[MOST_FOLDERS];
static char golden_titles[MOST_FOLDERS][MOST_CHECKS][100];
static struct CMUnitTest golden_tests[MOST_FOLDERS * MOST_CHECKS];

static inline int compare_goldens(const void *a, const void *b) {
    return strcmp(((const golden *)a)->name, ((const golden *)b)->name);
}

static inline size_t list_goldens(void) {
    size_t count = 0;
    const struct dirent *entry;
    DIR *opened = opendir(GOLDEN "/families");
    while (opened && (entry = readdir(opened))) {
        char path[512];
        golden *g = &goldens[count];
        snprintf(path, sizeof path, "%s/families/%s/expected.json", GOLDEN, entry->d_name);
        json_t *expected = count < MOST_FOLDERS ? json_load_file(path, 0, NULL) : NULL;
        if (!expected) continue;
        g->expected = expected;
        snprintf(g->name, sizeof g->name, "%s", entry->d_name);
        snprintf(g->path, sizeof g->path, "%s/families/%s", GOLDEN, entry->d_name);
        count++;
    }
    if (opened) closedir(opened);
    qsort(goldens, count, sizeof *goldens, compare_goldens);
    return count;
}

/* Runs every check on every folder, and reports each by its names; not 0: one has failed. */
static inline int run_golden_checks(const char *group, const golden_check *checks, size_t check_count) {
    size_t folders = list_goldens(), count = 0;
    if (folders < 16) {
        fprintf(stderr, "%s/families has %zu folders with results\n", GOLDEN, folders);
        return 1;
    }
    for (size_t i = 0; i < folders; i++)
        for (size_t c = 0; c < check_count; c++) {
            char *title = golden_titles[i][c];
            snprintf(title, sizeof golden_titles[i][c], "%s: %s", goldens[i].name, checks[c].name);
            golden_tests[count++] = (struct CMUnitTest){title, checks[c].run, NULL, NULL, &goldens[i]};
        }
    int failed = _cmocka_run_group_tests(group, golden_tests, count, NULL, NULL);
    for (size_t i = 0; i < folders; i++) json_decref(goldens[i].expected);
    return failed;
}

#endif
