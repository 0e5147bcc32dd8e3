#include "text/languages.h"

#include "text/components.h"

#include <ctype.h>
#include <string.h>

struct hd_language_style {
    const char *class, *types;  /* model types whose folders name no class */
    const char *before, *after; /* around the name of a language in its token */
    const char *shape;          /* of the name: a, A for a letter; NULL: any */
    hd_language_rule rule;
    const char *source; /* of a folder that names none; NULL: the template has no language */
    bool last;          /* the token comes after the text and its end, else before the text */
};

static const hd_language_style styles[] = {
    {"NllbTokenizer", " nllb nllb-moe ", "", "", "aaa_Aaaa", HD_LANGUAGE_FORCED, "eng_Latn", false},
    {"MBart50Tokenizer", " mbart50 ", "", "", "aa_AA", HD_LANGUAGE_FORCED, "en_XX", false},
    {"MBartTokenizer", " mbart ", "", "", "aa_AA", HD_LANGUAGE_STARTS, "en_XX", true},
    {"M2M100Tokenizer", " m2m_100 ", "__", "__", NULL, HD_LANGUAGE_FORCED, "en", false},
    {"SMALL100Tokenizer", "", "__", "__", NULL, HD_LANGUAGE_PREFIX, "en", false},
    {"MarianTokenizer", " marian ", ">>", "<<", NULL, HD_LANGUAGE_PREFIX, NULL, false},
};

static bool is_type(const hd_language_style *style, const char *model_type) {
    char spaced[64];
    snprintf(spaced, sizeof spaced, " %.40s ", model_type);
    return *model_type && strstr(style->types, spaced);
}

static const hd_language_style *style_of(const hd_tokenizer_config *config) {
    size_t size;
    const char *class = hd_tokenizer_config_class(config, &size), *type = hd_tokenizer_config_model_type(config);
    for (size_t i = 0; i < HD_COUNT(styles); i++) {
        if (class && strlen(styles[i].class) == size && memcmp(styles[i].class, class, size) == 0) return &styles[i];
        if (!class && is_type(&styles[i], type)) return &styles[i];
    }
    return NULL;
}

bool hd_languages_of_type(const char *model_type) {
    for (size_t i = 0; i < HD_COUNT(styles); i++)
        if (is_type(&styles[i], model_type)) return true;
    return false;
}

/* ---- names ---- */

static bool has_shape(const char *shape, const char *name, size_t size) {
    if (!shape) return size > 0;
    if (strlen(shape) != size) return false;
    for (size_t i = 0; i < size; i++) {
        bool small = name[i] >= 'a' && name[i] <= 'z', large = name[i] >= 'A' && name[i] <= 'Z';
        if (shape[i] == 'a' ? !small : shape[i] == 'A' ? !large : name[i] != shape[i]) return false;
    }
    return true;
}

/* The name in a token's text, of *size bytes; NULL: the token is not that of a language. */
static const char *name_in(const hd_language_style *style, const char *token, size_t *size) {
    size_t length = strlen(token), before = strlen(style->before), after = strlen(style->after);
    if (length < before + after || strncmp(token, style->before, before) != 0 ||
        strcmp(token + length - after, style->after) != 0)
        return NULL;
    *size = length - before - after;
    return has_shape(style->shape, token + before, *size) ? token + before : NULL;
}

static const char *name_of(const heed_tokenizer *tokenizer, int32_t id, size_t *size) {
    const char *token = hd_tokenizer_token(tokenizer, id);
    return token ? name_in(tokenizer->languages.style, token, size) : NULL;
}

/* The id of the token of a language; −1: there is none. */
static int32_t find_name(const heed_tokenizer *tokenizer, const hd_language_style *style, const char *name) {
    char token[64];
    int size = snprintf(token, sizeof token, "%s%s%s", style->before, name, style->after);
    return size > 0 && (size_t)size < sizeof token ? hd_tokenizer_id(tokenizer, token) : -1;
}

static const int32_t *find_id(const hd_languages *languages, int32_t id) {
    for (size_t i = 0; i < languages->count; i++)
        if (languages->ids[i] == id) return &languages->ids[i];
    return NULL;
}

const hd_languages *hd_tokenizer_languages(const heed_tokenizer *tokenizer) {
    return tokenizer->languages.style ? &tokenizer->languages : NULL;
}

hd_language_rule hd_languages_rule(const hd_languages *languages) { return languages->style->rule; }

const int32_t *hd_language_find(const heed_tokenizer *tokenizer, const char *name) {
    const hd_languages *languages = &tokenizer->languages;
    const int32_t *found = find_id(languages, find_name(tokenizer, languages->style, name));
    return found ? found : find_id(languages, hd_tokenizer_id(tokenizer, name));
}

static size_t common_start(const char *a, const char *b, size_t size) {
    size_t i = 0;
    while (i < size && a[i] && tolower((unsigned char)a[i]) == tolower((unsigned char)b[i])) i++;
    return i;
}

int32_t hd_language_nearest(const heed_tokenizer *tokenizer, const char *name) {
    const hd_languages *languages = &tokenizer->languages;
    int32_t nearest = languages->ids[0];
    size_t most = 0, size = 0;
    for (size_t i = 0; i < languages->count; i++) {
        const char *other = name_of(tokenizer, languages->ids[i], &size);
        size_t common = other ? common_start(name, other, size) : 0;
        if (common > most) most = common, nearest = languages->ids[i];
    }
    return nearest;
}

void hd_language_name(const heed_tokenizer *tokenizer, int32_t id, hd_buffer *out) {
    size_t size;
    const char *name = name_of(tokenizer, id, &size);
    if (name) hd_buffer_append(out, name, size);
}

/* ---- opening ---- */

/* Added tokens, in the order of their ids. */
static heed_status list_ids(heed_tokenizer *tokenizer, const hd_language_style *style) {
    hd_languages *languages = &tokenizer->languages;
    for (int32_t id = 0; id < (int32_t)tokenizer->vocabulary.count; id++) {
        size_t size;
        const char *token = hd_tokenizer_token(tokenizer, id);
        if (!token || !tokenizer->vocabulary.tokens[id].added || !name_in(style, token, &size)) continue;
        if (!hd_grow(tokenizer->context, &languages->ids, &languages->capacity, languages->count + 1,
                     sizeof *languages->ids))
            return HEED_MEMORY;
        languages->ids[languages->count++] = id;
    }
    return HEED_OK;
}

static heed_status add_item(hd_template *template, bool pair, int kind, size_t special) {
    hd_template_item item = {.kind = HD_TEMPLATE_SPECIAL, .special = special};
    if (kind == HD_TEMPLATE_FIRST_TEXT) item.kind = HD_TEMPLATE_FIRST_TEXT;
    if (kind == HD_TEMPLATE_SECOND_TEXT) item.kind = HD_TEMPLATE_SECOND_TEXT;
    return hd_template_add(template, pair, item);
}

/* "LANGUAGE $A </s>", or with `last` "$A </s> LANGUAGE"; a pair has "$A $B" in place of "$A". */
static heed_status fill_template(const heed_tokenizer *tokenizer, hd_template *template, const char *eos, int32_t end,
                                 bool last) {
    enum { LANGUAGE, END };
    const char *language = hd_tokenizer_token(tokenizer, tokenizer->languages.source);
    HD_TRY(hd_template_add_token(template, language, tokenizer->languages.source));
    HD_TRY(hd_template_add_token(template, eos, end));
    for (int pair = 0; pair < 2; pair++) {
        if (!last) HD_TRY(add_item(template, pair, HD_TEMPLATE_SPECIAL, LANGUAGE));
        HD_TRY(add_item(template, pair, HD_TEMPLATE_FIRST_TEXT, 0));
        if (pair) HD_TRY(add_item(template, pair, HD_TEMPLATE_SECOND_TEXT, 0));
        HD_TRY(add_item(template, pair, HD_TEMPLATE_SPECIAL, END));
        if (last) HD_TRY(add_item(template, pair, HD_TEMPLATE_SPECIAL, LANGUAGE));
    }
    return HEED_OK;
}

/* The classes of transformers replace the post-processor of a tokenizer.json. */
static heed_status set_template(heed_tokenizer *tokenizer, const hd_tokenizer_config *config) {
    hd_token_settings eos;
    HD_TRY(hd_tokenizer_config_role(config, HD_EOS, "</s>", &eos));
    char *text = eos.text ? hd_copy_bytes(tokenizer->context, eos.text, eos.size) : NULL;
    if (eos.text && !text) return HEED_MEMORY;
    int32_t end = text ? hd_tokenizer_id(tokenizer, text) : -1;
    hd_post_processor processor = {.kind = HD_POST_TEMPLATE};
    hd_template_open(&processor.template, tokenizer->context);
    heed_status status = end < 0 ? HEED_OK
                                 : fill_template(tokenizer, &processor.template, text, end,
                                                 tokenizer->languages.style->last || tokenizer->languages.legacy);
    hd_free(tokenizer->context, text);
    if (status == HEED_OK && end >= 0) return hd_tokenizer_set_post_processor(tokenizer, processor);
    hd_post_processor_close(tokenizer->context, &processor);
    return status;
}

heed_status hd_languages_open(heed_tokenizer *tokenizer, const hd_tokenizer_config *config) {
    const hd_language_style *style = style_of(config);
    hd_languages *languages = &tokenizer->languages;
    const char *source, *target;
    if (!style) return HEED_OK;
    HD_TRY(list_ids(tokenizer, style));
    if (!languages->count) return HEED_OK;
    languages->style = style;
    languages->source = -1;
    HD_TRY(hd_tokenizer_config_string(config, "tgt_lang", NULL, &target));
    if (target && style->source) languages->target = hd_language_find(tokenizer, target);
    if (style == &styles[0]) HD_TRY(hd_tokenizer_config_bool(config, "legacy_behaviour", false, &languages->legacy));
    HD_TRY(hd_tokenizer_config_string(config, "src_lang", style->source, &source));
    if (!style->source) return HEED_OK;
    if (style->rule == HD_LANGUAGE_PREFIX) source = target ? target : style->source;
    languages->source = find_name(tokenizer, style, source);
    if (languages->source < 0)
        return hd_fail(config->context, HEED_FORMAT, "src_lang \"%.50s\" is not one of its languages", source);
    return set_template(tokenizer, config);
}

/* ---- saving ---- */

static int set_name(const heed_tokenizer *tokenizer, json_t *config, const char *key, int32_t id) {
    size_t size;
    const char *name = name_of(tokenizer, id, &size);
    return name ? json_object_set_new(config, key, json_stringn(name, size)) : 0;
}

int hd_languages_write(const heed_tokenizer *tokenizer, json_t *config) {
    const hd_languages *languages = hd_tokenizer_languages(tokenizer);
    if (!languages || languages->source < 0) return 0;
    int failed = json_object_set_new(config, "tokenizer_class", json_string(languages->style->class));
    failed |= set_name(tokenizer, config, "src_lang", languages->source);
    if (languages->target) failed |= set_name(tokenizer, config, "tgt_lang", *languages->target);
    if (languages->legacy) failed |= json_object_set_new(config, "legacy_behaviour", json_true());
    return failed;
}
