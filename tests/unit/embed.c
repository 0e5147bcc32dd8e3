/* Vectors of texts: sentence-transformers' own vectors of small folders with each kind of pooling, dense layers, prompts and
 * limits; damaged folders; batches and threads; memory that runs out. */
#include "memory.h"

#include "base/file.h"
#include "formats/json.h"

#include <math.h>
#include <sys/stat.h>

#define EMBED GOLDEN "/embed/"

enum { MOST_TEXTS = 8 };

static char made[96]; /* the folder of a case */

/* The path of a file in it, whose folder exists. */
static const char *in_made(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", made, name);
    char *slash = strrchr(path, '/');
    *slash = 0;
    mkdir(path, 0755);
    *slash = '/';
    return path;
}

static void remove_made(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", made);
    assert_int_equal(system(command), 0);
}

static void write_json(heed_context *context, const char *name, const json_t *value) {
    hd_buffer text;
    hd_buffer_open(&text, context);
    assert_ok(context, hd_json_append(context, value, &text));
    assert_ok(context, hd_file_write(context, in_made(name), text.data, text.size));
    hd_buffer_close(&text);
}

static void make_folder(heed_context *context, const json_t *entry) {
    snprintf(made, sizeof made, "%s/case", folder);
    remove_made();
    assert_int_equal(mkdir(made, 0755), 0);
    const json_t *files = json_object_get(entry, "files"), *links = json_object_get(entry, "links");
    json_t *mutable_files = (json_t *)(uintptr_t)files, *mutable_links = (json_t *)(uintptr_t)links;
    for (void *at = json_object_iter(mutable_files); at; at = json_object_iter_next(mutable_files, at))
        write_json(context, json_object_iter_key(at), json_object_iter_value(at));
    for (void *at = json_object_iter(mutable_links); at; at = json_object_iter_next(mutable_links, at)) {
        char target[512];
        snprintf(target, sizeof target, EMBED "%s", json_string_value(json_object_iter_value(at)));
        assert_int_equal(symlink(target, in_made(json_object_iter_key(at))), 0);
    }
}

static heed_options *options_of(heed_context *context, const json_t *entry) {
    heed_options *options;
    assert_ok(context, heed_embed_options(context, &options));
    json_t *set = json_object_get(entry, "options");
    for (void *at = json_object_iter(set); at; at = json_object_iter_next(set, at))
        assert_ok(context,
                  heed_options_set(options, json_object_iter_key(at), json_string_value(json_object_iter_value(at))));
    return options;
}

static size_t texts_of(const json_t *entry, const char **texts) {
    const json_t *list = json_object_get(entry, "texts");
    size_t count = json_array_size(list);
    assert_true(count <= MOST_TEXTS);
    for (size_t i = 0; i < count; i++) texts[i] = json_string_value(json_array_get(list, i));
    return count;
}

static void check_vectors(const json_t *entry, const heed_results *results) {
    const json_t *vectors = json_object_get(entry, "vectors");
    const char *name = json_string_value(json_object_get(entry, "name"));
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *expected = json_array_get(vectors, i);
        size_t columns;
        const float *found = heed_results_vector(results, i, &columns);
        if (!found) fail_msg("%s: text %zu: %s", name, i, heed_results_problem(results, i));
        assert_int_equal(columns, json_array_size(expected));
        for (size_t j = 0; j < columns; j++) {
            double number = json_number_value(json_array_get(expected, j)), error = fabs(number - (double)found[j]);
            if (!(error <= 1e-5 * fmax(1, fabs(number))))
                fail_msg("%s: text %zu has %g at %zu, not %g", name, i, (double)found[j], j, number);
        }
    }
}

static json_t *cases;

static const json_t *case_named(const char *name) {
    for (size_t i = 0; i < json_array_size(cases); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(cases, i), "name")), name) == 0)
            return json_array_get(cases, i);
    fail_msg("no case %s", name);
    return NULL;
}

static int open_cases(void **state) {
    if (set_up(state) != 0) return -1;
    cases = json_load_file(EMBED "cases.json", 0, NULL);
    return cases ? 0 : -1;
}

static int close_cases(void **state) {
    json_decref(cases);
    return tear_down(state);
}

static void equals_sentence_transformers(void **state) {
    (void)state;
    heed_context *context = open_context();
    assert_true(json_array_size(cases) > 20);
    for (size_t c = 0; c < json_array_size(cases); c++) {
        const json_t *entry = json_array_get(cases, c);
        const char *texts[MOST_TEXTS];
        heed_model *model;
        heed_results *results;
        make_folder(context, entry);
        heed_options *options = options_of(context, entry);
        assert_ok(context, heed_model_open(context, made, &model));
        assert_ok(context, heed_embed(model, options, texts, NULL, texts_of(entry, texts), &results));
        check_vectors(entry, results);
        heed_results_close(results);
        heed_options_close(options);
        heed_model_close(model);
    }
    heed_context_close(context);
}

/* A text that is cut has a note, which counts the tokens and characters of the text alone. */
static void says_where_texts_are_cut(void **state) {
    (void)state;
    heed_context *context = open_context();
    const json_t *entry = case_named("prompt-name");
    const char *texts[MOST_TEXTS];
    heed_model *model;
    heed_results *results;
    heed_options *options = options_of(context, entry);
    make_folder(context, entry);
    assert_ok(context, heed_model_open(context, made, &model));
    assert_ok(context, heed_embed(model, options, texts, NULL, texts_of(entry, texts), &results));
    assert_null(heed_results_note(results, 0));
    /* 22 tokens with "query :" make 20 words of "dog " */
    assert_string_equal(heed_results_note(results, 4), "cut after 22 of 42 tokens, at character 79");
    assert_null(heed_results_note(results, 5));
    size_t columns;
    assert_null(heed_results_vector(results, 5, &columns));
    assert_int_equal(columns, 0);
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
}

/* The bits of a vector depend on its text alone. */
static void batches_and_threads_give_equal_bits(void **state) {
    (void)state;
    enum { COPIES = 40 };
    heed_context *context = open_context();
    const json_t *entry = case_named("dense-two-normalized");
    const char *texts[MOST_TEXTS], *many[COPIES * MOST_TEXTS];
    size_t count = texts_of(entry, texts), total = 0, columns;
    heed_model *model;
    heed_results *all, *one;
    make_folder(context, entry);
    for (size_t i = 0; i < COPIES * count; i++) many[total++] = texts[i % count];
    for (int threads = 1; threads <= 3; threads += 2) {
        assert_ok(context, heed_context_set_threads(context, threads));
        assert_ok(context, heed_model_open(context, made, &model));
        assert_ok(context, heed_embed(model, NULL, many, NULL, total, &all));
        for (size_t i = 0; i < count; i++) {
            assert_ok(context, heed_embed(model, NULL, &texts[i], NULL, 1, &one));
            const float *expected = heed_results_vector(one, 0, &columns);
            assert_int_equal(columns, 4);
            for (size_t j = i; j < total; j += count)
                assert_memory_equal(heed_results_vector(all, j, &columns), expected, columns * sizeof *expected);
            heed_results_close(one);
        }
        heed_results_close(all);
        heed_model_close(model);
    }
    heed_context_close(context);
}

/* ---- damaged folders -------------------------------------------------------------------------------------------- */

/* A change of a file, and the message: of opening, or of embedding with a folder that opens. */
typedef struct damage {
    const char *file, *text;
    bool opens;
    const char *message; /* a part of it */
} damage;

static const damage damages[] = {
    {"modules.json", "{\"a\": 1}", false, "/modules.json: the file is an object, expected an array of modules"},
    {"modules.json", "[1]", false, "/modules.json: \"[0]\" is 1, expected an object"},
    {"modules.json", "[{\"path\": \"\"}]", false, "/modules.json: \"[0].type\" is missing"},
    {"modules.json", "[{\"type\": \"sentence_transformers.models.Pooling\", \"path\": \"../x\"}]", false,
     "/modules.json: \"[0].path\" is \"../x\", expected a folder inside of this one"},
    {"modules.json", "[{\"type\": \"sentence_transformers.models.Pooling\", \"path\": \"/x\"}]", false,
     "expected a folder inside of this one"},
    {"modules.json", "[", false, "/modules.json: line 1, column "},
    {"modules.json", "[]", true, "/modules.json: module 0 is \"missing\""},
    {"modules.json", "[{\"type\": \"sentence_transformers.models.CLIPModel\", \"path\": \"\"}]", true,
     "/modules.json: module 0 is \"CLIPModel\", heed makes vectors with a Transformer"},
    {"modules.json", "[{\"type\": \"own.Code\", \"path\": \"\"}]", true, "module 0 is \"own.Code\""},
    {"modules.json", "[{\"type\": \"sentence_transformers.models.Transformer\", \"path\": \"\"}]", true,
     "module 1 is \"missing\", heed makes vectors by Pooling after it"},
    {"modules.json",
     "[{\"type\": \"sentence_transformers.models.Transformer\", \"path\": \"\"}, {\"type\": "
     "\"sentence_transformers.models.Pooling\", \"path\": \"1_Pooling\"}, {\"type\": "
     "\"sentence_transformers.models.CNN\", \"path\": \"2\"}]",
     true, "module 2 is \"CNN\", which heed lacks"},
    {"1_Pooling/config.json", "[]", false, "/1_Pooling/config.json: the file is an array of 0, expected an object"},
    {"1_Pooling/config.json", "{\"word_embedding_dimension\": 17}", false,
     "\"word_embedding_dimension\" is 17, but the model's width is 16"},
    {"1_Pooling/config.json", "{\"pooling_mode\": \"sum\"}", true, "\"pooling_mode\" is sum, which heed lacks"},
    {"1_Pooling/config.json", "{\"pooling_mode\": 3}", false, "\"pooling_mode\" is 3, expected a name"},
    {"1_Pooling/config.json", "{\"pooling_mode_sum\": true}", true, "\"pooling_mode_sum\" is true, which heed lacks"},
    {"1_Pooling/config.json", "{\"include_prompt\": 1}", false, "\"include_prompt\" is 1, expected "},
    {"2_Dense/config.json", "{\"in_features\": 16}", false, "/2_Dense/config.json: \"out_features\" is missing"},
    {"2_Dense/config.json", "{\"in_features\": 5, \"out_features\": 6}", false,
     "\"in_features\" is 5, but the vector before has 16"},
    {"2_Dense/config.json", "{\"in_features\": 16, \"out_features\": 7}", false,
     "tensor \"linear.weight\" is [6, 16], expected [7, 16]"},
    {"2_Dense/config.json",
     "{\"in_features\": 16, \"out_features\": 6, \"activation_function\": \"torch.nn.modules.activation.ELU\"}", true,
     "\"activation_function\" is torch.nn.modules.activation.ELU, which heed lacks"},
    {"2_Dense/config.json", "{\"in_features\": 16, \"out_features\": 6, \"activation_function\": \"my.Tanh\"}", true,
     "\"activation_function\" is my.Tanh, which heed lacks"},
    {"2_Dense/config.json", "{\"in_features\": 16, \"out_features\": 6, \"use_residual\": true}", true,
     "\"use_residual\" is true, which heed lacks"},
    {"2_Dense/config.json", "{\"in_features\": 16, \"out_features\": 6, \"module_input_name\": \"token_embeddings\"}",
     true, "\"module_input_name\" is token_embeddings, which heed lacks"},
    {"2_Dense/model.safetensors", "x", false, "/2_Dense/model.safetensors: "},
    {"sentence_bert_config.json", "{\"max_seq_length\": \"x\"}", false, "\"max_seq_length\" is \"x\", expected"},
    {"sentence_bert_config.json", "{\"transformer_task\": \"fill-mask\"}", true,
     "\"transformer_task\" is fill-mask, which heed lacks"},
    {"config_sentence_transformers.json", "{\"prompts\": 3}", false, "\"prompts\" is 3, expected"},
    {"config_sentence_transformers.json", "{\"prompts\": {\"a\": 3}}", false, "\"prompts.a\" is 3, expected"},
    {"config_sentence_transformers.json", "{\"default_prompt_name\": \"a\"}", true,
     "\"default_prompt_name\" is \"a\", which is none of \"prompts\""},
    {"config_sentence_transformers.json", "{\"model_type\": \"SparseEncoder\"}", true,
     "\"model_type\" is SparseEncoder, which heed lacks"},
};

static void names_what_is_wrong(void **state) {
    (void)state;
    heed_context *context = open_context();
    const char *text = "dog";
    for (size_t i = 0; i < HD_COUNT(damages); i++) {
        const damage *d = &damages[i];
        heed_model *model;
        heed_results *results;
        make_folder(context, case_named("tanh"));
        remove(in_made(d->file));
        assert_ok(context, hd_file_write(context, in_made(d->file), d->text, strlen(d->text)));
        heed_status status = heed_model_open(context, made, &model);
        if ((status == HEED_OK) != d->opens)
            fail_msg("%s: %s: opening: %s", d->file, d->text, status ? heed_context_message(context) : "opens");
        if (d->opens) {
            assert_int_equal(heed_embed(model, NULL, &text, NULL, 1, &results), HEED_UNSUPPORTED);
            assert_null(results);
        }
        if (!strstr(heed_context_message(context), d->message))
            fail_msg("%s: %s: %s", d->file, d->text, heed_context_message(context));
        heed_model_close(model);
    }
    heed_context_close(context);
}

static void refuse(heed_context *context, heed_model *model, const char *name, const char *value, const char *more,
                   const char *message) {
    const char *text = "dog";
    heed_options *options;
    heed_results *results;
    assert_ok(context, heed_embed_options(context, &options));
    assert_ok(context, heed_options_set(options, name, value));
    if (more) assert_ok(context, heed_options_set(options, more, "x"));
    assert_int_equal(heed_embed(model, options, &text, NULL, 1, &results), HEED_ARGUMENT);
    assert_null(results);
    assert_string_equal(heed_context_message(context), message);
    heed_options_close(options);
}

static void refuses_options(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model;
    make_folder(context, case_named("prompt-name"));
    assert_ok(context, heed_model_open(context, made, &model));
    refuse(context, model, "prompt-name", "other", NULL,
           "the model has no prompt \"other\"; it has query, find, document");
    refuse(context, model, "prompt-name", "query", "prompt", "prompt and prompt-name exclude each other");
    refuse(context, model, "dims", "17", NULL, "dims is 17, but the vectors have 16 numbers");
    heed_model_close(model);
    heed_context_close(context);
}

/* A model without a head has no answers of other tasks. */
static void other_tasks_refuse_a_model_without_a_head(void **state) {
    (void)state;
    heed_context *context = open_context();
    const char *text = "dog";
    heed_model *model;
    heed_results *results;
    make_folder(context, case_named("headless"));
    assert_ok(context, heed_model_open(context, made, &model));
    assert_int_equal(heed_fill(model, NULL, &text, NULL, 1, &results), HEED_UNSUPPORTED);
    assert_non_null(strstr(heed_context_message(context), "is a BertModel, expected a masked language model"));
    assert_int_equal(heed_classify(model, NULL, &text, NULL, 1, &results), HEED_UNSUPPORTED);
    assert_int_equal(heed_tag(model, NULL, &text, NULL, 1, &results), HEED_UNSUPPORTED);
    heed_model_close(model);
    /* without a modules.json, weights that lack the head are damaged */
    remove(in_made("modules.json"));
    assert_int_equal(heed_model_open(context, made, &model), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "is missing"));
    heed_context_close(context);
}

/* ---- similarity and search -------------------------------------------------------------------------------------- */

/* The metrics of sentence-transformers, from its vectors. */
static double metric_of(const char *name, const json_t *a, const json_t *b) {
    double dot = 0, of_a = 0, of_b = 0, square = 0, sum = 0;
    for (size_t i = 0; i < json_array_size(a); i++) {
        double x = json_number_value(json_array_get(a, i)), y = json_number_value(json_array_get(b, i));
        dot += x * y, of_a += x * x, of_b += y * y, square += (x - y) * (x - y), sum += fabs(x - y);
    }
    if (strcmp(name, "cosine") == 0) return dot / sqrt(of_a * of_b);
    return strcmp(name, "dot") == 0 ? dot : strcmp(name, "euclidean") == 0 ? -sqrt(square) : -sum;
}

static void similarities_are_those_of_the_vectors(void **state) {
    (void)state;
    static const char *const names[] = {"cosine", "dot", "euclidean", "manhattan", NULL};
    heed_context *context = open_context();
    const json_t *entry = case_named("prompt-default"), *vectors = json_object_get(entry, "vectors"); /* "dot" */
    const char *texts[MOST_TEXTS], *seconds[MOST_TEXTS];
    size_t count = texts_of(entry, texts);
    heed_model *model;
    heed_results *results;
    make_folder(context, entry);
    assert_ok(context, heed_model_open(context, made, &model));
    for (size_t i = 0; i < count; i++) seconds[i] = i == 2 ? NULL : texts[(i + 1) % count];
    for (size_t m = 0; m < HD_COUNT(names); m++) {
        assert_ok(context, heed_similarity(model, NULL, names[m], texts, NULL, seconds, NULL, count, &results));
        for (size_t i = 0; i < count; i++) {
            double expected = metric_of(names[m] ? names[m] : "dot", json_array_get(vectors, i),
                                        json_array_get(vectors, (i + 1) % count));
            assert_int_equal(heed_results_alternatives(results, i), i != 2);
            assert_true(i == 2 || fabs((double)heed_results_score(results, i, 0) - expected) < 1e-4);
        }
        assert_non_null(heed_results_note(results, 3)); /* its second text is cut */
        heed_results_close(results);
    }
    assert_int_equal(heed_similarity(model, NULL, "jaccard", texts, NULL, seconds, NULL, 1, &results), HEED_ARGUMENT);
    assert_string_equal(heed_context_message(context),
                        "metric is \"jaccard\", expected cosine, dot, euclidean or manhattan");
    heed_model_close(model);
    heed_context_close(context);
}

static const char lines[] = "the dog runs\n\na small cat sleeps\r\nfind the big dog";

/* The row of the index that a text finds first. */
static size_t first_of(heed_context *context, heed_model *model, const heed_index *index, const heed_options *options,
                       const char *text, float *score) {
    heed_results *results;
    size_t columns, row;
    assert_ok(context, heed_embed(model, options, &text, NULL, 1, &results));
    const float *vector = heed_results_vector(results, 0, &columns);
    assert_int_equal(columns, heed_index_columns(index));
    assert_ok(context, heed_index_search(index, vector, 1, 1, &row, score));
    heed_results_close(results);
    return row;
}

static bool count_lines(void *user, uint64_t done, uint64_t total) {
    uint64_t *last = user;
    assert_int_equal(total, 4);
    *last = done;
    return true;
}

static bool stop_at_once(void *user, uint64_t done, uint64_t total) {
    (void)user, (void)done, (void)total;
    return false;
}

/* Lines are found by their own text; a blank one is not. Documents have a prompt of their own. */
static void lines_of_a_file_are_found(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model;
    heed_options *options, *query;
    heed_index *index;
    uint64_t done = 0;
    size_t size, rows[4];
    float score, scores[4], zero[16] = {1};
    make_folder(context, case_named("prompt-name"));
    assert_ok(context, heed_model_open(context, made, &model));
    assert_ok(context, hd_file_write(context, in_folder("lines"), lines, sizeof lines - 1));
    assert_ok(context, heed_index_options(context, &options));
    assert_ok(context, heed_options_set(options, "metric", "cosine"));
    assert_ok(context, heed_index_build(model, options, in_folder("lines"), count_lines, &done, NULL, &index));
    assert_int_equal(done, 4);
    assert_int_equal(heed_index_rows(index), 4);
    const char *third = heed_index_text(index, 2, &size);
    assert_int_equal(size, strlen("a small cat sleeps"));
    assert_memory_equal(third, "a small cat sleeps", size);
    heed_index_text(index, 1, &size);
    assert_int_equal(size, 0);
    assert_null(heed_index_text(index, 4, &size));
    assert_ok(context, heed_embed_options(context, &query));
    assert_ok(context, heed_options_set(query, "as", "document"));
    assert_int_equal(first_of(context, model, index, query, "a small cat sleeps", &score), 2);
    assert_true(fabsf(score - 1) < 1e-6f);
    assert_ok(context, heed_options_set(query, "as", "query")); /* another prompt: not the same vector */
    first_of(context, model, index, query, "a small cat sleeps", &score);
    assert_true(score < 0.9999f);
    assert_ok(context, heed_index_search(index, zero, 1, 4, rows, scores));
    for (int i = 0; i < 4; i++) assert_true(rows[i] != 1 && (rows[i] == HEED_NO_ROW) == (i == 3));
    heed_index_close(index);
    assert_int_equal(heed_index_build(model, options, in_folder("lines"), stop_at_once, NULL, NULL, &index),
                     HEED_STOPPED);
    assert_null(index);
    assert_ok(context, hd_file_write(context, in_folder("lines"), "", 0));
    assert_int_equal(heed_index_build(model, options, in_folder("lines"), NULL, NULL, NULL, &index), HEED_FORMAT);
    heed_options_close(query);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
}

static void differ(heed_context *context, const heed_index *index, heed_model *model, const char *name,
                   const char *value, const char *message) {
    heed_options *options;
    bool changed = true;
    assert_ok(context, heed_index_options(context, &options));
    assert_ok(context, heed_options_set(options, "metric", "dot"));
    if (name) assert_ok(context, heed_options_set(options, name, value));
    heed_status status = heed_index_check(index, model, options, in_folder("lines"), &changed);
    if (status != (message ? HEED_ARGUMENT : HEED_OK) || (message && !strstr(heed_context_message(context), message)))
        fail_msg("%s: %s", name ? name : "nothing", heed_context_message(context));
    assert_false(changed);
    heed_options_close(options);
}

/* An index of another model, of other options or of another file is not taken for this one. */
static void an_index_is_of_its_model_and_file(void **state) {
    (void)state;
    heed_context *context = open_context();
    heed_model *model, *other;
    heed_options *options;
    heed_index *index;
    bool changed;
    assert_ok(context, hd_file_write(context, in_folder("lines"), lines, sizeof lines - 1));
    make_folder(context, case_named("roberta"));
    assert_ok(context, heed_model_open(context, made, &other));
    make_folder(context, case_named("prompt-name"));
    assert_ok(context, heed_model_open(context, made, &model));
    assert_ok(context, heed_index_options(context, &options));
    assert_ok(context, heed_options_set(options, "dtype", "f16"));
    assert_ok(context, heed_index_build(model, options, in_folder("lines"), NULL, NULL, in_folder("a.idx"), &index));
    differ(context, index, model, NULL, NULL, NULL);
    differ(context, index, model, "dtype", "f16", NULL);
    differ(context, index, model, "prompt-name", "document", NULL);
    differ(context, index, model, "prompt", "", NULL);
    differ(context, index, model, "dtype", "f32", "built with another dtype");
    differ(context, index, model, "metric", "cosine", "built with another metric");
    differ(context, index, model, "dims", "3", "built with another number of dims");
    differ(context, index, model, "prompt", "find ", "built with another prompt");
    differ(context, index, model, "prompt-name", "find", "built with another prompt");
    differ(context, index, model, "prompt-name", "none", "the model has no prompt \"none\"");
    differ(context, index, other, NULL, NULL, "built with another model");
    assert_ok(context, hd_file_write(context, in_folder("lines"), "the dog runs", 12));
    assert_ok(context, heed_index_check(index, model, NULL, in_folder("lines"), &changed));
    assert_true(changed);
    assert_ok(context, heed_index_check(index, model, NULL, NULL, &changed));
    assert_false(changed);
    heed_index_close(index);
    heed_options_close(options);
    heed_model_close(model);
    heed_model_close(other);
    heed_context_close(context);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static heed_status search_lines(heed_context *context) {
    heed_model *model;
    heed_index *index = NULL;
    heed_results *results = NULL;
    bool changed;
    const char *first = "the dog", *second = "a cat";
    heed_status status = heed_model_open(context, made, &model);
    if (status == HEED_OK)
        status = heed_index_build(model, NULL, in_folder("lines"), NULL, NULL, in_folder("m.idx"), &index);
    if (status == HEED_OK) status = heed_index_check(index, model, NULL, in_folder("lines"), &changed);
    if (status == HEED_OK) status = heed_similarity(model, NULL, NULL, &first, NULL, &second, NULL, 1, &results);
    if (status == HEED_OK) {
        char number[64];
        snprintf(number, sizeof number, "%a %d", (double)heed_results_score(results, 0, 0), changed);
        record(number);
    }
    heed_results_close(results);
    heed_index_close(index);
    heed_model_close(model);
    return status;
}

static void searching_survives_without_memory(void **state) {
    (void)state;
    heed_context *context = open_context();
    make_folder(context, case_named("prompt-name"));
    assert_ok(context, hd_file_write(context, in_folder("lines"), lines, sizeof lines - 1));
    heed_context_close(context);
    fail_each(search_lines, search_lines, 40, 300);
}

static heed_status embed_cases(heed_context *context) {
    const char *texts[] = {"the dog runs",
                           "dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog dog "
                           "dog dog dog dog"};
    heed_model *model;
    heed_results *results = NULL;
    heed_options *options = NULL;
    heed_status status = heed_model_open(context, made, &model);
    if (status == HEED_OK) status = heed_embed_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "prompt", "find ");
    if (status == HEED_OK) status = heed_embed(model, options, texts, NULL, HD_COUNT(texts), &results);
    for (size_t i = 0; i < HD_COUNT(texts) && results; i++) {
        size_t columns;
        const float *vector = heed_results_vector(results, i, &columns);
        char number[64];
        snprintf(number, sizeof number, "%zu %a", columns, (double)vector[0]);
        record(number);
        record(heed_results_note(results, i));
    }
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    return status;
}

static void survives_without_memory(void **state) {
    (void)state;
    heed_context *context = open_context();
    make_folder(context, case_named("dense-two-normalized"));
    heed_context_close(context);
    fail_each(embed_cases, embed_cases, 100, 400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_sentence_transformers),
        cmocka_unit_test(says_where_texts_are_cut),
        cmocka_unit_test(batches_and_threads_give_equal_bits),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(refuses_options),
        cmocka_unit_test(other_tasks_refuse_a_model_without_a_head),
        cmocka_unit_test(similarities_are_those_of_the_vectors),
        cmocka_unit_test(lines_of_a_file_are_found),
        cmocka_unit_test(an_index_is_of_its_model_and_file),
        cmocka_unit_test(survives_without_memory),
        cmocka_unit_test(searching_survives_without_memory),
    };
    return cmocka_run_group_tests(tests, open_cases, close_cases);
}
