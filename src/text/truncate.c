#include "text/truncate.h"

#include "text/json_fields.h"
#include "text/json_text.h"

#include <string.h>

/* ---- truncation ------------------------------------------------------------------------------------------------- */

static const char *const directions[] = {"Left", "Right", NULL};
static const char *const strategies[] = {"LongestFirst", "OnlyFirst", "OnlySecond", NULL};

#define F(field) offsetof(hd_truncation, field)
static const hd_component_type truncation_type = {
    NULL,
    {{"direction", HD_FIELD_CHOICE, F(direction), .fallback = HD_TRUNCATE_RIGHT, .choices = directions},
     {"max_length", HD_FIELD_COUNT, F(longest)},
     {"strategy", HD_FIELD_CHOICE, F(strategy), .choices = strategies},
     {"stride", HD_FIELD_COUNT, F(stride)}}};
#undef F

heed_status hd_truncation_read(heed_context *context, const json_t *root, hd_truncation *out) {
    const json_t *object = json_object_get(root, "truncation");
    *out = (hd_truncation){0};
    if (!object || json_is_null(object)) return HEED_OK;
    out->present = true;
    return hd_component_read(context, &truncation_type, object, "truncation", out);
}

void hd_truncation_write(const hd_truncation *it, hd_buffer *out) {
    if (it->present)
        hd_component_write(&truncation_type, it, out);
    else
        hd_buffer_text(out, "null");
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* The shorter text is kept whole if the longer one can make room, else both keep half. */
static void longest_first(size_t most, const size_t counts[2], size_t kept[2]) {
    int shorter = counts[0] > counts[1];
    if (counts[shorter] <= most / 2) {
        kept[shorter] = counts[shorter];
        kept[!shorter] = smaller(counts[!shorter], most - counts[shorter]);
    } else {
        kept[shorter] = most / 2;
        kept[!shorter] = most - most / 2;
    }
}

heed_status hd_truncate(heed_context *context, const hd_truncation *it, bool pair, size_t most, const size_t counts[2],
                        size_t kept[2]) {
    size_t total = counts[0] + counts[1];
    kept[0] = counts[0], kept[1] = counts[1];
    if (total <= most) return HEED_OK;
    if (most == 0) {
        kept[0] = kept[1] = 0;
        return HEED_OK;
    }
    if (it->strategy == HD_TRUNCATE_LONGEST_FIRST) {
        if (pair)
            longest_first(most, counts, kept);
        else
            kept[0] = most;
        return HEED_OK;
    }
    int cut = it->strategy == HD_TRUNCATE_SECOND;
    if ((cut && !pair) || counts[cut] <= total - most)
        return hd_fail(context, HEED_LENGTH,
                       "%zu tokens are more than %zu, and truncating the %s text alone does not suffice", total, most,
                       cut ? "second" : "first");
    kept[cut] = counts[cut] - (total - most);
    return HEED_OK;
}

/* ---- padding ---------------------------------------------------------------------------------------------------- */

#define F(field) offsetof(hd_padding, field)
static const hd_component_type padding_type = {
    NULL,
    {{"direction", HD_FIELD_CHOICE, F(direction), .fallback = 1, .choices = directions},
     {"pad_id", HD_FIELD_COUNT, F(id)},
     {"pad_type_id", HD_FIELD_COUNT, F(type)},
     {"pad_token", HD_FIELD_BYTES, F(token), F(token_size)}}};
#undef F

/* "BatchLongest" or {"Fixed": 128}. */
static heed_status read_strategy(heed_context *context, const json_t *object, size_t *fixed) {
    const json_t *strategy = json_object_get(object, "strategy");
    if (json_is_object(strategy)) return hd_read_count(context, strategy, "padding", "Fixed", fixed);
    const char *name = json_string_value(strategy);
    if (name && strcmp(name, "BatchLongest") == 0) return HEED_OK;
    return hd_wrong_field(context, "padding", "strategy", "\"BatchLongest\" or a fixed length");
}

heed_status hd_padding_read(heed_context *context, const json_t *root, hd_padding *out) {
    const json_t *object = json_object_get(root, "padding");
    *out = (hd_padding){0};
    if (!object || json_is_null(object)) return HEED_OK;
    out->present = true;
    HD_TRY(read_strategy(context, object, &out->fixed));
    const json_t *multiple = json_object_get(object, "pad_to_multiple_of");
    if (multiple && !json_is_null(multiple))
        HD_TRY(hd_read_count(context, object, "padding", "pad_to_multiple_of", &out->multiple));
    return hd_component_read(context, &padding_type, object, "padding", out);
}

void hd_padding_write(const hd_padding *it, hd_buffer *out) {
    if (!it->present) {
        hd_buffer_text(out, "null");
        return;
    }
    if (it->fixed)
        hd_buffer_format(out, "{\"strategy\": {\"Fixed\": %zu}, ", it->fixed);
    else
        hd_buffer_text(out, "{\"strategy\": \"BatchLongest\", ");
    if (it->multiple)
        hd_buffer_format(out, "\"pad_to_multiple_of\": %zu, ", it->multiple);
    else
        hd_buffer_text(out, "\"pad_to_multiple_of\": null, ");
    hd_component_write_fields(&padding_type, it, out);
    hd_buffer_byte(out, '}');
}

void hd_padding_close(heed_context *context, hd_padding *it) { hd_component_close(context, &padding_type, it); }
