/* Follows ZeroShotClassificationPipeline of transformers 5.24. */
#include "tasks/zero_shot.h"

#include "base/real.h"

#include <stdlib.h>
#include <string.h>

typedef struct zero_shot {
    heed_model *model;
    const hd_zero_shot *settings;
    hd_arena arena;
    hd_encoded_texts pairs; /* [texts · labels]: pair i · labels + j is text i with the hypothesis of label j */
    float *logits;          /* [texts · labels, 2]: of contradiction and entailment */
} zero_shot;

/* ---- hypotheses ---- */

static heed_status refuse_template(const zero_shot *z, const char *template, const char *reason) {
    return hd_fail(z->model->context, HEED_ARGUMENT, "template is \"%s\", which %s", template, reason);
}

/* Appends the hypothesis of a label. In the template, {} and {0} are the label, {{ and }} are braces, as in Python. */
static heed_status write_hypothesis(const zero_shot *z, const char *template, const char *label, hd_buffer *out) {
    int places = 0, numbered = 0;
    for (const char *at = template; *at; at++) {
        if (at[0] == '{' && at[1] == '}')
            places++, at++, hd_buffer_text(out, label);
        else if (strncmp(at, "{0}", 3) == 0)
            numbered++, at += 2, hd_buffer_text(out, label);
        else if ((at[0] == '{' || at[0] == '}') && at[1] != at[0])
            return refuse_template(z, template, "has a brace that is not one of {}, {{ or }}");
        else
            hd_buffer_byte(out, at[0] == '{' || at[0] == '}' ? *at++ : *at);
    }
    if (places > 1 || (places && numbered)) return refuse_template(z, template, "has more than one {}");
    if (!places && !numbered) return refuse_template(z, template, "has no {} for the label");
    return out->failed ? HEED_MEMORY : HEED_OK;
}

static heed_status make_hypotheses(zero_shot *z, const char **hypotheses, size_t *sizes) {
    const char *template = z->settings->template ? z->settings->template : "This example is {}.";
    hd_buffer text;
    heed_status status = HEED_OK;
    hd_buffer_open(&text, z->model->context);
    for (size_t i = 0; i < z->settings->labels->count && status == HEED_OK; i++) {
        hd_buffer_clear(&text);
        status = write_hypothesis(z, template, z->settings->labels->items[i], &text);
        char *copy = status == HEED_OK ? hd_arena_alloc(&z->arena, text.size, 1) : NULL;
        if (copy) memcpy(copy, text.data, text.size);
        if (status == HEED_OK && !copy) status = HEED_MEMORY;
        hypotheses[i] = copy;
        sizes[i] = text.size;
    }
    hd_buffer_close(&text);
    return status;
}

static heed_status make_pairs(zero_shot *z, const hd_encoded_texts *texts) {
    size_t labels = z->settings->labels->count, count;
    if (!hd_multiply(texts->count, labels, &count)) count = SIZE_MAX;
    HD_TRY(hd_results_check(z->model->context, texts->texts, count));
    const char **first = hd_arena_alloc(&z->arena, count, sizeof *first);
    const char **second = hd_arena_alloc(&z->arena, count, sizeof *second);
    size_t *first_sizes = hd_arena_alloc(&z->arena, count, sizeof *first_sizes);
    size_t *second_sizes = hd_arena_alloc(&z->arena, count, sizeof *second_sizes);
    const char **hypotheses = hd_arena_alloc(&z->arena, labels, sizeof *hypotheses);
    size_t *sizes = hd_arena_alloc(&z->arena, labels, sizeof *sizes);
    z->logits = hd_arena_alloc(&z->arena, count, 2 * sizeof *z->logits);
    if (!first || !second || !first_sizes || !second_sizes || !hypotheses || !sizes || !z->logits) return HEED_MEMORY;
    HD_TRY(make_hypotheses(z, hypotheses, sizes));
    for (size_t i = 0; i < count; i++) {
        const char *text = texts->texts[i / labels];
        first[i] = text;
        first_sizes[i] = !text ? 0 : texts->sizes ? texts->sizes[i / labels] : strlen(text);
        second[i] = hypotheses[i % labels];
        second_sizes[i] = sizes[i % labels];
    }
    z->pairs = (hd_encoded_texts){
        .texts = first, .sizes = first_sizes, .seconds = second, .second_sizes = second_sizes, .count = count};
    return HEED_OK;
}

static heed_status keep_logits(void *user, const hd_encoded *e) {
    zero_shot *z = user;
    int64_t labels = e->logits->columns, entailment = z->model->entailment;
    const float *logits = hd_pass_download(e->pass, e->logits->data, labels);
    if (!logits) return e->pass->status;
    z->logits[2 * e->index] = logits[entailment ? 0 : labels - 1];
    z->logits[2 * e->index + 1] = logits[entailment];
    return HEED_OK;
}

/* ---- labels ---- */

/* Scores [labels] of a text from its logits [labels, 2]. */
static void score_labels(const zero_shot *z, const float *logits, float *entailments, double *scores) {
    size_t labels = z->settings->labels->count;
    for (size_t i = 0; i < labels; i++) {
        double pair[2];
        entailments[i] = logits[2 * i + 1];
        hd_softmax(logits + 2 * i, 2, pair);
        scores[i] = pair[1];
    }
    if (!z->settings->multi_label && labels > 1) hd_softmax(entailments, (int64_t)labels, scores);
}

/* Of equally probable labels the first one comes first; in transformers the order depends on NumPy and the machine. */
static int by_score(const void *a, const void *b) {
    const hd_answer *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->start > y->start) - (x->start < y->start); /* the label's number, until they are sorted */
}

static heed_status set_labels(const zero_shot *z, heed_results *results, size_t index, const double *scores) {
    const hd_string_list *labels = z->settings->labels;
    hd_result *item = &results->items[index];
    item->answers = hd_arena_alloc(&results->arena, labels->count, sizeof *item->answers);
    if (!item->answers) return HEED_MEMORY;
    for (size_t i = 0; i < labels->count; i++) {
        size_t size = strlen(labels->items[i]);
        const char *label = hd_results_copy(results, labels->items[i], size);
        if (!label) return HEED_MEMORY;
        item->answers[i] =
            (hd_answer){.text = label, .size = size, .label = label, .score = (float)scores[i], .start = (uint32_t)i};
    }
    qsort(item->answers, labels->count, sizeof *item->answers, by_score);
    for (size_t i = 0; i < labels->count; i++) item->answers[i].start = 0;
    item->count = z->settings->top ? (size_t)hd_min(z->settings->top, (int64_t)labels->count) : labels->count;
    return HEED_OK;
}

/* The result of a text from those of its pairs. */
static heed_status set_result(const zero_shot *z, const heed_results *pairs, heed_results *results, size_t index,
                              float *entailments, double *scores) {
    size_t labels = z->settings->labels->count;
    for (size_t i = index * labels; i < (index + 1) * labels; i++) {
        const char *problem = pairs->items[i].problem, *note = pairs->items[i].note;
        if (problem) return hd_results_problem(results, index, problem);
        if (note && !results->items[index].note) HD_TRY(hd_results_note(results, index, "%s", note));
    }
    if (!z->pairs.texts[index * labels]) return HEED_OK;
    score_labels(z, z->logits + 2 * index * labels, entailments, scores);
    return set_labels(z, results, index, scores);
}

static heed_status set_results(zero_shot *z, const heed_results *pairs, heed_results *results) {
    size_t labels = z->settings->labels->count;
    float *entailments = hd_arena_alloc(&z->arena, labels, sizeof *entailments);
    double *scores = hd_arena_alloc(&z->arena, labels, sizeof *scores);
    if (!entailments || !scores) return HEED_MEMORY;
    for (size_t i = 0; i < results->count; i++) HD_TRY(set_result(z, pairs, results, i, entailments, scores));
    return HEED_OK;
}

static heed_status check_model(const heed_model *model, const char *kind) {
    HD_TRY(hd_model_require(model, HD_HEAD_CLASSIFY_TEXT, true, false, kind));
    if (model->entailment >= 0) return HEED_OK;
    hd_buffer names;
    hd_buffer_open(&names, model->context);
    for (int64_t i = 0; i < model->network->recipe.labels; i++)
        hd_buffer_format(&names, "%s%s", i ? ", " : "", model->labels[i]);
    heed_status status = names.failed ? HEED_MEMORY
                                      : hd_fail(model->context, HEED_UNSUPPORTED,
                                                "%s has no label \"entailment\", expected %s; its labels are %s",
                                                model->folder ? model->folder : "the model", kind, names.data);
    hd_buffer_close(&names);
    return status;
}

static heed_status classify(zero_shot *z, const hd_encoded_task *task, const hd_encoded_texts *texts,
                            heed_results **results) {
    heed_results *pairs;
    HD_TRY(hd_results_check(z->model->context, texts->texts, texts->count));
    HD_TRY(make_pairs(z, texts));
    HD_TRY(hd_encode_texts(z->model, task, &z->pairs, z, &pairs));
    heed_status status = hd_results_open(z->model->context, texts->count, results);
    if (status == HEED_OK) status = set_results(z, pairs, *results);
    heed_results_close(pairs);
    if (status == HEED_OK) return HEED_OK;
    heed_results_close(*results);
    *results = NULL;
    return status;
}

heed_status hd_classify_zero_shot(heed_model *model, const hd_zero_shot *settings, const hd_encoded_texts *texts,
                                  heed_results **results) {
    const hd_encoded_task task = {.head = HD_HEAD_CLASSIFY_TEXT,
                                  .kind = "a model of natural language inference",
                                  .select = hd_select_pooled,
                                  .answer = keep_logits,
                                  .most = hd_model_window(model),
                                  .cut = HD_TRUNCATE_FIRST};
    zero_shot z = {.model = model, .settings = settings};
    *results = NULL;
    HD_TRY(check_model(model, task.kind));
    hd_arena_open(&z.arena, model->context);
    heed_status status = classify(&z, &task, texts, results);
    hd_arena_close(&z.arena);
    return status;
}
