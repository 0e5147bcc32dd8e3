/* Scores of relative positions for one head (disentangled attention, He et al., 2021): of query i and key j at the distance
 * d = i − j,
 *   scale (q_i · position_key[d] + k_j · position_query[d]),
 * where several distances share a row of the tables. A block of queries is multiplied by those position keys that it is at a
 * distance of, and each score is picked out of the product; so is a block of keys by position queries. */
#include "device/cpu/kernels/each.h"

enum { ROWS = HD_ATTENTION_QUERIES };

static void multiply(const hd_product *product) {
    HD_KERNEL(product)(product, 0, product->rows, 0, (product->columns + HD_PANEL - 1) / HD_PANEL);
}

/* One of the two summands: the rows of x, 32 at a time, and a table. */
typedef struct summand {
    const hd_relative_scores *a;
    bool of_queries; /* x is q and the table has position keys; else x is k and the table has position queries */
    int64_t count;   /* rows of x */
    const float *x;
    int64_t x_row;
    int64_t row, rows;  /* the block */
    int64_t first, end; /* the rows of the table that it needs */
    float *block;       /* [rows, a->block_row]: column c is of the table's row first + c */
} summand;

static summand summand_of(const hd_relative_scores *a, bool of_queries, float *block) {
    summand s = {.a = a, .of_queries = of_queries, .block = block};
    s.count = of_queries ? a->queries : a->keys;
    s.x = of_queries ? a->q : a->k, s.x_row = of_queries ? a->q_row : a->k_row;
    return s;
}

/* Distances ascend with the query and descend with the key. */
static void begin_block(summand *s, int64_t row) {
    const hd_relative_scores *a = s->a;
    s->row = row, s->rows = hd_min(s->count - row, ROWS);
    int64_t first_query = a->first_query + (s->of_queries ? row : 0), first_key = s->of_queries ? 0 : row;
    int64_t last_query = first_query + (s->of_queries ? s->rows : a->queries) - 1;
    int64_t last_key = first_key + (s->of_queries ? a->keys : s->rows) - 1;
    s->first = a->table_index[first_query - last_key], s->end = a->table_index[last_query - first_key] + 1;
}

/* By distance from a query to a key, from that of the query in row 0 to the key in row 0: columns of the block, plus s->first. */
static const int32_t *index_of(const summand *s) { return s->a->table_index + s->a->first_query; }

/* ---- forward ---- */

static void multiply_block(summand *s) {
    const hd_relative_scores *a = s->a;
    const float *panels = s->of_queries ? a->key_panels : a->query_panels;
    s->first -= s->first % HD_PANEL;
    multiply(&(hd_product){.rows = s->rows,
                           .columns = s->end - s->first,
                           .depth = a->width,
                           .a = s->x + s->row * s->x_row,
                           .a_row = s->x_row,
                           .a_depth = 1,
                           .b = panels + s->first * a->width,
                           .b_depth = HD_PANEL,
                           .b_panel = HD_PANEL * a->width,
                           .c = s->block,
                           .c_row = a->block_row});
}

INLINE void pick(float *score, bool add, float x) { *score = add ? *score + x : x; }

/* Scores become, or with `add` get added, what the block has for them. */
static void pick_scores(const summand *s, bool add) {
    const hd_relative_scores *a = s->a;
    const int32_t *index = index_of(s);
    for (int64_t r = 0; s->of_queries && r < s->rows; r++) {
        int64_t i = s->row + r;
        const float *from = s->block + r * a->block_row;
        for (int64_t j = 0; j < a->keys; j++)
            pick(&a->scores[i * a->keys + j], add, a->scale * from[index[i - j] - s->first]);
    }
    for (int64_t i = 0; !s->of_queries && i < a->queries; i++)
        for (int64_t r = 0; r < s->rows; r++) {
            int64_t j = s->row + r;
            const float *from = s->block + r * a->block_row;
            pick(&a->scores[i * a->keys + j], add, a->scale * from[index[i - j] - s->first]);
        }
}

static void add_summand(const hd_relative_scores *a, bool of_queries, bool add, float *scratch) {
    summand s = summand_of(a, of_queries, scratch);
    for (int64_t row = 0; row < s.count; row += ROWS) {
        begin_block(&s, row);
        multiply_block(&s);
        pick_scores(&s, add);
    }
}

void HD_KERNEL(relative_scores)(const hd_relative_scores *a, float *scratch) {
    if (!a->queries || !a->keys) return;
    if (a->key_panels) add_summand(a, true, false, scratch);
    if (a->query_panels) add_summand(a, false, a->key_panels, scratch);
}

/* ---- backward ---- */

/* The block becomes its gradient: scale times the sum of the gradients of those scores that were picked from a column. */
static void sum_scores(const summand *s) {
    const hd_relative_scores *a = s->a;
    const int64_t columns = s->end - s->first;
    const int32_t *index = index_of(s);
    for (int64_t r = 0; r < s->rows; r++) memset(s->block + r * a->block_row, 0, (size_t)columns * sizeof *s->block);
    for (int64_t r = 0; s->of_queries && r < s->rows; r++)
        for (int64_t i = s->row + r, j = 0; j < a->keys; j++)
            s->block[r * a->block_row + index[i - j] - s->first] += a->d_scores[i * a->keys + j];
    for (int64_t i = 0; !s->of_queries && i < a->queries; i++)
        for (int64_t r = 0, j = s->row; r < s->rows; r++, j++)
            s->block[r * a->block_row + index[i - j] - s->first] += a->d_scores[i * a->keys + j];
    for (int64_t r = 0; r < s->rows; r++)
        for (int64_t c = 0; c < columns; c++) s->block[r * a->block_row + c] *= a->scale;
}

/* dx of the block's rows goes on with the chain over rows of the table, that of the table with the chain over rows of x. */
static void add_gradients(const summand *s) {
    const hd_relative_scores *a = s->a;
    const int64_t at = s->first * a->table_row;
    const float *table = s->of_queries ? a->position_keys : a->position_queries;
    float *dx = s->of_queries ? a->dq : a->dk, *d_table = s->of_queries ? a->d_position_keys : a->d_position_queries;
    hd_product product = {.rows = s->rows,
                          .columns = a->width,
                          .depth = s->end - s->first,
                          .a = s->block,
                          .a_row = a->block_row,
                          .a_depth = 1,
                          .b = table + at,
                          .b_depth = a->table_row,
                          .b_panel = HD_PANEL,
                          .c = dx + s->row * s->x_row,
                          .c_row = s->x_row,
                          .mode = HD_CONTINUE};
    multiply(&product);
    if (!d_table) return;
    product.rows = s->end - s->first, product.depth = s->rows;
    product.a_row = 1, product.a_depth = a->block_row;
    product.b = s->x + s->row * s->x_row, product.b_depth = s->x_row;
    product.c = d_table + at, product.c_row = a->table_row;
    multiply(&product);
}

static void add_summand_gradients(const hd_relative_scores *a, bool of_queries, float *scratch) {
    summand s = summand_of(a, of_queries, scratch);
    for (int64_t row = 0; row < s.count; row += ROWS) {
        begin_block(&s, row);
        sum_scores(&s);
        add_gradients(&s);
    }
}

void HD_KERNEL(relative_scores_backward)(const hd_relative_scores *a, float *scratch) {
    if (!a->queries || !a->keys) return;
    if (a->position_keys) add_summand_gradients(a, true, scratch);
    if (a->position_queries) add_summand_gradients(a, false, scratch);
}
