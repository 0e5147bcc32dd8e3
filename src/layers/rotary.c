/* Formulas of modeling_rope_utils.py in transformers 5.24, with w for the rotary width, f for the scaling's factor, L for the
 * longest text of pretraining, and n for the length of the text. The unscaled frequency j is b^(−2j/w), and its wave has
 * 2π b^(2j/w) tokens. */
#include "layers/rotary.h"

#include "base/context.h"
#include "base/real.h"

#include <math.h>

static const double PI = 0x1.921fb54442d18p+1;

int64_t hd_rotary_columns(const hd_side_recipe *side, int64_t width) {
    return (hd_side_rotary_width(side, width) + 1) / 2 * 2;
}

int64_t hd_rotary_turn(const hd_side_recipe *side) {
    const hd_rotary_scaling *s = &side->rotary_scaling;
    bool turns = s->kind == HD_ROTARY_DYNAMIC || s->kind == HD_ROTARY_LONGROPE;
    return side->positions == HD_POSITIONS_ROTARY && turns ? s->original_positions : INT64_MAX;
}

/* The frequencies of one text. */
typedef struct rotation {
    hd_rotary_scaling scaling;
    double width; /* w */
    double log_base;
    double factor;    /* f */
    double attention; /* of sines and cosines */
    double low, high; /* yarn: frequencies before `low` stay, those from `high` on are divided by f */
    bool is_long;     /* longrope */
} rotation;

/* Dynamic NTK: b (f n/L − (f − 1))^(w/(w − 2)). */
static double grown_log_base(const rotation *r, int64_t length) {
    double ratio = (double)length / (double)r->scaling.original_positions;
    if (!(ratio > 1)) return r->log_base;
    return r->log_base + hd_logarithm(r->factor * ratio - (r->factor - 1)) * r->width / (r->width - 2);
}

/* YaRN: the frequency with so many waves in L tokens, as a number of columns that need not be whole. */
static double column_of(const rotation *r, double waves) {
    double tokens = (double)r->scaling.original_positions / (waves * 2 * PI);
    return r->width * hd_logarithm(tokens) / (2 * r->log_base);
}

static void set_yarn_range(rotation *r) {
    r->low = column_of(r, (double)r->scaling.beta_fast);
    r->high = column_of(r, (double)r->scaling.beta_slow);
    if (!r->scaling.untruncated) r->low = floor(r->low), r->high = ceil(r->high);
    r->low = fmax(r->low, 0);
    r->high = fmin(r->high, r->width - 1);
    if (!(r->low < r->high) && !(r->low > r->high)) r->high += 0.001;
}

static double yarn_scale(double factor, double mscale) {
    return factor > 1 ? 0.1 * mscale * hd_logarithm(factor) + 1 : 1;
}

static double attention_factor(const rotation *r) {
    const hd_rotary_scaling *s = &r->scaling;
    if (s->kind != HD_ROTARY_YARN && s->kind != HD_ROTARY_LONGROPE) return 1;
    if (s->attention_factor > 0) return (double)s->attention_factor;
    if (s->kind == HD_ROTARY_LONGROPE)
        return r->factor > 1 ? sqrt(1 + hd_logarithm(r->factor) / hd_logarithm((double)s->original_positions)) : 1;
    if (s->mscale > 0 && s->mscale_all > 0)
        return yarn_scale(r->factor, (double)s->mscale) / yarn_scale(r->factor, (double)s->mscale_all);
    return yarn_scale(r->factor, 1);
}

static rotation rotation_of(const hd_side_recipe *side, int64_t width, bool local, int64_t length) {
    rotation r = {.width = (double)hd_side_rotary_width(side, width)};
    bool own_base = local && side->local_rotary_base > 0;
    r.log_base = hd_logarithm((double)(own_base ? side->local_rotary_base : side->rotary_base));
    if (!own_base) r.scaling = side->rotary_scaling;
    r.factor = (double)r.scaling.factor;
    if (!(r.factor > 0) && r.scaling.original_positions > 0)
        r.factor = (double)side->max_positions / (double)r.scaling.original_positions;
    r.attention = attention_factor(&r);
    r.is_long = length > r.scaling.original_positions;
    if (r.scaling.kind == HD_ROTARY_DYNAMIC) r.log_base = grown_log_base(&r, length);
    if (r.scaling.kind == HD_ROTARY_YARN) set_yarn_range(&r);
    return r;
}

/* Between the two frequencies, from one rule to the other by the number of waves in L tokens. */
static double llama3_frequency(const rotation *r, double frequency) {
    const hd_rotary_scaling *s = &r->scaling;
    double low = (double)s->low_frequency, high = (double)s->high_frequency;
    double waves = (double)s->original_positions * frequency / (2 * PI);
    if (waves > high) return frequency;
    if (waves < low) return frequency / r->factor;
    double part = (waves - low) / (high - low);
    return (1 - part) * frequency / r->factor + part * frequency;
}

static double yarn_frequency(const rotation *r, int64_t j, double frequency) {
    double part = fmin(fmax(((double)j - r->low) / (r->high - r->low), 0), 1);
    return frequency / r->factor * part + frequency * (1 - part);
}

static double frequency_of(const rotation *r, int64_t j) {
    double frequency = hd_exponential(-r->log_base * (double)(2 * j) / r->width);
    switch ((hd_rotary_kind)r->scaling.kind) {
        case HD_ROTARY_LINEAR:
            return frequency / r->factor;
        case HD_ROTARY_LLAMA3:
            return llama3_frequency(r, frequency);
        case HD_ROTARY_YARN:
            return yarn_frequency(r, j, frequency);
        case HD_ROTARY_LONGROPE:
            return frequency / (double)(r->is_long ? r->scaling.long_factors[j] : r->scaling.short_factors[j]);
        default: /* the base of dynamic NTK has grown already */
            return frequency;
    }
}

void hd_rotary_angles(const hd_side_recipe *side, int64_t width, bool local, int64_t length, int64_t first,
                      int64_t count, float *table) {
    rotation r = rotation_of(side, width, local, length);
    int64_t columns = hd_rotary_columns(side, width), half = columns / 2;
    for (int64_t j = 0; j < half; j++) {
        double frequency = frequency_of(&r, j);
        for (int64_t i = 0; i < count; i++) {
            double sine, cosine;
            hd_sine_cosine((double)(first + i) * frequency, &sine, &cosine);
            table[i * columns + j] = (float)(sine * r.attention);
            table[i * columns + half + j] = (float)(cosine * r.attention);
        }
    }
}

/* ---- unsupported recipes ---- */

/* The least factor: sines of larger frequencies would be those of positions past any text. */
static const float LEAST = 1e-6f;

static bool are_factors(const float *factors, int64_t count) {
    for (int64_t j = 0; j < count; j++)
        if (!(factors[j] >= LEAST)) return false;
    return true;
}

static heed_status check_scaling(heed_context *context, const hd_side_recipe *side, int64_t width) {
    const hd_rotary_scaling *s = &side->rotary_scaling;
    int64_t rotary_width = hd_side_rotary_width(side, width), pairs = hd_rotary_columns(side, width) / 2;
    if (s->kind < 0 || s->kind >= HD_ROTARY_KINDS)
        return hd_fail(context, HEED_UNSUPPORTED, "an unknown scaling of rotary positions");
    if (s->kind != HD_ROTARY_UNSCALED && s->kind != HD_ROTARY_LINEAR && s->original_positions < 2)
        return hd_fail(context, HEED_FORMAT, "scaled rotary positions need the length of texts in pretraining");
    bool by_length = s->kind == HD_ROTARY_YARN || s->kind == HD_ROTARY_LONGROPE; /* where there is no factor */
    if (s->kind != HD_ROTARY_UNSCALED && !(s->factor >= LEAST) && !(by_length && !(s->factor > 0)))
        return hd_fail(context, HEED_FORMAT, "rotary positions are scaled by %g, expected at least %g",
                       (double)s->factor, (double)LEAST);
    switch ((hd_rotary_kind)s->kind) {
        case HD_ROTARY_DYNAMIC: {
            rotation r = rotation_of(side, width, false, side->max_positions);
            if (rotary_width > 2 && r.log_base >= 0 && r.log_base <= 40) return HEED_OK;
            return hd_fail(context, HEED_UNSUPPORTED, "rotary positions of %lld columns, scaled by %g to %lld tokens",
                           (long long)rotary_width, (double)s->factor, (long long)side->max_positions);
        }
        case HD_ROTARY_LLAMA3:
            if (s->low_frequency > 0 && s->high_frequency > s->low_frequency) return HEED_OK;
            return hd_fail(context, HEED_UNSUPPORTED, "rotary positions between the frequency factors %g and %g",
                           (double)s->low_frequency, (double)s->high_frequency);
        case HD_ROTARY_YARN:
            if (s->beta_slow > 0 && s->beta_fast > 0) return HEED_OK;
            return hd_fail(context, HEED_UNSUPPORTED, "rotary positions between the betas %g and %g",
                           (double)s->beta_slow, (double)s->beta_fast);
        case HD_ROTARY_LONGROPE:
            if (pairs > HD_MOST_ROTARY_FACTORS)
                return hd_fail(context, HEED_UNSUPPORTED, "%lld factors of rotary positions: heed builds up to %d",
                               (long long)pairs, HD_MOST_ROTARY_FACTORS);
            if (are_factors(s->short_factors, pairs) && are_factors(s->long_factors, pairs)) return HEED_OK;
            return hd_fail(context, HEED_FORMAT, "rotary positions need %lld factors of at least %g", (long long)pairs,
                           (double)LEAST);
        default:
            return HEED_OK;
    }
}

heed_status hd_rotary_check(heed_context *context, const hd_side_recipe *side, int64_t width) {
    int64_t head_width = hd_side_head_width(side, width), columns = hd_rotary_columns(side, width);
    if (side->rotary_width < 0 || columns > head_width)
        return hd_fail(context, HEED_UNSUPPORTED,
                       "rotary positions of %lld columns in heads of %lld, or of an odd width",
                       (long long)hd_side_rotary_width(side, width), (long long)head_width);
    if (!(side->rotary_base > 1) || side->local_rotary_base < 0 ||
        (side->local_rotary_base > 0 && !(side->local_rotary_base > 1)))
        return hd_fail(context, HEED_FORMAT, "rotary positions need a base above 1");
    return check_scaling(context, side, width);
}
