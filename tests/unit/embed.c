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

/* ---- memory ----------------------------------------------------------------------------------------------------- */

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
        cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, open_cases, close_cases);
}
