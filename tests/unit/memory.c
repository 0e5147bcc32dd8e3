/* Memory runs out in calls with contexts, options, models, attention and tokenizers (memory.h). */
#include "memory.h"

#include "formats/json.h"
#include "formats/safetensors.h"
#include "text/tokenizer.h"

/* ---- options ---------------------------------------------------------------------------------------------------- */

static heed_status use_options(heed_context *context, heed_status (*open)(heed_context *, heed_options **)) {
    heed_options *options;
    heed_status status = open(context, &options);
    if (status != HEED_OK) {
        assert_null(options);
        return status;
    }
    char *help;
    for (size_t i = 0; heed_options_name(options, i) && status == HEED_OK; i++) {
        const char *name = heed_options_name(options, i);
        status = heed_options_set(options, name, heed_options_is_flag(options, name) ? NULL : "1");
        if (status == HEED_ARGUMENT) status = HEED_OK; /* a choice has no "1" */
    }
    if (status == HEED_OK) status = heed_options_help(options, &help);
    if (status == HEED_OK) {
        record(help);
        heed_free(context, help);
    }
    heed_options_close(options);
    return status;
}

static heed_status use_all_options(heed_context *context) {
    HD_TRY(use_options(context, heed_translate_options));
    HD_TRY(use_options(context, heed_summarize_options));
    HD_TRY(use_options(context, heed_rewrite_options));
    HD_TRY(use_options(context, heed_attend_options));
    HD_TRY(use_options(context, heed_tokenizer_train_options));
    HD_TRY(use_options(context, heed_train_options));
    HD_TRY(use_options(context, heed_bleu_options));
    return use_options(context, heed_bench_options);
}

static void options(void **state) {
    (void)state;
    fail_each(use_all_options, use_all_options, 100, 100);
}

/* The context itself and its pool of threads: there is no message yet, but a status and NULL. */
static void contexts(void **state) {
    (void)state;
    for (long n = 0; n < 3; n++) {
        heed_context *context = NULL;
        memory.left = n;
        memory.held = 0;
        memory.armed = memory.for_good = true;
        heed_status status = open_failing(&context);
        if (status == HEED_OK) heed_context_close(context);
        memory.armed = false;
        assert_int_equal(status, n < 2 ? HEED_MEMORY : HEED_OK);
        assert_int_equal(memory.held, 0);
        if (status != HEED_OK) assert_null(context);
    }
    memory.left = -1;
}

/* ---- models and translations ------------------------------------------------------------------------------------ */

static heed_status translate(heed_context *context, heed_model *model) {
    static const char *const texts[] = {"A dog runs.", "",
                                        "the the the the the the the the the the the the the the the "
                                        "the the the the the the the the the the the the the the the "
                                        "the the the the the the the the the the the the the the the",
                                        "Two men."};
    heed_options *set = NULL;
    heed_results *results = NULL;
    heed_status status = heed_translate_options(context, &set);
    if (status == HEED_OK) status = heed_options_set(set, "beams", "3");
    if (status == HEED_OK) status = heed_options_set(set, "best", "2");
    if (status == HEED_OK) status = heed_options_set(set, "max-new-tokens", "5");
    if (status == HEED_OK) status = heed_options_set(set, "no-repeat-ngram", "2");
    if (status == HEED_OK) status = heed_options_set(set, "alignment", NULL);
    if (status == HEED_OK) status = heed_translate(model, set, texts, NULL, HD_COUNT(texts), &results);
    if (status != HEED_OK) assert_null(results);
    for (size_t i = 0; status == HEED_OK && i < HD_COUNT(texts); i++) {
        record(heed_results_problem(results, i));
        for (size_t j = 0; j < heed_results_alternatives(results, i); j++) {
            record(heed_results_text(results, i, j));
            record(heed_results_alignment(results, i, j));
        }
    }
    heed_results_close(results);
    heed_options_close(set);
    return status;
}

typedef heed_status convert_function(heed_model *, const heed_options *, const char *const *, const size_t *, size_t,
                                     heed_results **);

static heed_status convert(heed_model *model, heed_options *set, convert_function *call, const char *text) {
    heed_results *results = NULL;
    heed_status status = heed_options_set(set, "max-new-tokens", "3");
    if (status == HEED_OK) status = heed_options_set(set, "beams", "1");
    if (status == HEED_OK) status = heed_options_set(set, "prefix", "a dog ");
    if (status == HEED_OK) status = call(model, set, &text, NULL, 1, &results);
    if (status == HEED_OK) {
        record(heed_results_text(results, 0, 0));
        if (heed_results_note(results, 0)) record(heed_results_note(results, 0));
    } else {
        assert_null(results);
    }
    heed_results_close(results);
    return status;
}

/* A document, a summary in parts, and a limit of words; and the lists of what a model can do. */
static heed_status convert_all(heed_context *context, heed_model *model) {
    static const char document[] = "# A dog\n\n  1. Two men\n  run. Stop!\n";
    static const char text[] =
        "the the the the the the the the the the the the the. the the the the the the the the the. "
        "the the the the the the the the the the the the the the the the the the the the the the";
    heed_options *set = NULL;
    char *list;
    heed_status status = heed_translate_options(context, &set);
    if (status == HEED_OK) status = heed_options_set(set, "document", NULL);
    if (status == HEED_OK) status = convert(model, set, heed_translate, document);
    heed_options_close(set);
    if (status == HEED_OK) status = heed_summarize_options(context, &set);
    if (status != HEED_OK) return status;
    status = convert(model, set, heed_summarize, text);
    if (status == HEED_OK) status = heed_options_set(set, "max-words", "2");
    if (status == HEED_OK) status = convert(model, set, heed_summarize, document);
    heed_options_close(set);
    if (status == HEED_OK) status = heed_model_styles(model, &list);
    if (status != HEED_OK) return status;
    record(list);
    heed_free(context, list);
    return HEED_OK;
}

static bool hear(void *user, size_t index, const char *text, size_t size) {
    (void)user, (void)index, (void)text;
    return size > 0;
}

/* Prompts of several lengths, streamed, then with alternatives that are sampled. */
static heed_status generate(heed_context *context, heed_model *model) {
    static const char *const texts[] = {"ROMEO:", "", "Two men of great renown", "a"};
    heed_options *set = NULL;
    heed_results *results = NULL;
    heed_status status = heed_generate_options(context, &set);
    if (status == HEED_OK) status = heed_options_set(set, "max-new-tokens", "3");
    for (int sampled = 0; sampled < 2 && status == HEED_OK; sampled++) {
        if (sampled) status = heed_options_set(set, "sample", NULL);
        if (sampled && status == HEED_OK) status = heed_options_set(set, "best", "2");
        if (status == HEED_OK)
            status = heed_generate(model, set, texts, NULL, HD_COUNT(texts), 0, hear, NULL, &results);
        if (status != HEED_OK) assert_null(results);
        for (size_t i = 0; status == HEED_OK && i < HD_COUNT(texts); i++)
            for (size_t j = 0; j < heed_results_alternatives(results, i); j++) record(heed_results_text(results, i, j));
        heed_results_close(results);
        results = NULL;
    }
    heed_options_close(set);
    return status;
}

/* Options whose values are words, and log-probabilities. */
static heed_status generate_with_words(heed_context *context, heed_model *model) {
    static const char *const texts[] = {"a", "b c"};
    static const char *const options[][2] = {
        {"max-new-tokens", "4"}, {"beams", "2"}, {"logit-bias", "a=1,7=-1"}, {"forbid", "k"},    {"force", "d|h"},
        {"stop", "f"},           {"stop", "x"},  {"forced-eos", "</s>"},     {"logprobs", NULL}, {"top-logprobs", "2"}};
    heed_options *set = NULL;
    heed_results *results = NULL;
    heed_status status = heed_generate_options(context, &set);
    for (size_t i = 0; i < HD_COUNT(options) && status == HEED_OK; i++)
        status = heed_options_set(set, options[i][0], options[i][1]);
    if (status == HEED_OK) status = heed_generate(model, set, texts, NULL, HD_COUNT(texts), 0, NULL, NULL, &results);
    for (size_t i = 0; status == HEED_OK && i < HD_COUNT(texts); i++) {
        record(heed_results_text(results, i, 0));
        for (size_t j = 0, size; j < heed_results_tokens(results, i, 0); j++)
            record(heed_results_token_text(results, i, 0, j, 2, &size));
    }
    heed_results_close(results);
    heed_options_close(set);
    return status;
}

static heed_status predict_next(heed_context *context, heed_model *model) {
    heed_options *set = NULL;
    heed_next *next = NULL;
    size_t size;
    heed_status status = heed_generate_options(context, &set);
    if (status == HEED_OK) status = heed_options_set(set, "top-k", "3");
    if (status == HEED_OK) status = heed_next_open(model, set, "a b", 3, &next);
    const char *text = next ? heed_next_text(next, 0, &size) : NULL;
    if (status == HEED_OK && !text) status = HEED_MEMORY;
    if (text) record(text);
    heed_picture *picture = NULL;
    if (status == HEED_OK) status = heed_inspect_next(next, 3, &picture);
    if (status == HEED_OK) status = heed_picture_save(picture, NULL, in_folder("next.svg"));
    heed_picture_close(picture);
    heed_next_close(next);
    heed_options_close(set);
    return status;
}

static heed_status search_beams(heed_context *context, heed_model *model) {
    heed_options *set = NULL;
    heed_picture *picture = NULL;
    heed_status status = heed_translate_options(context, &set);
    if (status == HEED_OK) status = heed_options_set(set, "beams", "2");
    if (status == HEED_OK) status = heed_options_set(set, "max-new-tokens", "3");
    if (status == HEED_OK) status = heed_inspect_beams(model, set, "a dog", 5, &picture);
    if (status == HEED_OK) status = heed_picture_save(picture, NULL, in_folder("tree.svg"));
    if (status == HEED_OK) status = heed_picture_save(picture, NULL, in_folder("tree.txt"));
    heed_picture_close(picture);
    heed_options_close(set);
    return status;
}

/* The first `count` formats of one attention, of which the first three are pictures, by their fingerprints. */
enum { PICTURES = 3, FORMATS = 5 };
static heed_status draw_all(heed_context *context, heed_options *set, const heed_attention *attention, size_t count) {
    static const char *const formats[FORMATS] = {"text", "svg", "html", "json", "npy"};
    for (size_t i = 0; i < count; i++) {
        char *bytes, text[32];
        size_t size;
        HD_TRY(heed_options_set(set, "format", formats[i]));
        heed_status status = heed_attention_draw(attention, set, true, 40, &bytes, &size);
        if (status != HEED_OK) {
            assert_null(bytes);
            return status;
        }
        snprintf(text, sizeof text, "%016llx", (unsigned long long)fingerprint(FINGERPRINT_OF_NOTHING, bytes, size));
        record(text);
        heed_free(context, bytes);
    }
    return HEED_OK;
}

static heed_status attend(heed_context *context, heed_model *model) {
    static const char text[] = "A (dog) runs. \xFF";
    heed_options *set = NULL;
    heed_attention *attention = NULL;
    heed_status status = heed_attend_options(context, &set);
    if (status == HEED_OK) status = heed_options_set(set, "beams", "2");
    if (status == HEED_OK) status = heed_options_set(set, "max-new-tokens", "4");
    if (status == HEED_OK) status = heed_attend(model, set, text, sizeof text - 1, &attention);
    if (status != HEED_OK) assert_null(attention);
    if (status == HEED_OK) status = draw_all(context, set, attention, FORMATS);
    if (status == HEED_OK) status = heed_options_set(set, "format", "auto");
    if (status == HEED_OK) status = heed_options_set(set, "lines", NULL);
    if (status == HEED_OK) status = heed_attention_save(attention, set, in_folder("lines.svg"));
    heed_attention_close(attention);
    attention = NULL;
    if (status == HEED_OK) status = heed_options_set(set, "target", "a dog");
    if (status == HEED_OK) status = heed_options_set(set, "pieces", NULL);
    if (status == HEED_OK) status = heed_options_set(set, "lines", "no");
    if (status == HEED_OK) status = heed_options_set(set, "grid", NULL);
    if (status == HEED_OK) status = heed_attend(model, set, text, sizeof text - 1, &attention);
    if (status == HEED_OK) status = draw_all(context, set, attention, PICTURES);
    heed_attention_close(attention);
    heed_options_close(set);
    return status;
}

static heed_status inspect(heed_context *context, heed_model *model) {
    heed_picture *picture = NULL;
    heed_options *set = NULL;
    HD_TRY(heed_attend_options(context, &set));
    heed_status status = heed_inspect_embeddings(model, set, "a dog runs", 10, &picture);
    status = draw_picture(set, status, picture);
    if (status == HEED_OK) status = heed_options_set(set, "target", "a dog");
    if (status == HEED_OK) {
        status = heed_inspect_steps(model, set, "a dog runs", 10, &picture);
        status = draw_picture(set, status, picture);
    }
    heed_options_close(set);
    set = NULL;
    if (status == HEED_OK) status = heed_attend_options(context, &set);
    if (status == HEED_OK) status = heed_options_set(set, "count", "3");
    if (status == HEED_OK) {
        status = heed_inspect_positions(model, set, &picture);
        status = draw_picture(set, status, picture);
    }
    heed_options_close(set);
    return status;
}

static heed_status describe(heed_context *context, heed_model *model) {
    char *text;
    for (int json = 0; json < 2; json++) {
        heed_status status = heed_model_describe(model, json, &text);
        if (status != HEED_OK) {
            assert_null(text);
            return status;
        }
        record(text);
        heed_free(context, text);
    }
    return HEED_OK;
}

static heed_status open_and_close(heed_context *context, const char *name) {
    heed_model *model;
    heed_status status = heed_model_open(context, name, &model);
    if (status == HEED_OK)
        status = describe(context, model);
    else
        assert_null(model);
    heed_model_close(model);
    return status;
}

/* With a model that was opened without failures. */
static heed_status with_model_at(heed_context *context, const char *path,
                                 heed_status (*work)(heed_context *, heed_model *)) {
    heed_model *model;
    bool armed = memory.armed;
    memory.armed = false;
    assert_ok(context, heed_model_open(context, path, &model));
    memory.armed = armed;
    heed_status status = work(context, model);
    memory.armed = false;
    heed_model_close(model);
    memory.armed = armed;
    return status;
}

static heed_status with_model(heed_context *context, heed_status (*work)(heed_context *, heed_model *)) {
    return with_model_at(context, GOLDEN "/marian", work);
}

static heed_status use_marian(heed_context *context) { return open_and_close(context, GOLDEN "/marian"); }
static heed_status use_pegasus(heed_context *context) { return open_and_close(context, GOLDEN "/pegasus"); }
static heed_status use_shards(heed_context *context) { return open_and_close(context, in_folder("shards")); }
static heed_status only_describe(heed_context *context) { return with_model(context, describe); }
static heed_status only_translate(heed_context *context) { return with_model(context, translate); }
static heed_status only_convert(heed_context *context) { return with_model(context, convert_all); }
static heed_status use_tasks(heed_context *context) { return open_and_close(context, GOLDEN "/tasks/styles"); }
static heed_status only_generate(heed_context *context) {
    return with_model_at(context, PROJECT "/models/shakespeare", generate);
}
static heed_status only_words(heed_context *context) {
    return with_model_at(context, GOLDEN "/generation/llama", generate_with_words);
}
static heed_status only_next(heed_context *context) {
    return with_model_at(context, GOLDEN "/generation/llama", predict_next);
}
static heed_status only_beams(heed_context *context) { return with_model(context, search_beams); }
static heed_status only_attend(heed_context *context) { return with_model(context, attend); }
static heed_status only_inspect(heed_context *context) { return with_model(context, inspect); }

static heed_status find_none(heed_context *context) {
    heed_model *model;
    heed_status status = heed_model_open(context, "no/such-model", &model);
    assert_null(model);
    if (status != HEED_FILE) return status;
    record(heed_context_message(context));
    return HEED_OK;
}

static void models(void **state) {
    (void)state;
    fail_each(use_marian, use_marian, 50, 30);
    fail_each(use_pegasus, use_pegasus, 0, 20);
    fail_each(use_tasks, use_tasks, 0, 30);
    fail_each(use_shards, use_shards, 0, 30);
    fail_each(only_describe, only_describe, 200, 1);
    fail_each(find_none, find_none, 100, 1);
}

static void translations(void **state) {
    (void)state;
    fail_each(only_translate, only_translate, 100, 40);
    fail_each(only_convert, only_convert, 20, 60);
}

static void continuations(void **state) {
    (void)state;
    fail_each(only_generate, only_generate, 20, 20);
    fail_each(only_words, only_words, 20, 60);
    fail_each(only_next, only_next, 20, 40);
    fail_each(only_beams, only_beams, 20, 40);
}

static void attentions(void **state) {
    (void)state;
    fail_each(only_attend, only_attend, 100, 100);
    fail_each(only_inspect, only_inspect, 100, 100);
}

/* ---- tokenizers ------------------------------------------------------------------------------------------------- */

static heed_status encode(heed_context *context, const heed_tokenizer *tokenizer, const char *line) {
    heed_encoding *encoding;
    char *text, number[16];
    size_t size;
    HD_TRY(heed_tokenizer_encode(tokenizer, context, line, strlen(line), true, &encoding));
    const int32_t *ids = heed_encoding_ids(encoding);
    for (size_t i = 0; i < heed_encoding_count(encoding); i++) {
        snprintf(number, sizeof number, "%d", ids[i]);
        record(number);
    }
    heed_status status = heed_tokenizer_decode(tokenizer, context, ids, heed_encoding_count(encoding), &text, &size);
    heed_encoding_close(encoding);
    if (status != HEED_OK) {
        assert_null(text);
        return status;
    }
    record(text);
    heed_free(context, text);
    return HEED_OK;
}

static heed_status use_tokenizer(heed_context *context, const char *name) {
    heed_tokenizer *tokenizer;
    heed_status status = heed_tokenizer_open(context, name, &tokenizer);
    if (status != HEED_OK) {
        assert_null(tokenizer);
        return status;
    }
    status = encode(context, tokenizer,
                    "Zwei \xC3\x84pfel, e\xCC\x81 \xFF\xE2\x96\x81 abababab <s> 1234567890 \xF0\x9F\x90\xB6!");
    heed_tokenizer_close(tokenizer);
    return status;
}

static heed_status use_folded(heed_context *context) {
    return use_tokenizer(context, GOLDEN "/text/trained-folded.json");
}
static heed_status use_llama(heed_context *context) { return use_tokenizer(context, GOLDEN "/text/llama.json"); }
static heed_status use_bert(heed_context *context) { return use_tokenizer(context, GOLDEN "/text/bert.json"); }
static heed_status use_models_own(heed_context *context) { return use_tokenizer(context, GOLDEN "/marian"); }

static heed_status train_tokenizer(heed_context *context) {
    heed_options *set;
    HD_TRY(heed_tokenizer_train_options(context, &set));
    const char *path = in_folder("tokenizer.json");
    heed_status status = heed_options_set(set, "input", in_folder("source"));
    if (status == HEED_OK) status = heed_options_set(set, "input", in_folder("target"));
    if (status == HEED_OK) status = heed_options_set(set, "vocabulary-size", "40");
    if (status == HEED_OK) status = heed_options_set(set, "normal-form", "nfkc");
    if (status == HEED_OK) status = heed_options_set(set, "lowercase", NULL);
    if (status == HEED_OK) status = heed_options_set(set, "alphabet-limit", "8");
    if (status == HEED_OK) status = heed_tokenizer_train(context, set, path);
    heed_options_close(set);
    return status == HEED_OK ? use_tokenizer(context, path) : status;
}

static void tokenizers(void **state) {
    (void)state;
    fail_each(use_folded, use_folded, 50, 40);
    fail_each(use_llama, use_llama, 50, 40);
    fail_each(use_bert, use_bert, 50, 40);
    fail_each(use_models_own, use_models_own, 50, 20);
    fail_each(train_tokenizer, train_tokenizer, 100, 60);
}

/* ---- the files -------------------------------------------------------------------------------------------------- */

/* The weights of the golden model in two shards. */
static void write_shards(heed_context *context) {
    hd_safetensors *file;
    hd_safetensors_writer writer;
    assert_ok(context, hd_folder_make(context, in_folder("shards")));
    assert_ok(context, hd_safetensors_open(context, GOLDEN "/marian/model.safetensors", &file));
    size_t count = hd_safetensors_count(file), half = count / 2;
    json_t *map = json_object();
    for (int shard = 0; shard < 2; shard++) {
        hd_declared_tensor declared[256] = {0};
        size_t first = shard ? half : 0, end = shard ? count : half;
        assert_true(end - first <= HD_COUNT(declared));
        for (size_t i = first; i < end; i++) {
            const hd_stored_tensor *tensor = hd_safetensors_at(file, i);
            hd_declared_tensor *d = &declared[i - first];
            *d = (hd_declared_tensor){.name = tensor->name, .dtype = tensor->dtype, .dimensions = tensor->dimensions};
            memcpy(d->shape, tensor->shape, sizeof d->shape);
            json_object_set_new(map, tensor->name, json_string(shard ? "two" : "one"));
        }
        assert_ok(context, hd_safetensors_writer_open(context, in_folder(shard ? "shards/two" : "shards/one"), declared,
                                                      end - first, &writer));
        for (size_t i = first; i < end; i++)
            assert_ok(context, hd_safetensors_writer_write(&writer, hd_safetensors_at(file, i)->data,
                                                           hd_safetensors_at(file, i)->bytes));
        assert_ok(context, hd_safetensors_writer_commit(&writer));
    }
    json_t *index = json_pack("{s:o}", "weight_map", map);
    assert_ok(context, hd_json_write(context, in_folder("shards/model.safetensors.index.json"), index));
    json_decref(index);
    hd_safetensors_close(file);
    assert_int_equal(symlink(GOLDEN "/marian/config.json", in_folder("shards/config.json")), 0);
    assert_int_equal(symlink(GOLDEN "/marian/tokenizer.json", in_folder("shards/tokenizer.json")), 0);
}

static int set_up_models(void **state) {
    if (set_up(state) != 0) return -1;
    heed_context *context = open_context();
    write_shards(context);
    heed_context_close(context);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts),     cmocka_unit_test(options),       cmocka_unit_test(models),
        cmocka_unit_test(translations), cmocka_unit_test(continuations), cmocka_unit_test(attentions),
        cmocka_unit_test(tokenizers),
    };
    return cmocka_run_group_tests(tests, set_up_models, tear_down);
}
