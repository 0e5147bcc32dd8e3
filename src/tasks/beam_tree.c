/* The tree of a beam search: one text is decoded while an observer records what each step does. */
#include "inspect/beam_tree.h"

#include "base/float_environment.h"
#include "decode/session.h"
#include "inspect/label.h"
#include "tasks/decoding.h"
#include "text/spell.h"

#include <string.h>

enum { MOST_BEAMS = 16 };

typedef struct recording {
    heed_context *context;
    hd_beam_tree *tree;
    hd_arena *arena; /* of the tree */
    const hd_decoding *settings;
    hd_speller speller;
    hd_buffer text;
    hd_beam_node *nodes;
    size_t capacity;
    int64_t count, step;
    int64_t before[MOST_BEAMS], kept[MOST_BEAMS]; /* the nodes of hypotheses that a step kept */
    int64_t kept_count;
    heed_status status;
} recording;

/* What a token adds to a text; special tokens have their names. */
static const char *label_of(recording *r, int32_t token) {
    hd_buffer_clear(&r->text);
    if (hd_speller_add(&r->speller, token, &r->text) != HEED_OK) return NULL;
    return hd_visible_label(r->arena, r->text.data ? r->text.data : "", r->text.size);
}

static heed_status add_node(recording *r, const hd_beam_node *node) {
    if (!hd_grow(r->context, &r->nodes, &r->capacity, (size_t)r->count + 1, sizeof *r->nodes)) return HEED_MEMORY;
    r->nodes[r->count++] = *node;
    return node->label ? HEED_OK : HEED_MEMORY;
}

static void record(void *user, const hd_beam_event *event) {
    recording *r = user;
    if (event->step != r->step) {
        memcpy(r->before, r->kept, sizeof r->before);
        r->kept_count = 0;
        r->step = event->step;
    }
    if (r->status != HEED_OK) return;
    hd_beam_node node = {.parent = event->step == 1 ? 0 : r->before[event->parent],
                         .step = event->step,
                         .label = label_of(r, event->token),
                         .token = event->token,
                         .fate = event->fate,
                         .log_prob = event->log_prob,
                         .score = event->score};
    if (event->fate == HD_BEAM_KEPT) r->kept[r->kept_count++] = r->count;
    r->status = add_node(r, &node);
}

/* ---- outputs ---- */

/* Whether a finished node has the tokens of an output. */
static bool is_output(const recording *r, int64_t index, const hd_hypothesis *output) {
    const hd_beam_node *node = &r->nodes[index];
    if (node->fate != HD_BEAM_FINISHED || node->step != output->made) return false;
    for (; node->parent >= 0; node = &r->nodes[node->parent])
        if (node->step <= output->count && node->token != output->ids[node->step - 1]) return false;
    return true;
}

static void mark_outputs(recording *r, const hd_decoded *decoded) {
    for (int64_t i = 0; i < r->count; i++)
        for (int64_t rank = 0; rank < decoded->count && !r->nodes[i].result; rank++)
            if (is_output(r, i, &decoded->best[rank])) r->nodes[i].result = rank + 1;
    for (int64_t i = 0; i < r->count; i++)
        if (r->nodes[i].result == 1)
            for (int64_t at = i; at >= 0; at = r->nodes[at].parent) r->nodes[at].on_path = true;
}

static heed_status keep_output(recording *r, const hd_decoded *decoded) {
    if (!decoded->count)
        return hd_fail(r->context, HEED_NUMERIC, "%s",
                       decoded->problem ? decoded->problem : "all scores of the model are NaN");
    const hd_hypothesis *best = &decoded->best[0];
    int32_t *ids = hd_arena_alloc(r->arena, (size_t)best->count + 1, sizeof *ids);
    if (!ids) return HEED_MEMORY;
    int64_t count = hd_decoding_tokens(r->settings, best, ids);
    hd_buffer_clear(&r->text);
    HD_TRY(hd_tokenizer_decode(r->settings->side[HD_DECODER].tokenizer, ids, (size_t)count, true, &r->text));
    r->tree->target = hd_text_label(r->arena, r->text.data ? r->text.data : "", r->text.size);
    mark_outputs(r, decoded);
    return r->tree->target ? HEED_OK : HEED_MEMORY;
}

/* ---- the search ---- */

static heed_status search(heed_model *model, recording *r, const hd_ids *prompt) {
    hd_session *session;
    hd_decoded decoded;
    hd_text_ends ends = {0};
    hd_request request = {
        .ids = prompt->ids, .count = prompt->count, .generation = &r->settings->generation, .user = r, .beam = record};
    heed_status status = HEED_OK;
    HD_TRY(hd_session_open(r->context, model->network, NULL, &session));
    if (hd_decoding_ends_texts(r->settings)) {
        request.stopped = hd_decoding_stopped, request.stop_user = &ends;
        status = hd_text_ends_open(&ends, r->context, r->settings);
    }
    if (status == HEED_OK) status = hd_session_add(session, &request, NULL);
    while (status == HEED_OK && hd_session_is_busy(session)) status = hd_session_step(session);
    if (status == HEED_OK) status = r->status;
    if (status == HEED_OK && hd_session_next(session, &decoded)) status = keep_output(r, &decoded);
    hd_text_ends_close(&ends);
    hd_session_close(session);
    return status;
}

/* Copies the nodes into the picture. */
static heed_status keep_nodes(recording *r) {
    hd_beam_node *nodes = hd_arena_alloc(r->arena, (size_t)r->count, sizeof *nodes);
    if (!nodes) return HEED_MEMORY;
    memcpy(nodes, r->nodes, (size_t)r->count * sizeof *nodes);
    r->tree->nodes = nodes, r->tree->count = r->count, r->tree->steps = r->step;
    return HEED_OK;
}

static heed_status fill(heed_model *model, const hd_decoding *settings, const char *text, size_t size,
                        hd_beam_tree *tree) {
    recording r = {.context = model->context, .tree = tree, .arena = &tree->picture.arena, .settings = settings};
    hd_text_tokens prompt = {0};
    tree->beams = settings->generation.beams;
    tree->length_penalty = (double)settings->generation.length_penalty;
    hd_buffer_open(&r.text, r.context);
    heed_status status = hd_speller_open(&r.speller, settings->side[HD_DECODER].tokenizer, r.context);
    tree->source = hd_text_label(r.arena, text, size);
    if (status == HEED_OK && !tree->source) status = HEED_MEMORY;
    if (status == HEED_OK) status = hd_text_tokens_read(model, settings, text, size, &prompt);
    if (status == HEED_OK) status = add_node(&r, &(hd_beam_node){.parent = -1, .label = "start", .token = -1});
    if (status == HEED_OK) status = hd_network_pack(model->network);
    if (status == HEED_OK) status = search(model, &r, &prompt.ids);
    if (status == HEED_OK) status = keep_nodes(&r);
    hd_text_tokens_close(&prompt);
    hd_speller_close(&r.speller);
    hd_buffer_close(&r.text);
    hd_free(r.context, r.nodes);
    return status;
}

static heed_status check(heed_context *context, const hd_generation *g) {
    if (g->sample || g->beams < 2)
        return hd_fail(context, HEED_ARGUMENT, "a tree shows a beam search: set beams to at least 2%s",
                       g->sample ? ", and do not sample" : "");
    if (g->beams <= MOST_BEAMS) return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "beams is %lld, but a tree shows at most %d", (long long)g->beams,
                   MOST_BEAMS);
}

heed_status heed_inspect_beams(heed_model *model, const heed_options *options, const char *text, size_t size,
                               heed_picture **picture) {
    heed_context *context = model->context;
    bool translates = hd_recipe_translates(&model->network->recipe);
    hd_decoding settings;
    hd_beam_tree *tree = NULL;
    *picture = NULL;
    HD_TRY(
        hd_model_require(model, HD_HEAD_LANGUAGE, translates, true, "a translation model or a causal language model"));
    hd_float_environment found = hd_float_enter();
    heed_status status =
        hd_decoding_open(model, options, translates ? &hd_translate_table : &hd_generate_table, &settings);
    if (status == HEED_OK) status = check(context, &settings.generation);
    if (status == HEED_OK) status = hd_beam_tree_open(context, &tree);
    if (status == HEED_OK) status = fill(model, &settings, text, size, tree);
    hd_decoding_close(context, &settings);
    hd_float_leave(found);
    if (status == HEED_OK)
        *picture = &tree->picture;
    else if (tree)
        heed_picture_close(&tree->picture);
    return status;
}
