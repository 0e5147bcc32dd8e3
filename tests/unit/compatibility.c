/* docs/compatibility.md is what the tables of the code, the golden models and the tests say: scripts/compatibility writes it. */
#include "golden.h"
#include "text_goldens.h"

#include "models/family.h"
#include "text/decode.h"
#include "text/normalize.h"
#include "text/post_process.h"
#include "text/pre_tokenize.h"

#include <dirent.h>
#include <ftw.h>
#include <jansson.h>
#include <string.h>

enum { MOST_GOLDENS = 400, MOST_TOKENIZERS = 1000 };

/* ---- families --------------------------------------------------------------------------------------------------- */

/* Real weights, and the tests that run them. */
static const struct {
    const char *class, *weights;
} real_weights[] = {
    {"BertForMaskedLM", "BERT-tiny (`tests/unit/real_weights.c`)"},
    {"BertModel", "all-MiniLM-L6-v2 (`tests/unit/real_weights.c`)"},
    {"HeedRecurrentModel", "g2p-en (`examples/g2p`)"},
    {"LlamaForCausalLM", "stories260K (`tests/unit/real_stories.c`)"},
};

/* A golden folder. */
typedef struct golden {
    char name[64], class[96], type[64];
} golden;

static golden goldens[MOST_GOLDENS];
static size_t golden_count;

static int compare_goldens(const void *a, const void *b) {
    return strcmp(((const golden *)a)->name, ((const golden *)b)->name);
}

static void list_goldens(void) {
    const struct dirent *entry;
    DIR *opened = opendir(GOLDEN "/families");
    assert_non_null(opened);
    while ((entry = readdir(opened))) {
        char path[512];
        golden *g = &goldens[golden_count];
        snprintf(path, sizeof path, GOLDEN "/families/%s/config.json", entry->d_name);
        json_t *config = json_load_file(path, 0, NULL);
        if (!config) continue;
        const char *class = json_string_value(json_array_get(json_object_get(config, "architectures"), 0));
        const char *type = json_string_value(json_object_get(config, "model_type"));
        snprintf(g->name, sizeof g->name, "%s", entry->d_name);
        snprintf(g->class, sizeof g->class, "%s", class ? class : "");
        snprintf(g->type, sizeof g->type, "%s", type ? type : "");
        json_decref(config);
        assert_true(++golden_count < MOST_GOLDENS);
    }
    closedir(opened);
    qsort(goldens, golden_count, sizeof *goldens, compare_goldens);
}

static void append_goldens(const hd_family *family, const char *class, hd_buffer *out) {
    size_t found = 0;
    for (size_t i = 0; i < golden_count; i++) {
        if (strcmp(goldens[i].class, class) != 0 || strcmp(goldens[i].type, family->model_type) != 0) continue;
        hd_buffer_format(out, "%s%s", found++ ? ", " : "", goldens[i].name);
    }
    bool recurrent = family == &hd_heed_rnn && class == family->architectures[HD_HEAD_LANGUAGE];
    if (!found) hd_buffer_text(out, recurrent ? "`tests/golden/recurrent`" : "none");
}

/* Whether transformers lacks the type: "heed-rnn". */
static bool is_own(const hd_family *family) { return strncmp(family->model_type, "heed-", 5) == 0; }

static void append_configs(const hd_family *family, json_t *configs, const char *class, hd_buffer *out) {
    const char *folder;
    json_t *config;
    size_t found = 0;
    json_object_foreach(configs, folder, config) {
        if (strcmp(json_string_value(json_object_get(config, "class")), class) != 0) continue;
        hd_buffer_format(out, "%s%s", found++ ? ", " : "", strrchr(folder, '/') + 1);
    }
    if (!found && !is_own(family)) hd_buffer_text(out, "no real config seen");
}

static void append_weights(const char *class, hd_buffer *out) {
    for (size_t i = 0; i < HD_COUNT(real_weights); i++)
        if (strcmp(real_weights[i].class, class) == 0) hd_buffer_text(out, real_weights[i].weights);
}

/* The objective that trains a model with this head, or "". */
static const char *objective_of(const hd_family *family, int head) {
    static const char *const names[HD_HEADS] = {[HD_HEAD_MASKED] = "masked",
                                                [HD_HEAD_CLASSIFY_TEXT] = "classify",
                                                [HD_HEAD_CLASSIFY_TOKENS] = "tag",
                                                [HD_HEAD_ANSWER] = "answer"};
    bool translates = strstr(family->architectures[head], "Generation") || strstr(family->architectures[head], "MT");
    if (head == HD_HEAD_LANGUAGE) return translates ? "translate" : "language";
    return names[head] ? names[head] : "";
}

/* What transformers has opened of a class: every golden that heed saved, and a model that heed trained. */
static void append_opened(const hd_family *family, json_t *opened, int head, hd_buffer *out) {
    const char *class = family->architectures[head], *objective = objective_of(family, head);
    const json_t *trained = json_object_get(json_object_get(opened, "trained"), family->model_type), *name;
    bool saved = true, any = false, is_trained = false;
    for (size_t i = 0; i < golden_count; i++) {
        if (strcmp(goldens[i].class, class) != 0 || strcmp(goldens[i].type, family->model_type) != 0) continue;
        saved &= json_object_get(json_object_get(opened, "saved"), goldens[i].name) != NULL;
        any = true;
    }
    size_t i;
    json_array_foreach(trained, i, name) is_trained |= strcmp(json_string_value(name), objective) == 0;
    if (any && saved) hd_buffer_text(out, "saved");
    if (is_trained) hd_buffer_text(out, any && saved ? ", trained" : "trained");
}

static void append_family(const hd_family *family, json_t *configs, json_t *opened, hd_buffer *out) {
    const char *type = family->model_type;
    for (int head = 0; head < HD_HEADS; head++) {
        const char *class = family->architectures[head];
        if (!class) continue;
        hd_buffer_format(out, "| %s | `%s` | ", type, class);
        append_goldens(family, class, out);
        hd_buffer_text(out, " | ");
        append_opened(family, opened, head, out);
        hd_buffer_text(out, " | ");
        append_configs(family, configs, class, out);
        hd_buffer_text(out, " | ");
        append_weights(class, out);
        hd_buffer_text(out, " |\n");
        type = "";
    }
}

static int compare_families(const void *a, const void *b) {
    return strcmp((*(const hd_family *const *)a)->model_type, (*(const hd_family *const *)b)->model_type);
}

static void append_families(hd_buffer *out) {
    const hd_family *sorted[256];
    size_t count = 0;
    json_t *configs = json_load_file(GOLDEN "/configs/tensors.json", 0, NULL);
    json_t *opened = json_load_file(GOLDEN "/families/transformers.json", 0, NULL);
    assert_non_null(configs);
    assert_non_null(opened);
    for (; hd_families[count]; count++) sorted[count] = hd_families[count];
    qsort(sorted, count, sizeof(hd_family *), compare_families);
    hd_buffer_text(out,
                   "| model type | class | random weights | transformers opens | real config | real weights |\n"
                   "| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) append_family(sorted[i], configs, opened, out);
    json_decref(opened);
    json_decref(configs);
}

/* ---- components of tokenizers ------------------------------------------------------------------------------------ */

/* How often a component of this type is in the JSON of a part of a tokenizer. */
static size_t count_type(const json_t *value, const char *name) {
    const char *key, *type = json_string_value(json_object_get(value, "type"));
    size_t found = type && strcmp(type, name) == 0, i;
    json_t *inner;
    json_array_foreach(value, i, inner) found += count_type(inner, name);
    json_object_foreach((json_t *)(uintptr_t)value, key, inner) found += count_type(inner, name);
    return found;
}

/* Every tokenizer that tests compare with the package tokenizers. */
static json_t *tokenizers[MOST_TOKENIZERS];
static size_t tokenizer_count;

static void add_tokenizer(json_t *root) {
    assert_true(tokenizer_count < MOST_TOKENIZERS);
    if (json_object_get(root, "model") || json_object_get(root, "version"))
        tokenizers[tokenizer_count++] = root;
    else
        json_decref(root);
}

/* The last column of a line is a model, or the other parts of a tokenizer. */
static void list_lines(heed_context *context) {
    hd_buffer file;
    hd_buffer_open(&file, context);
    assert_ok(context, hd_file_read(context, GOLDEN "/text/components.txt", &file));
    hd_buffer_byte(&file, 0);
    for (char *line = file.data, *end; (end = strchr(line, '\n')); line = end + 1) {
        bool model = strncmp(line, "model\t", 6) == 0;
        *end = 0;
        if (!model && strncmp(line, "tokenizer\t", 10) != 0) continue;
        char *text = strrchr(line, '\t') + 1;
        json_t *root = json_loadb(text, unescape(text), JSON_ALLOW_NUL, NULL);
        if (!root) fail_msg("components.txt: \"%.80s…\" has no JSON", line);
        add_tokenizer(model ? json_pack("{s:o}", "model", root) : root);
    }
    hd_buffer_close(&file);
}

static int list_file(const char *path, const struct stat *information, int kind, struct FTW *place) {
    (void)information, (void)place;
    size_t length = strlen(path);
    if (kind != FTW_F || length < 5 || strcmp(path + length - 5, ".json") != 0) return 0;
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, NULL);
    if (root) add_tokenizer(root);
    return 0;
}

static void append_component(const char *part, const char *name, hd_buffer *out) {
    size_t count = 0;
    for (size_t i = 0; i < tokenizer_count; i++) count += count_type(json_object_get(tokenizers[i], part), name) > 0;
    if (!count) fail_msg("the %s %s is in no tokenizer of tests/golden", part, name);
    hd_buffer_format(out, "| %s | `%s` | %zu |\n", part, name, count);
}

static void append_components(heed_context *context, hd_buffer *out) {
    static const char *const models[] = {"BPE", "WordPiece", "WordLevel", "Unigram"};
    list_lines(context);
    assert_int_equal(nftw(GOLDEN "/text", list_file, 8, FTW_PHYS), 0);
    assert_int_equal(nftw(GOLDEN "/sentencepiece", list_file, 8, FTW_PHYS), 0);
    hd_buffer_text(out, "| part | type | tokenizers |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < HD_COUNT(models); i++) append_component("model", models[i], out);
#define APPEND(part, type, kinds)              \
    for (int kind = 0; kind < (kinds); kind++) \
        if (type(kind) && type(kind)->name) append_component(part, type(kind)->name, out);
    APPEND("normalizer", hd_normalizer_type, HD_NORMALIZERS)
    APPEND("pre_tokenizer", hd_pre_tokenizer_type, HD_PRE_TOKENIZERS)
    APPEND("post_processor", hd_post_processor_type, HD_POST_PROCESSORS)
    APPEND("decoder", hd_token_decoder_type, HD_DECODERS)
#undef APPEND
    while (tokenizer_count) json_decref(tokenizers[--tokenizer_count]);
}

/* ---- the document ------------------------------------------------------------------------------------------------ */

static const char introduction[] =
    "# Compatibility\n"
    "\n"
    "The script `scripts/compatibility` writes this page from the tables of the code and from the golden results in\n"
    "`tests/golden`. A test fails if the page is out of date.\n"
    "\n"
    "## Model families\n"
    "\n"
    "heed opens the model types below, with the classes of transformers that the table lists. `heed-rnn` and\n"
    "`heed-no-residual` are heed's own types: recurrent networks, and Transformers without residual connections. For\n"
    "every other type, heed reports an error. The error names the type and the most similar type that heed opens. The "
    "last\n"
    "three columns of the table list the models that the tests open:\n"
    "\n"
    "- **Random weights**: small models that transformers made, in `tests/golden/families`. The tests compare hidden\n"
    "  states, logits, gradients of all parameters, and text generated by greedy and beam search with those of\n"
    "  transformers. Results with cached keys and values, from several weight files, and from a PyTorch file must be\n"
    "  bit-identical. The tests save each model in each element type, and no byte of a tensor may change\n"
    "  (`tests/unit/families.c`, `tests/unit/family_files.c`).\n"
    "- **transformers opens**: models of heed that transformers opens without a missing or an unexpected tensor. "
    "*Saved*\n"
    "  means every model of the column before it, as heed saved the model. Its states and logits are bit-identical\n"
    "  (`tests/golden/families/reopen.py`). *Trained* means a small model of `heed train`. transformers computes the "
    "same\n"
    "  logits and token ids as heed (`tests/golden/families/train.py`).\n"
    "- **Real config**: configs of published models. The tests open each model at full size. heed must find and use "
    "every\n"
    "  tensor that transformers saves for the model, with the same shape (`tests/unit/real_configs.c`). \"No real "
    "config\n"
    "  seen\" means that no such config was available.\n"
    "- **Real weights**: published models. The results of heed are equal to published results.\n"
    "\n"
    "The configs and weights of published models are not part of the project. If they are missing, the tests are "
    "skipped.\n"
    "\n";

static const char components[] =
    "\n"
    "## Tokenizers\n"
    "\n"
    "heed reads every component below from `tokenizer.json`. The last column is the number of small tokenizers in the\n"
    "tests that have this component. The tests compare ids, offsets, types and decoded text with those of the package\n"
    "`tokenizers` (`tests/unit/tokenizer.c`, `tokenizer_components.c`, `sentencepiece.c`). Other tests compare "
    "tokenizers\n"
    "of published models (`tests/unit/tokenizer_fixtures.c`), and folders without a `tokenizer.json`\n"
    "(`tests/unit/vocabulary_folder.c`, `sentencepiece.c`).\n"
    "\n";

static void the_document_is_up_to_date(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_buffer out;
    hd_buffer_open(&out, context);
    list_goldens();
    hd_buffer_text(&out, introduction);
    append_families(&out);
    hd_buffer_text(&out, components);
    append_components(context, &out);
    assert_golden("../../docs/compatibility.md", &out);
    hd_buffer_close(&out);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_document_is_up_to_date)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
