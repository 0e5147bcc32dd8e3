/* heed cluster: groups of similar texts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "memory.h"
#include "models.h"
#include "output.h"
#include "stop.h"
#include "texts.h"
#include "verbs.h"

enum { WORDS = 5 };

static const char *model_name, *input, *vector_file, *picture;
static bool json, summary;

static const own_option own[] = {
    {"model", 'm', "MODEL", "model that computes the vectors of texts (default: encoder)", &model_name, NULL},
    {"input", 0, "FILE", "file of texts, one per line; - for standard input", &input, NULL},
    {"vectors", 0, "FILE", "file of vectors in NumPy's format .npy, one per text, in place of a model", &vector_file,
     NULL},
    {"groups", 0, NULL, "print a line per group: number, texts, words, and the text nearest to its center", NULL,
     &summary},
    {"output", 'o', "FILE.svg", "file for a map of the texts, along two principal components", &picture, NULL},
    {"json", 0, NULL, "print a JSON object per text, or per group with --groups", NULL, &json},
    COMPUTE,
};

static const command cluster = {
    .name = "cluster",
    .usage = "[-m MODEL | --vectors FILE] [options] [TEXT ...]",
    .about =
        "Groups texts by the similarity of their vectors, with k-means. For each TEXT, or each line of --input or\n"
        "standard input, prints the number of its group, the characteristic words of the group, and the text, with\n"
        "tabs between them. Group 1 is the largest. Without -k, the number of groups is the one with the largest\n"
        "silhouette, and a message gives it. --json prints, where groups are counted from 0:\n"
        "{\"cluster\": …, \"words\": […], \"distance\": …, \"text\": …}, or with --groups\n"
        "{\"cluster\": …, \"size\": …, \"words\": […], \"text\": …}.\n"
        "\n"
        "  $ heed cluster -m sst2 -k 2 \"a charming film\" \"a funny film\" \"a dull story\" \"the story is too long\"\n"
        "  1\tfilm, charming, funny\ta charming film\n"
        "  1\tfilm, charming, funny\ta funny film\n"
        "  2\tstory, dull, is, long, the\ta dull story\n"
        "  2\tstory, dull, is, long, the\tthe story is too long\n",
    .own = own,
    .own_count = sizeof own / sizeof own[0],
    .open_options = heed_cluster_options,
};

/* All texts with their vectors. */
typedef struct collection {
    char **texts;   /* [count], NULL for one without a group, or of which there is no text */
    size_t *sizes;  /* [count] */
    float *vectors; /* [count, columns]; NaN for a text without a vector */
    size_t count, columns;
    bool has_texts;
} collection;

static void close_collection(collection *c) {
    for (size_t i = 0; i < c->count && c->texts; i++) free(c->texts[i]);
    free(c->texts);
    free(c->sizes);
    free(c->vectors);
}

/* Copies the texts of a batch. */
static void add_texts(collection *c, const text_source *texts) {
    c->texts = grow_memory(c->texts, c->count + texts->count, sizeof *c->texts);
    c->sizes = grow_memory(c->sizes, c->count + texts->count, sizeof *c->sizes);
    for (size_t i = 0; i < texts->count; i++, c->count++) {
        size_t size = texts->items[i] ? texts->sizes[i] : 0;
        c->texts[c->count] = texts->items[i] ? grow_memory(NULL, size + 1, 1) : NULL;
        if (size) memcpy(c->texts[c->count], texts->items[i], size);
        c->sizes[c->count] = size;
    }
}

/* ---- vectors ---------------------------------------------------------------------------------------------------- */

static heed_status open_embed_options(const invocation *line, heed_options **options) {
    heed_status status = heed_embed_options(line->context, options);
    return status == HEED_OK ? heed_options_set(*options, "as", "document") : status;
}

/* Adds a batch with the vectors of its texts. Blank texts have none. */
static heed_status embed_batch(const invocation *line, heed_model *model, const heed_options *options,
                               const text_source *texts, collection *c, int *code) {
    heed_results *results;
    size_t first = c->count, columns = 0;
    for (size_t i = 0; i < texts->count; i++) {
        if (!texts->items[i]) {
            report_text(texts, i, too_long);
            *code = EXIT_FAILED;
        } else if (heed_text_is_blank(texts->items[i], texts->sizes[i])) {
            texts->items[i] = NULL;
        }
    }
    heed_status status = heed_embed(model, options, texts->items, texts->sizes, texts->count, &results);
    if (status != HEED_OK) return status;
    for (size_t i = 0; i < texts->count && !c->columns; i++)
        if (heed_results_vector(results, i, &columns)) c->columns = columns;
    add_texts(c, texts);
    c->vectors = grow_memory(c->vectors, c->count * (c->columns ? c->columns : 1), sizeof *c->vectors);
    for (size_t i = 0; i < texts->count; i++) {
        const float *vector = heed_results_vector(results, i, &columns);
        const char *problem = heed_results_problem(results, i), *note = heed_results_note(results, i);
        float *to = c->vectors + (first + i) * c->columns;
        for (size_t j = 0; j < c->columns; j++) to[j] = vector ? vector[j] : NAN;
        if (problem || (note && !line->quiet)) report_text(texts, i, problem ? problem : note);
        if (problem) *code = EXIT_FAILED;
    }
    heed_results_close(results);
    return HEED_OK;
}

static int embed_all(const invocation *line, collection *c) {
    text_source texts;
    heed_model *model = NULL;
    heed_options *options = NULL;
    int code;
    if (!open_texts(line, input, &texts, &code)) return code;
    if (open_model(line, model_name, "encoder", "use one such as sentence-transformers/all-MiniLM-L6-v2", &model,
                   &code)) {
        code = EXIT_DONE;
        heed_status status = open_embed_options(line, &options);
        while (status == HEED_OK && next_texts(&texts)) status = embed_batch(line, model, options, &texts, c, &code);
        if (texts.failed) code = EXIT_FAILED;
        if (status != HEED_OK) code = report_failure(line, status);
        c->has_texts = true;
    }
    heed_options_close(options);
    heed_model_close(model);
    close_texts(&texts);
    return code;
}

/* The vectors of a file, and the texts if there are any. */
static int read_vectors(const invocation *line, collection *c) {
    float *numbers;
    int64_t shape[2];
    heed_status status = heed_vectors_read(line->context, vector_file, &numbers, shape);
    if (status != HEED_OK) return report_failure(line, status);
    size_t rows = (size_t)shape[0];
    c->columns = (size_t)shape[1];
    c->vectors = grow_memory(NULL, rows * c->columns + 1, sizeof *c->vectors);
    if (rows > 0 && c->columns > 0) memcpy(c->vectors, numbers, rows * c->columns * sizeof *numbers);
    heed_free(line->context, numbers);
    c->has_texts = input || line->text_count;
    text_source texts;
    int code = EXIT_DONE;
    if (c->has_texts) {
        if (!open_texts(line, input, &texts, &code)) return code;
        code = EXIT_DONE;
        while (next_texts(&texts)) add_texts(c, &texts);
        if (texts.failed) code = EXIT_FAILED;
        close_texts(&texts);
        if (code == EXIT_DONE && c->count != rows) {
            print_message("heed cluster: %s has %zu vectors, but there are %zu texts", vector_file, rows, c->count);
            code = EXIT_FAILED;
        }
    }
    if (!c->has_texts) c->count = rows;
    return code;
}

/* ---- output ----------------------------------------------------------------------------------------------------- */

static void print_words(const heed_clusters *groups, size_t group) {
    const char *word;
    if (json) fputs("\"words\": [", stdout);
    for (size_t i = 0; i < WORDS && (word = heed_clusters_word(groups, group, i)) != NULL; i++) {
        if (i) fputs(", ", stdout);
        if (json)
            put_json_string(word, strlen(word));
        else
            put_line_text(word, strlen(word));
    }
    if (json) putchar(']');
}

/* The last column: the text, if there is one. */
static void print_text(const collection *c, size_t row) {
    bool known = c->texts && row < c->count && c->texts[row];
    if (json) {
        fputs(", \"text\": ", stdout);
        if (known)
            put_json_string(c->texts[row], c->sizes[row]);
        else
            fputs("null", stdout);
        puts("}");
    } else {
        if (known) putchar('\t');
        if (known) put_line_text(c->texts[row], c->sizes[row]);
        putchar('\n');
    }
}

static void print_row(const collection *c, const heed_clusters *groups, size_t row) {
    int32_t group = heed_clusters_group(groups, row);
    if (group < 0) {
        putchar('\n');
        return;
    }
    if (json)
        printf("{\"cluster\": %d, ", (int)group);
    else
        printf("%d\t", (int)group + 1);
    print_words(groups, (size_t)group);
    if (json) {
        fputs(", \"distance\": ", stdout);
        put_json_float((float)heed_clusters_distance(groups, row));
    }
    print_text(c, row);
}

static void print_group(const collection *c, const heed_clusters *groups, size_t group) {
    if (json)
        printf("{\"cluster\": %zu, \"size\": %zu, ", group, heed_clusters_size(groups, group));
    else
        printf("%zu\t%zu\t", group + 1, heed_clusters_size(groups, group));
    print_words(groups, group);
    print_text(c, heed_clusters_nearest(groups, group));
}

static void print_groups(const invocation *line, const collection *c, const heed_clusters *groups) {
    size_t count = heed_clusters_count(groups);
    if (!line->quiet && !isnan(heed_clusters_silhouette(groups)))
        print_message("heed cluster: %zu groups, silhouette %.3f", count, heed_clusters_silhouette(groups));
    for (size_t i = 0; i < (summary ? count : c->count); i++)
        summary ? print_group(c, groups, i) : print_row(c, groups, i);
}

static int group_all(const invocation *line, const collection *c) {
    heed_clusters *groups = NULL;
    if (!c->count || !c->columns) return EXIT_DONE;
    stop_on_signals(line->context, 0);
    heed_status status = heed_cluster(line->context, line->options, c->vectors, c->count, c->columns, &groups);
    if (status == HEED_OK && c->has_texts) status = heed_clusters_name(groups, (const char *const *)c->texts, c->sizes);
    if (status == HEED_OK && picture) status = heed_clusters_save_map(groups, picture);
    if (status == HEED_OK) print_groups(line, c, groups);
    heed_clusters_close(groups);
    return status == HEED_OK ? EXIT_DONE : report_failure(line, status);
}

static int check_options(const invocation *line) {
    size_t size = picture ? strlen(picture) : 0;
    if (vector_file && model_name) return report_usage(line, "only one of -m and --vectors can be given");
    if (picture && (size < 4 || strcmp(picture + size - 4, ".svg") != 0))
        return report_usage(line, "pictures are SVG: %s does not end in .svg", picture);
    return EXIT_DONE;
}

int run_cluster(int count, char **words) {
    invocation line;
    collection c = {0};
    int code;
    if (!open_invocation(&cluster, count, words, &line, &code)) return code;
    code = check_options(&line);
    if (code == EXIT_DONE) {
        code = vector_file ? read_vectors(&line, &c) : embed_all(&line, &c);
        if (code == EXIT_DONE || (code == EXIT_FAILED && c.has_texts && !vector_file)) {
            int grouped = group_all(&line, &c);
            if (grouped != EXIT_DONE) code = grouped;
        }
        close_collection(&c);
    }
    close_invocation(&line);
    return finish_output(cluster.name, code);
}
