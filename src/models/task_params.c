#include "models/task_params.h"

#include <string.h>

/* ---- reading ---- */

static char *copy_text(hd_arena *arena, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = hd_arena_alloc(arena, size, 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

static heed_status read_prefix(heed_model *model, const hd_json *json, const char *otherwise, const char **prefix) {
    const char *text;
    HD_TRY(hd_json_string(json, "prefix", otherwise, &text));
    *prefix = copy_text(&model->network->arena, text);
    return *prefix ? HEED_OK : HEED_MEMORY;
}

static heed_status read_task(heed_model *model, const hd_json *tasks, const char *name, hd_task_params *task) {
    hd_json json;
    hd_arena *arena = &model->network->arena;
    HD_TRY(hd_json_object(tasks, name, &json));
    *task = (hd_task_params){.name = copy_text(arena, name), .generation = model->generation, .chosen = model->chosen};
    if (!task->name) return HEED_MEMORY;
    HD_TRY(read_prefix(model, &json, model->prefix, &task->prefix));
    hd_generation_choose(&json, &task->chosen);
    return hd_generation_parse(&json, &model->network->recipe, arena, &task->generation);
}

heed_status hd_task_params_read(heed_model *model, const hd_json *config) {
    hd_json tasks;
    if (!hd_recipe_translates(&model->network->recipe)) return HEED_OK;
    HD_TRY(read_prefix(model, config, "", &model->prefix));
    HD_TRY(hd_json_object(config, "task_specific_params", &tasks));
    size_t count = json_object_size(tasks.root);
    hd_task_params *items = hd_arena_alloc(&model->network->arena, count, sizeof *items);
    if (!items) return HEED_MEMORY;
    model->tasks = items;
    for (void *at = json_object_iter(tasks.root); at; at = json_object_iter_next(tasks.root, at)) {
        HD_TRY(read_task(model, &tasks, json_object_iter_key(at), &items[model->task_count]));
        model->task_count++;
    }
    return HEED_OK;
}

/* ---- choosing ---- */

static const char translation[] = "translation_", between[] = "_to_";

/* The languages of "translation_en_to_de"; false for another name. */
typedef struct pair {
    const char *from, *to;
    size_t from_size;
} pair;

static bool read_pair(const char *name, pair *languages) {
    if (strncmp(name, translation, sizeof translation - 1) != 0) return false;
    const char *from = name + sizeof translation - 1, *middle = strstr(from, between);
    if (!middle || middle == from || !middle[sizeof between - 1]) return false;
    *languages = (pair){from, middle + sizeof between - 1, (size_t)(middle - from)};
    return true;
}

static bool matches(const char *name, const char *text, size_t size) {
    return !name || (strlen(name) == size && memcmp(name, text, size) == 0);
}

static bool is_style(const hd_task_params *task) {
    static const char *const others[] = {"summarization", "translation", "text2text-generation", "text-generation",
                                         "question-answering"};
    for (size_t i = 0; i < HD_COUNT(others); i++)
        if (strncmp(task->name, others[i], strlen(others[i])) == 0) return false;
    return true;
}

static bool is_of(hd_text_task kind, const hd_task_params *task) {
    pair languages;
    switch (kind) {
        case HD_TASK_TRANSLATE:
            return read_pair(task->name, &languages);
        case HD_TASK_SUMMARIZE:
            return strcmp(task->name, "summarization") == 0;
        case HD_TASK_REWRITE:
            return is_style(task);
        case HD_TASK_ANSWER:
            return strcmp(task->name, "question-answering") == 0;
    }
    return false;
}

bool hd_task_params_are_named(const heed_model *model, hd_text_task kind) {
    if (kind == HD_TASK_SUMMARIZE || kind == HD_TASK_ANSWER) return false;
    for (size_t i = 0; i < model->task_count; i++)
        if (is_of(kind, &model->tasks[i])) return true;
    return false;
}

bool hd_task_params_begin(const heed_model *model, const char *text, size_t size) {
    for (size_t i = 0; i < model->task_count; i++) {
        size_t length = strlen(model->tasks[i].prefix);
        if (length && length <= size && memcmp(model->tasks[i].prefix, text, length) == 0) return true;
    }
    return false;
}

void hd_task_params_list(const heed_model *model, hd_text_task kind, const char *before, hd_buffer *out) {
    const char *lead = "";
    for (size_t i = 0; i < model->task_count; i++) {
        pair languages;
        if (!is_of(kind, &model->tasks[i])) continue;
        hd_buffer_text(out, lead);
        if (kind == HD_TASK_TRANSLATE && read_pair(model->tasks[i].name, &languages))
            hd_buffer_format(out, "%.*s to %s", (int)languages.from_size, languages.from, languages.to);
        else
            hd_buffer_text(out, model->tasks[i].name);
        lead = before;
    }
}

/* The first task that the names match, in the order of the file. */
static const hd_task_params *find(const heed_model *model, hd_text_task kind, const char *from, const char *to) {
    for (size_t i = 0; i < model->task_count; i++) {
        const hd_task_params *task = &model->tasks[i];
        pair languages;
        if (!is_of(kind, task)) continue;
        if (kind != HD_TASK_TRANSLATE && matches(to, task->name, strlen(task->name))) return task;
        if (kind == HD_TASK_TRANSLATE && read_pair(task->name, &languages) &&
            matches(from, languages.from, languages.from_size) && matches(to, languages.to, strlen(languages.to)))
            return task;
    }
    return NULL;
}

static const hd_task_params *find_plain(const heed_model *model) {
    for (size_t i = 0; i < model->task_count; i++)
        if (strcmp(model->tasks[i].name, "text2text-generation") == 0) return &model->tasks[i];
    return NULL;
}

/* `format` has places for the folder and for the list. */
static heed_status refuse(const heed_model *model, hd_text_task kind, const char *from, const char *to) {
    const char *folder = model->folder ? model->folder : "the model";
    hd_buffer list;
    hd_buffer_open(&list, model->context);
    hd_task_params_list(model, kind, ", ", &list);
    heed_status status = HEED_MEMORY;
    if (!list.failed && kind == HD_TASK_TRANSLATE)
        status = hd_fail(model->context, HEED_ARGUMENT, "%s does not translate%s%.60s%s%.60s; it translates %s", folder,
                         from ? " from " : "", from ? from : "", to ? " to " : "", to ? to : "", list.data);
    else if (!list.failed && to)
        status = hd_fail(model->context, HEED_ARGUMENT, "\"%.60s\" is not one of the styles of %s: %s", to, folder,
                         list.data);
    else if (!list.failed)
        status = hd_fail(model->context, HEED_ARGUMENT, "%s rewrites in several styles: set \"to\" to one of %s",
                         folder, list.data);
    hd_buffer_close(&list);
    return status;
}

heed_status hd_task_params_choose(const heed_model *model, hd_text_task kind, const char *from, const char *to,
                                  const hd_task_params **params) {
    *params = NULL;
    if (kind == HD_TASK_SUMMARIZE || kind == HD_TASK_ANSWER) {
        *params = find(model, kind, NULL, NULL);
        if (!*params && kind == HD_TASK_ANSWER) *params = find_plain(model);
        return HEED_OK;
    }
    if (!hd_task_params_are_named(model, kind)) {
        if (kind == HD_TASK_REWRITE) *params = find_plain(model);
        return HEED_OK;
    }
    size_t count = 0;
    for (size_t i = 0; i < model->task_count; i++) count += is_of(kind, &model->tasks[i]);
    if (kind == HD_TASK_TRANSLATE || to || count == 1) *params = find(model, kind, from, to);
    return *params ? HEED_OK : refuse(model, kind, from, to);
}

heed_status heed_model_styles(const heed_model *model, char **styles) {
    hd_buffer out;
    hd_buffer_open(&out, model->context);
    hd_task_params_list(model, HD_TASK_REWRITE, "\n", &out);
    *styles = out.failed ? NULL : hd_buffer_take(&out);
    if (!*styles) hd_buffer_close(&out);
    return *styles ? HEED_OK : HEED_MEMORY;
}
