/* Label names and what they mean: "id2label" and "problem_type" of a config. */
#include "base/real.h"
#include "models/model.h"

#include <math.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

static heed_status set(heed_model *model, int64_t i, const char *name) {
    size_t size = strlen(name) + 1;
    model->labels[i] = hd_arena_alloc(&model->network->arena, size, 1);
    if (!model->labels[i]) return HEED_MEMORY;
    memcpy(model->labels[i], name, size);
    return HEED_OK;
}

static heed_status open_labels(heed_model *model) {
    size_t count = (size_t)model->network->recipe.labels;
    model->labels = hd_arena_alloc(&model->network->arena, count, sizeof *model->labels);
    return model->labels ? HEED_OK : HEED_MEMORY;
}

static const hd_choice problems[] = {{"single_label_classification", HD_PROBLEM_ONE_LABEL, NULL},
                                     {"multi_label_classification", HD_PROBLEM_MANY_LABELS, NULL},
                                     {"regression", HD_PROBLEM_REGRESSION, NULL},
                                     {NULL, 0, NULL}};

/* As in transformers' pipeline, a head with a single label has its probability. */
static int usual_problem(const heed_model *model) {
    const hd_recipe *recipe = &model->network->recipe;
    return recipe->labels == 1 && recipe->head == HD_HEAD_CLASSIFY_TEXT ? HD_PROBLEM_MANY_LABELS : HD_PROBLEM_ONE_LABEL;
}

static heed_status read_problem(const hd_json *config, heed_model *model) {
    const char *name;
    const hd_choice *choice = problems;
    model->problem = usual_problem(model);
    HD_TRY(hd_json_string(config, "problem_type", NULL, &name));
    if (!name) return HEED_OK;
    while (choice->name && strcmp(choice->name, name) != 0) choice++;
    if (!choice->name)
        return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"problem_type\" is \"%s\", which heed lacks",
                       config->path, name);
    if (choice->value != HD_PROBLEM_ONE_LABEL) model->problem = choice->value;
    return HEED_OK;
}

static bool is_entailment(const char *label) { return strncasecmp(label, "entail", 6) == 0; }

/* As in transformers' pipeline, the first label of "label2id" whose name begins with "entail"; else of "id2label". */
static void find_entailment(const json_t *ids, heed_model *model) {
    const char *label;
    json_t *id;
    model->entailment = -1;
    if (json_is_object(ids)) {
        json_object_foreach((json_t *)ids, label, id) if (model->entailment < 0 && is_entailment(label) &&
                                                          json_is_integer(id) && json_integer_value(id) >= 0 &&
                                                          json_integer_value(id) < model->network->recipe.labels)
            model->entailment = (int32_t)json_integer_value(id);
        return;
    }
    for (int32_t i = 0; i < model->network->recipe.labels && model->entailment < 0; i++)
        if (is_entailment(model->labels[i])) model->entailment = i;
}

/* 1 / (1 + e^−x); less than e^−40 counts as that. */
static double sigmoid(double x) {
    double small = hd_exponential(fmax(-fabs(x), -40));
    return (x < 0 ? small : 1) / (1 + small);
}

void hd_labels_score(int problem, const float *logits, int64_t count, double *scores) {
    if (problem == HD_PROBLEM_ONE_LABEL) {
        hd_softmax(logits, count, scores);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        scores[i] = problem == HD_PROBLEM_REGRESSION ? (double)logits[i] : sigmoid((double)logits[i]);
}

heed_status hd_labels_read(const hd_json *config, heed_model *model) {
    int64_t count = model->network->recipe.labels;
    if (!count) return HEED_OK;
    HD_TRY(open_labels(model));
    if (model->network->recipe.head == HD_HEAD_CLASSIFY_TEXT) HD_TRY(read_problem(config, model));
    const json_t *names = json_object_get(config->root, "id2label");
    for (int64_t i = 0; i < count; i++) {
        char number[32], plain[40];
        snprintf(number, sizeof number, "%lld", (long long)i);
        snprintf(plain, sizeof plain, "LABEL_%lld", (long long)i); /* as transformers calls those without a name */
        const char *name = json_string_value(json_object_get(names, number));
        if (json_is_object(names) && !name)
            return hd_fail(config->context, HEED_FORMAT, "%s: \"id2label\" has no name for label %lld", config->path,
                           (long long)i);
        HD_TRY(set(model, i, name ? name : plain));
    }
    find_entailment(json_object_get(config->root, "label2id"), model);
    return HEED_OK;
}

heed_status hd_labels_set(heed_model *model, const char *const *labels) {
    HD_TRY(open_labels(model));
    model->problem = usual_problem(model);
    for (int64_t i = 0; i < model->network->recipe.labels; i++) HD_TRY(set(model, i, labels[i]));
    find_entailment(NULL, model);
    return HEED_OK;
}

int hd_labels_write(const heed_model *model, json_t *config) {
    if (!model->labels) return 0;
    json_t *names = json_object(), *ids = json_object();
    int failed = 0;
    for (int64_t i = 0; i < model->network->recipe.labels; i++) {
        char number[32];
        snprintf(number, sizeof number, "%lld", (long long)i);
        failed |= json_object_set_new(names, number, json_string(model->labels[i]));
        failed |= json_object_set_new(ids, model->labels[i], json_integer(i));
    }
    if (model->problem != usual_problem(model))
        failed |= json_object_set_new(config, "problem_type", json_string(hd_choice_name(problems, model->problem)));
    failed |= json_object_set_new(config, "id2label", names);
    return failed | json_object_set_new(config, "label2id", ids);
}
