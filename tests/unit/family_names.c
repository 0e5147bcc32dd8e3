/* Files of one model that have other names and other keys: those of the hub and of transformers' classes, and configs of several
 * versions. The bits are those of the golden folder. Configs that state what heed lacks are refused by the key. */
#include "golden_families.h"

#include "formats/safetensors.h"

#include <math.h>

/* A part of names, what is there instead, and with several of these the parts into which a tensor is split. The first rename is
 * applied first. Without `to` the tensor is left out. */
enum { MOST_PARTS = 3 };
typedef struct rename {
    const char *from, *to[MOST_PARTS];
} rename_rule;

/* ---- folders ---- */

static void replace_part(char name[256], const char *from, const char *to) {
    char text[256];
    const char *found = strstr(name, from);
    if (!found) return;
    snprintf(text, sizeof text, "%.*s%s%s", (int)(found - name), name, to, found + strlen(from));
    snprintf(name, 256, "%s", text);
}

/* The tensors of a file under their new names. */
typedef struct renamed_file {
    size_t count;
    hd_declared_tensor declared[200];
    char names[200][256];
    const char *data[200];
} renamed_file;

static void add_tensor(renamed_file *f, const hd_stored_tensor *t, const char *name, int part, int parts) {
    size_t i = f->count++;
    assert_true(f->count <= HD_COUNT(f->names));
    snprintf(f->names[i], sizeof f->names[i], "%s", name);
    f->declared[i] = (hd_declared_tensor){f->names[i], t->dtype, t->dimensions, {0}};
    memcpy(f->declared[i].shape, t->shape, sizeof f->declared[i].shape);
    f->declared[i].shape[0] /= parts;
    f->data[i] = (const char *)t->data + t->bytes / (size_t)parts * (size_t)part;
}

static void rename_tensor(renamed_file *f, const hd_stored_tensor *t, const rename_rule *rules) {
    char name[256];
    const rename_rule *split = NULL;
    snprintf(name, sizeof name, "%s", t->name);
    for (const rename_rule *r = rules; r->from; r++) {
        if (!strstr(name, r->from)) continue;
        if (!r->to[0]) return;
        if (r->to[1])
            split = r;
        else
            replace_part(name, r->from, r->to[0]);
    }
    int parts = split ? (split->to[2] ? 3 : 2) : 1;
    for (int part = 0; part < parts; part++) {
        char part_name[256];
        snprintf(part_name, sizeof part_name, "%s", name);
        if (split) replace_part(part_name, split->from, split->to[part]);
        add_tensor(f, t, part_name, part, parts);
    }
}

static void write_weights(heed_context *context, const char *golden_name, const rename_rule *rules,
                          const char *folder) {
    char path[512];
    hd_weights *weights;
    hd_safetensors_writer writer;
    renamed_file *f = calloc(1, sizeof *f);
    snprintf(path, sizeof path, GOLDEN "/families/%s", golden_name);
    assert_ok(context, hd_weights_open(context, path, &weights));
    for (size_t i = 0; i < hd_weights_count(weights); i++) rename_tensor(f, hd_weights_at(weights, i), rules);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    assert_ok(context, hd_safetensors_writer_open(context, path, f->declared, f->count, &writer));
    for (size_t i = 0; i < f->count; i++) {
        size_t bytes = hd_dtype_size(f->declared[i].dtype);
        for (int d = 0; d < f->declared[i].dimensions; d++) bytes *= (size_t)f->declared[i].shape[d];
        assert_ok(context, hd_safetensors_writer_write(&writer, f->data[i], bytes));
    }
    assert_ok(context, hd_safetensors_writer_commit(&writer));
    hd_weights_close(weights);
    free(f);
}

/* The golden's config without some keys, separated by spaces, and with others. */
static json_t *changed_config(const char *golden_name, const char *without, const char *with) {
    char path[512], list[512];
    snprintf(path, sizeof path, GOLDEN "/families/%s/config.json", golden_name);
    snprintf(list, sizeof list, "%s", without);
    json_t *config = json_load_file(path, 0, NULL), *more = json_loads(with, 0, NULL);
    assert_non_null(config);
    assert_non_null(more);
    for (char *key = strtok(list, " "); key; key = strtok(NULL, " ")) assert_int_equal(json_object_del(config, key), 0);
    json_object_update(config, more);
    json_decref(more);
    return config;
}

static void write_config(json_t *config, const char *folder) {
    char path[512];
    snprintf(path, sizeof path, "%s/config.json", folder);
    assert_int_equal(json_dump_file(config, path, 0), 0);
    json_decref(config);
}

/* ---- the same bits ---- */

static const rename_rule as_stored[] = {{NULL, {NULL}}};

/* transformers with save_original_format=False */
static const rename_rule gte_classes[] = {
    {"attention.qkv_proj", {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}},
    {"mlp.up_gate_proj", {"mlp.up_proj", "mlp.gate_proj"}},
    {"encoder.layer.", {"layers."}},
    {"attention.o_proj", {"self_attn.o_proj"}},
    {"attn_ln", {"post_attention_layernorm"}},
    {"mlp_ln", {"post_mlp_layernorm"}},
    {"lm_head.norm", {"lm_head.layer_norm"}},
    {NULL, {NULL}}};
static const rename_rule gte_new[] = {{"gte.", {"new."}}, {NULL, {NULL}}};
static const rename_rule gte_unpacked[] = {
    {"attention.qkv_proj", {"attention.q_proj", "attention.k_proj", "attention.v_proj"}},
    {"gte.", {"new."}},
    {NULL, {NULL}}};
static const rename_rule nomic_classes[] = {{"attn.Wqkv", {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}},
                                            {"encoder.layers.", {"layers."}},
                                            {"emb_ln", {"embeddings.LayerNorm"}},
                                            {"attn.out_proj", {"self_attn.o_proj"}},
                                            {"fc11", {"up_proj"}},
                                            {"fc12", {"gate_proj"}},
                                            {"fc2", {"down_proj"}},
                                            {"norm1", {"post_attention_layernorm"}},
                                            {"norm2", {"post_mlp_layernorm"}},
                                            {NULL, {NULL}}};
static const rename_rule nomic_hub[] = {
    {"nomic_bert.", {"bert."}}, {"cls.predictions.bias", {"cls.predictions.decoder.bias"}}, {NULL, {NULL}}};

#define NEW_KEYS                                                                                                       \
    "\"model_type\": \"new\", \"rope_theta\": 160000, \"rope_scaling\": null, \"position_embedding_type\": \"rope\", " \
    "\"layer_norm_type\": \"layer_norm\", \"logn_attention_scale\": false, \"logn_attention_clip1\": false, "          \
    "\"pack_qkv\": true, \"unpad_inputs\": false, \"use_memory_efficient_attention\": false"
#define NOMIC_SIZES \
    "hidden_size num_hidden_layers num_attention_heads intermediate_size max_position_embeddings layer_norm_eps "
#define NOMIC_KEYS                                                                                          \
    "\"n_embd\": 12, \"n_layer\": 3, \"n_head\": 2, \"n_inner\": 16, \"n_positions\": 82, "                 \
    "\"layer_norm_epsilon\": 1e-12, \"rotary_emb_base\": 1000, \"rotary_emb_fraction\": 1.0, "              \
    "\"rotary_emb_interleaved\": false, \"rotary_emb_scale_base\": null, \"rotary_scaling_factor\": null, " \
    "\"max_trained_positions\": 2048, \"prenorm\": false, \"parallel_block\": false, \"causal\": false, "   \
    "\"qkv_proj_bias\": false, \"mlp_fc1_bias\": false, \"mlp_fc2_bias\": false, \"use_rms_norm\": false, " \
    "\"attn_pdrop\": 0.0, \"resid_pdrop\": 0.0, \"embd_pdrop\": 0.0, \"num_experts\": 0, \"scale_attn_weights\": true"
#define MODERN_OLD                                                                                        \
    "\"global_attn_every_n_layers\": 3, \"global_rope_theta\": 160000.0, \"local_rope_theta\": 10000.0, " \
    "\"layer_norm_eps\": 1e-05, \"position_embedding_type\": \"absolute\", \"repad_logits_with_grad\": false"

static const struct {
    const char *golden;
    const rename_rule *rules;
    const char *without, *with;
} same[] = {
    {"gte-headless", gte_classes, "", "{}"},
    {"gte-masked", gte_classes, "", "{}"},
    {"gte-text", gte_classes, "", "{}"},
    {"gte-tokens", gte_classes, "", "{}"},
    {"gte-headless", as_stored, "", "{" NEW_KEYS ", \"architectures\": [\"NewModel\"]}"},
    {"gte-text", gte_new, "rope_parameters", "{" NEW_KEYS ", \"architectures\": [\"NewForSequenceClassification\"]}"},
    {"gte-tokens", gte_new, "rope_parameters", "{" NEW_KEYS ", \"architectures\": [\"NewForTokenClassification\"]}"},
    {"gte-text", gte_unpacked, "rope_parameters",
     "{" NEW_KEYS ", \"pack_qkv\": false, \"architectures\": [\"NewForSequenceClassification\"]}"},
    {"nomic_bert-headless", nomic_classes, "", "{}"},
    {"nomic_bert-masked", nomic_classes, "", "{}"},
    {"nomic_bert-text", nomic_classes, "", "{}"},
    {"nomic_bert-tokens", nomic_classes, "", "{}"},
    {"nomic_bert-headless", as_stored, NOMIC_SIZES "hidden_act rope_parameters",
     "{" NOMIC_KEYS ", \"activation_function\": \"swiglu\"}"},
    {"nomic_bert-headless", as_stored, "", "{" NOMIC_KEYS ", \"activation_function\": \"swiglu\"}"},
    {"nomic_bert-masked", nomic_hub, NOMIC_SIZES "hidden_act rope_parameters",
     "{" NOMIC_KEYS ", \"activation_function\": \"geglu\", \"architectures\": [\"NomicBertForPreTraining\"]}"},
    {"nomic_bert-text", nomic_hub, NOMIC_SIZES "hidden_act rope_parameters",
     "{" NOMIC_KEYS ", \"activation_function\": \"swiglu\"}"},
    {"modernbert-masked", as_stored, "layer_types rope_parameters", "{" MODERN_OLD "}"},
    {"modernbert-text", as_stored, "layer_types rope_parameters", "{" MODERN_OLD "}"},
    {"modernbert-headless", as_stored, "layer_types rope_parameters", "{}"},
};

static void read_golden(const char *name, golden *g) {
    char path[600];
    snprintf(g->name, sizeof g->name, "%s", name);
    snprintf(g->path, sizeof g->path, GOLDEN "/families/%s", name);
    snprintf(path, sizeof path, "%s/expected.json", g->path);
    g->expected = json_load_file(path, 0, NULL);
    assert_non_null(g->expected);
}

static void assert_same_results(const golden *g, size_t row, const results *a, const results *b) {
    const float *x = a->logits ? a->logits : a->states, *y = b->logits ? b->logits : b->states;
    size_t columns = (size_t)(a->logits ? a->classes : a->width);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->classes, b->classes);
    if (memcmp(x, y, (size_t)a->rows * columns * sizeof *x) != 0)
        fail_msg("row %zu (%s): the bits differ", row, g->name);
}

static void other_names_give_the_same_bits(void **state) {
    (void)state;
    for (size_t i = 0; i < HD_COUNT(same); i++) {
        char folder[64], saved[100];
        static golden g;
        heed_context *context = open_context();
        read_golden(same[i].golden, &g);
        make_folder(folder);
        write_weights(context, same[i].golden, same[i].rules, folder);
        write_config(changed_config(same[i].golden, same[i].without, same[i].with), folder);
        for (int purpose = HD_OPEN_TO_RUN; purpose <= HD_OPEN_TO_TRAIN; purpose++) {
            heed_model *model = open_golden(context, &g, g.path, (hd_open_purpose)purpose), *other;
            if (hd_model_open_untokenized(context, folder, (hd_open_purpose)purpose, &other) != HEED_OK)
                fail_msg("row %zu (%s): %s", i, g.name, heed_context_message(context));
            results expected = compute(&g, model), found = compute(&g, other);
            assert_same_results(&g, i, &expected, &found);
            free_results(&found);
            if (purpose == HD_OPEN_TO_TRAIN) { /* and what heed saves of it opens again */
                snprintf(saved, sizeof saved, "%s/saved", folder);
                assert_ok(context, hd_model_save(other, saved, HD_F32, "a card"));
                heed_model *again = open_golden(context, &g, saved, HD_OPEN_TO_RUN);
                assert_ptr_equal(again->family, model->family);
                found = compute(&g, again);
                assert_same_results(&g, i, &expected, &found);
                free_results(&found);
                hd_model_close(again);
            }
            free_results(&expected);
            hd_model_close(other);
            hd_model_close(model);
        }
        json_decref(g.expected);
        heed_context_close(context);
        remove_folder(folder);
    }
}

/* The first files of Nomic BERT's masked head have no biases. */
static void biases_of_a_masked_head_may_be_absent(void **state) {
    (void)state;
    static const rename_rule without[] = {
        {"cls.predictions.bias", {NULL}}, {"cls.predictions.transform.dense.bias", {NULL}}, {NULL, {NULL}}};
    static const rename_rule without_norm[] = {{"cls.predictions.transform.layer_norm.bias", {NULL}}, {NULL, {NULL}}};
    char folder[64];
    heed_context *context = open_context();
    heed_model *model;
    make_folder(folder);
    write_weights(context, "nomic_bert-masked", without, folder);
    write_config(changed_config("nomic_bert-masked", "", "{}"), folder);
    assert_ok(context, hd_model_open_untokenized(context, folder, HD_OPEN_TO_RUN, &model));
    const hd_parameter *bias = model->network->output_bias;
    for (int64_t i = 0; i < hd_parameter_count(bias); i++) assert_true(bias->data[i] == 0);
    hd_model_close(model);
    write_weights(context, "nomic_bert-masked", without_norm, folder);
    assert_int_equal(hd_model_open_untokenized(context, folder, HD_OPEN_TO_RUN, &model), HEED_FORMAT);
    assert_non_null(strstr(heed_context_message(context), "layer_norm.bias"));
    write_weights(context, "gte-masked", (const rename_rule[]){{"lm_head.decoder.bias", {NULL}}, {NULL, {NULL}}},
                  folder);
    write_config(changed_config("gte-masked", "", "{}"), folder);
    assert_int_equal(hd_model_open_untokenized(context, folder, HD_OPEN_TO_RUN, &model), HEED_FORMAT);
    heed_context_close(context);
    remove_folder(folder);
}

/* ---- configs ---- */

static heed_status read_changed(heed_context *context, const char *golden_name, const char *without, const char *with,
                                const hd_family **family, hd_recipe *recipe) {
    static char path[] = "config.json";
    json_t *config = changed_config(golden_name, without, with);
    hd_json json = {.context = context, .path = path, .root = config, .index = SIZE_MAX};
    *family = hd_family_named(json_string_value(json_object_get(config, "model_type")));
    assert_non_null(*family);
    heed_status status = hd_family_read(*family, &json, recipe);
    json_decref(config);
    return status;
}

static hd_recipe recipe_of(heed_context *context, const char *golden_name, const char *without, const char *with) {
    const hd_family *family;
    hd_recipe recipe;
    bool carries;
    assert_ok(context, read_changed(context, golden_name, without, with, &family, &recipe));
    assert_ok(context, hd_family_carries(context, family, &recipe, &carries));
    assert_true(carries);
    return recipe;
}

/* inv_freq of NTKScalingRotaryEmbedding: (base factor)^(−2j/d) / factor^(2/d) */
static void ntk_scaling_of_new(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_recipe r =
        recipe_of(context, "gte-text", "rope_parameters",
                  "{" NEW_KEYS ", \"rope_theta\": 20000, \"rope_scaling\": {\"type\": \"ntk\", \"factor\": 8.0}}");
    const hd_side_recipe *side = &r.side[HD_ENCODER];
    assert_int_equal(side->rotary_scaling.kind, HD_ROTARY_LINEAR);
    for (int j = 0; j < 5; j++) {
        double expected = pow(20000.0 * 8, -2.0 * j / 10) / pow(8, 2.0 / 10);
        double found = pow((double)side->rotary_base, -2.0 * j / 10) / (double)side->rotary_scaling.factor;
        assert_true(fabs(found / expected - 1) < 1e-6);
    }
    r = recipe_of(context, "gte-text", "rope_parameters",
                  "{" NEW_KEYS ", \"rope_theta\": 20000, \"rope_scaling\": {\"type\": \"ntk\", \"factor\": 1.0}}");
    assert_int_equal(r.side[HD_ENCODER].rotary_scaling.kind, HD_ROTARY_UNSCALED);
    assert_true(r.side[HD_ENCODER].rotary_base == 20000);
    heed_context_close(context);
}

/* Encoders of the hub with biases, without gates, and with a scaling of their own. */
static void keys_of_nomic_bert(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_recipe r = recipe_of(context, "nomic_bert-masked", NOMIC_SIZES "hidden_act rope_parameters",
                            "{" NOMIC_KEYS
                            ", \"activation_function\": \"gelu_new\", \"qkv_proj_bias\": true, "
                            "\"mlp_fc1_bias\": true, \"n_positions\": 8192, \"rotary_emb_base\": 10000}");
    const hd_side_recipe *side = &r.side[HD_ENCODER];
    assert_int_equal(side->biases, HD_BIAS_QKV | HD_BIAS_OUT | HD_BIAS_FFN_IN);
    assert_true(!side->gated && side->activation == HD_GELU && r.head_activation == HD_GELU_TANH);
    assert_true(side->max_positions == 8192 && side->rotary_base == 10000);
    r = recipe_of(context, "nomic_bert-headless", "", "{\"n_positions\": 8192}");
    assert_int_equal(r.side[HD_ENCODER].max_positions, 8192);
    r = recipe_of(context, "nomic_bert-headless", "",
                  "{\"rotary_scaling_factor\": 2, \"max_trained_positions\": 64, \"n_positions\": 128}");
    assert_int_equal(r.side[HD_ENCODER].rotary_scaling.kind, HD_ROTARY_DYNAMIC);
    assert_int_equal(r.side[HD_ENCODER].rotary_scaling.original_positions, 64);
    assert_int_equal(r.side[HD_ENCODER].max_positions, 128);
    heed_context_close(context);
}

static void windows_of_modernbert(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_recipe r = recipe_of(context, "modernbert-masked", "layer_types", "{\"local_attention\": 128}");
    assert_int_equal(r.side[HD_ENCODER].window, 65);
    for (int i = 0; i < 7; i++) assert_int_equal(hd_side_window(&r.side[HD_ENCODER], i), i % 3 ? 65 : 0);
    r = recipe_of(context, "modernbert-masked", "layer_types", "{\"global_attn_every_n_layers\": 2}");
    for (int i = 0; i < 7; i++) assert_int_equal(hd_side_window(&r.side[HD_ENCODER], i), i % 2 ? 5 : 0);
    r = recipe_of(context, "modernbert-masked", "layer_types", "{\"global_attn_every_n_layers\": 1}");
    for (int i = 0; i < 7; i++) assert_int_equal(hd_side_window(&r.side[HD_ENCODER], i), 0);
    r = recipe_of(context, "modernbert-biased", "", "{\"global_attn_every_n_layers\": 2}"); /* layer_types counts */
    for (int i = 0; i < 7; i++) assert_int_equal(hd_side_window(&r.side[HD_ENCODER], i), i % 2 ? 0 : 5);
    r = recipe_of(context, "modernbert-masked", "rope_parameters",
                  "{\"global_rope_theta\": 3e5, \"local_rope_theta\": 2e4}");
    assert_true(r.side[HD_ENCODER].rotary_base == 3e5f && r.side[HD_ENCODER].local_rotary_base == 2e4f);
    heed_context_close(context);
}

static void what_heed_lacks_is_refused_by_its_key(void **state) {
    (void)state;
    static const struct {
        const char *golden, *without, *with, *part;
    } cases[] = {
        {"nomic_bert-headless", "", "{\"num_experts\": 8, \"moe_every_n_layers\": 2}", "mixture of experts"},
        {"nomic_bert-headless", "", "{\"num_heads_kv\": 1}", "\"num_heads_kv\""},
        {"nomic_bert-headless", "", "{\"rotary_emb_fraction\": 0.5}", "\"rotary_emb_fraction\""},
        {"nomic_bert-headless", "", "{\"rotary_emb_fraction\": 0}", "\"rotary_emb_fraction\""},
        {"nomic_bert-headless", "", "{\"rotary_emb_interleaved\": true}", "\"rotary_emb_interleaved\""},
        {"nomic_bert-headless", "", "{\"rotary_emb_scale_base\": 512}", "\"rotary_emb_scale_base\""},
        {"nomic_bert-headless", "", "{\"activation_function\": \"glu\"}", "\"activation_function\": glu"},
        {"nomic_bert-headless", "", "{\"prenorm\": true}", "\"prenorm\""},
        {"nomic_bert-headless", "", "{\"parallel_block\": true}", "\"parallel_block\""},
        {"nomic_bert-headless", "", "{\"causal\": true}", "\"causal\""},
        {"nomic_bert-headless", "", "{\"use_rms_norm\": true}", "\"use_rms_norm\""},
        {"gte-text", "", "{" NEW_KEYS ", \"position_embedding_type\": \"absolute\"}", "\"position_embedding_type\""},
        {"gte-text", "", "{" NEW_KEYS ", \"layer_norm_type\": \"rms_norm\"}", "\"layer_norm_type\""},
        {"gte-text", "", "{" NEW_KEYS ", \"logn_attention_scale\": true}", "\"logn_attention_scale\""},
        {"gte-text", "", "{" NEW_KEYS ", \"rope_scaling\": {\"type\": \"ntk\", \"factor\": 8, \"mixed_b\": 0.3}}",
         "\"mixed_b\""},
        {"gte-text", "", "{" NEW_KEYS ", \"rope_scaling\": {\"type\": \"ntk\"}}", "factor\" is missing"},
        {"gte-text", "type_vocab_size", "{" NEW_KEYS "}", "\"type_vocab_size\""},
        {"gte-text", "", "{\"architectures\": [\"GteForQuestionAnswering\"]}", "GteForQuestionAnswering"},
        {"modernbert-masked", "", "{\"layer_types\": [\"full_attention\"]}", "\"layer_types\""},
        {"modernbert-masked", "num_hidden_layers",
         "{\"num_hidden_layers\": 1, \"layer_types\": [\"chunked_attention\"]}", "chunked_attention"},
        {"modernbert-masked", "layer_types", "{\"global_attn_every_n_layers\": 0}", "\"global_attn_every_n_layers\""},
        {"modernbert-masked", "", "{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}}", "\"rope_scaling\""},
        {"modernbert-masked", "", "{\"classifier_pooling\": \"max\"}", "\"classifier_pooling\""},
        {"modernbert-masked", "", "{\"architectures\": [\"ModernBertForMultipleChoice\"]}",
         "ModernBertForMultipleChoice"},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        heed_context *context = open_context();
        const hd_family *family;
        hd_recipe recipe;
        heed_status status = read_changed(context, cases[i].golden, cases[i].without, cases[i].with, &family, &recipe);
        const char *message = heed_context_message(context);
        if (status == HEED_OK || !strstr(message, cases[i].part))
            fail_msg("%s: status %d, \"%s\", expected \"%s\"", cases[i].with, status, message, cases[i].part);
        heed_context_close(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_names_give_the_same_bits),
        cmocka_unit_test(biases_of_a_masked_head_may_be_absent),
        cmocka_unit_test(ntk_scaling_of_new),
        cmocka_unit_test(keys_of_nomic_bert),
        cmocka_unit_test(windows_of_modernbert),
        cmocka_unit_test(what_heed_lacks_is_refused_by_its_key),
    };
    return cmocka_run_group_tests_name("family names", tests, NULL, NULL);
}
