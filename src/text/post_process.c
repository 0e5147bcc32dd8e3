#include "text/post_process.h"

#include <string.h>

/* ---- types ------------------------------------------------------------------------------------------------------ */

#define F(field) offsetof(hd_post_processor, field)
#define TRIM \
    { "trim_offsets", HD_FIELD_BOOL, F(trims), .fallback = true }
#define PREFIX \
    { "add_prefix_space", HD_FIELD_BOOL, F(prefix_space), .fallback = true }

static const hd_component_type types[HD_POST_PROCESSORS] = {
    [HD_POST_TEMPLATE] = {"TemplateProcessing"},
    [HD_POST_BERT] = {"BertProcessing",
                      {{"sep", HD_FIELD_TOKEN, F(sep.name), F(sep.id)},
                       {"cls", HD_FIELD_TOKEN, F(cls.name), F(cls.id)}}},
    [HD_POST_ROBERTA] = {"RobertaProcessing",
                         {{"sep", HD_FIELD_TOKEN, F(sep.name), F(sep.id)},
                          {"cls", HD_FIELD_TOKEN, F(cls.name), F(cls.id)},
                          TRIM,
                          PREFIX}},
    [HD_POST_BYTE_LEVEL] = {"ByteLevel", {PREFIX, TRIM, {"use_regex", HD_FIELD_BOOL, F(use_regex), .fallback = true}}},
};

size_t hd_post_processor_find(const char *type) {
    for (size_t i = 0; i < HD_POST_PROCESSORS; i++)
        if (strcmp(types[i].name, type) == 0) return i;
    return SIZE_MAX;
}

const hd_component_type *hd_post_processor_type(hd_post_kind kind) { return &types[kind]; }

void hd_post_processor_close(heed_context *context, hd_post_processor *it) {
    hd_component_close(context, &types[it->kind], it);
    if (it->template.context) hd_template_close(&it->template);
}

/* ---- arranging -------------------------------------------------------------------------------------------------- */

/* Pieces of items: piece i ends at item ends[i]. */
typedef struct pieces {
    heed_context *context;
    hd_arranged *items;
    size_t count, capacity;
    size_t *ends;
    size_t piece_count, piece_capacity;
    bool failed;
} pieces;

static void add_item(pieces *to, hd_arranged item) {
    if (to->failed || !hd_grow(to->context, &to->items, &to->capacity, to->count + 1, sizeof item))
        to->failed = true;
    else
        to->items[to->count++] = item;
}

static void end_piece(pieces *to) {
    if (to->failed || !hd_grow(to->context, &to->ends, &to->piece_capacity, to->piece_count + 1, sizeof *to->ends))
        to->failed = true;
    else
        to->ends[to->piece_count++] = to->count;
}

static size_t piece_begin(const pieces *from, size_t piece) { return piece ? from->ends[piece - 1] : 0; }

/* Appends the items of a piece; with `type` if it is not NULL. */
static void copy_piece(const pieces *from, size_t piece, const uint32_t *type, pieces *to) {
    for (size_t i = piece_begin(from, piece); i < from->ends[piece]; i++) {
        hd_arranged item = from->items[i];
        if (type) item.type = *type;
        add_item(to, item);
    }
}

static void add_special(int32_t id, uint32_t type, pieces *to) {
    add_item(to, (hd_arranged){HD_ARRANGED_SPECIAL, id, type});
}

static void add_special_piece(const hd_template_special *special, uint32_t type, pieces *to) {
    for (size_t i = 0; i < special->count; i++) add_special(special->ids[i], type, to);
    end_piece(to);
}

static void apply_template(const hd_template *template, const pieces *from, bool specials, pieces *to) {
    const hd_template_item *items = from->piece_count == 2 ? template->pair : template->single;
    size_t count = from->piece_count == 2 ? template->pair_count : template->single_count;
    for (size_t i = 0; i < count; i++) {
        if (items[i].kind == HD_TEMPLATE_SPECIAL) {
            if (specials) add_special_piece(&template->specials[items[i].special], items[i].type, to);
            continue;
        }
        copy_piece(from, items[i].kind == HD_TEMPLATE_SECOND_TEXT, &items[i].type, to);
        end_piece(to);
    }
}

static void apply_bert(const hd_post_processor *it, const pieces *from, bool specials, pieces *to) {
    for (size_t piece = 0; piece < from->piece_count; piece++) {
        if (specials && piece == 0) add_special(it->cls.id, 0, to);
        copy_piece(from, piece, NULL, to);
        if (specials) add_special(it->sep.id, piece > 0, to);
        end_piece(to);
    }
}

static void apply_roberta(const hd_post_processor *it, const pieces *from, bool specials, pieces *to) {
    for (size_t piece = 0; piece < from->piece_count; piece++) {
        if (specials) add_special(piece ? it->sep.id : it->cls.id, 0, to);
        copy_piece(from, piece, &(uint32_t){0}, to);
        if (specials) add_special(it->sep.id, 0, to);
        end_piece(to);
    }
}

static heed_status apply(const hd_post_processor *it, const pieces *from, bool specials, pieces *to) {
    if (it->kind == HD_POST_TEMPLATE && (from->piece_count < 1 || from->piece_count > 2))
        return hd_fail(to->context, HEED_UNSUPPORTED,
                       "post_processor \"TemplateProcessing\" after another is not supported for %zu parts",
                       from->piece_count);
    if (it->kind == HD_POST_TEMPLATE)
        apply_template(&it->template, from, specials, to);
    else if (it->kind == HD_POST_BERT)
        apply_bert(it, from, specials, to);
    else
        apply_roberta(it, from, specials, to);
    return to->failed ? HEED_MEMORY : HEED_OK;
}

/* A trim sees the pieces as the processors before it left them. */
static heed_status add_trim(const hd_post_processor *it, const pieces *from, hd_arrangement *out) {
    hd_trim trim = {it->prefix_space, {true, true}};
    for (size_t piece = 0; piece < from->piece_count; piece++)
        for (size_t i = piece_begin(from, piece); i < from->ends[piece]; i++)
            if (from->items[i].kind != HD_ARRANGED_SPECIAL)
                trim.begins[from->items[i].kind] = i == piece_begin(from, piece);
    if (!hd_grow(from->context, &out->trims, &out->trim_capacity, out->trim_count + 1, sizeof trim)) return HEED_MEMORY;
    out->trims[out->trim_count++] = trim;
    return HEED_OK;
}

static size_t count_specials(const hd_post_processor *it, bool pair) {
    if (it->kind == HD_POST_BERT) return pair ? 3 : 2;
    if (it->kind == HD_POST_ROBERTA) return pair ? 4 : 2;
    if (it->kind == HD_POST_BYTE_LEVEL) return 0;
    const hd_template *template = &it->template;
    const hd_template_item *items = pair ? template->pair : template->single;
    size_t count = 0, item_count = pair ? template->pair_count : template->single_count;
    for (size_t i = 0; i < item_count; i++)
        if (items[i].kind == HD_TEMPLATE_SPECIAL) count += template->specials[items[i].special].count;
    return count;
}

static void close_pieces(pieces *it) {
    hd_free(it->context, it->items);
    hd_free(it->context, it->ends);
}

static heed_status run(const hd_post_processor *processors, size_t count, bool pair, bool specials, pieces *now,
                       hd_arrangement *out) {
    for (size_t i = 0; i < count; i++) {
        const hd_post_processor *it = &processors[i];
        out->special_count += specials ? count_specials(it, pair) : 0;
        if (it->trims && it->kind != HD_POST_TEMPLATE && it->kind != HD_POST_BERT) HD_TRY(add_trim(it, now, out));
        if (it->kind == HD_POST_BYTE_LEVEL) continue;
        pieces next = {.context = now->context};
        heed_status status = apply(it, now, specials, &next);
        pieces old = *now;
        *now = next;
        close_pieces(&old);
        HD_TRY(status);
    }
    return HEED_OK;
}

heed_status hd_post_arrange(heed_context *context, const hd_post_processor *processors, size_t count, bool pair,
                            bool add_special, hd_arrangement *out) {
    pieces now = {.context = context};
    *out = (hd_arrangement){0};
    for (int text = 0; text <= pair; text++) {
        add_item(&now, (hd_arranged){text ? HD_ARRANGED_SECOND : HD_ARRANGED_FIRST, 0, (uint32_t)text});
        end_piece(&now);
    }
    heed_status status = now.failed ? HEED_MEMORY : run(processors, count, pair, add_special, &now, out);
    out->items = now.items;
    out->count = now.count;
    out->capacity = now.capacity;
    hd_free(context, now.ends);
    return status;
}

void hd_arrangement_close(heed_context *context, hd_arrangement *it) {
    hd_free(context, it->items);
    hd_free(context, it->trims);
    *it = (hd_arrangement){0};
}
