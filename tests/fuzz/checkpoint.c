/* checkpoint.safetensors beside a run. After a first byte 's' the rest is the JSON of the state in a file that is otherwise
 * valid; else the rest is the whole file. It is refused with a message, or the run has a step, an epoch and a batch from which
 * it can resume. */
#include "folder.h"

#include "base/file.h"
#include "train/run.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIDE                                                                                                       \
    {                                                                                                              \
        .layers = 1, .heads = 1, .ffn_width = 1, .max_positions = 8, .activation = HD_RELU, .biases = HD_BIAS_ALL, \
        .positions = HD_POSITIONS_SINUSOIDAL, .norm_epsilon = 1e-5f, .scale_embedding = true                       \
    }
static const hd_recipe recipe = {.width = 2, .vocabulary = 5, .side = {SIDE, SIDE}, .output_bias = true, .pad = 4};
static const char tokenizer_json[] =
    "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"d\":3,\"e\":4},\"merges\":[]}}";

/* A run as far as a checkpoint touches it, over a corpus of three pairs. */
static void open_run(heed_context *context, hd_run *run) {
    heed_tokenizer *tokenizer;
    *run = (hd_run){.context = context, .folder = fuzz_folder};
    check(hd_settings_default(context, hd_train_table.rows, hd_train_table.count, &run->options) == HEED_OK);
    check(hd_tokenizer_parse(context, "own", tokenizer_json, strlen(tokenizer_json), &tokenizer) == HEED_OK);
    check(hd_model_make(context, NULL, &recipe, tokenizer, 1, &run->model) == HEED_OK);
    hd_network_prepare_training(run->model->network);
    check(hd_optimizer_open(&run->optimizer, run->model->network, &run->options) == HEED_OK);
    write_fuzz_file("text", "a\nb\nc\n", 6);
    const char *text = in_fuzz_folder("text");
    const hd_objective *objective = &hd_objectives[HD_OBJECTIVE_TRANSLATE];
    hd_corpus_options corpus = {.source = text,
                                .target = text,
                                .folder = fuzz_folder,
                                .most = 8,
                                .read = objective->read,
                                .weight = objective->weight};
    check(hd_corpus_open(context, tokenizer, &corpus, &run->train) == HEED_OK);
    check(hd_batches_open(context, &run->train, 1, 2, 1, &run->batches) == HEED_OK);
}

static void close_run(hd_run *run) {
    hd_batches_close(&run->batches);
    hd_corpus_close(&run->train);
    hd_model_close(run->model);
    hd_settings_free(run->context, hd_train_table.rows, hd_train_table.count, &run->options);
}

/* A valid checkpoint with `state` instead of its own, and its checksum: the state is the file's last tensor, declared by its
 * size. */
static void write_with_state(hd_run *run, const uint8_t *state, size_t size) {
    hd_buffer whole;
    hd_buffer_open(&whole, run->context);
    check(hd_checkpoint_save(run) == HEED_OK);
    check(hd_file_read(run->context, in_fuzz_folder("checkpoint.safetensors"), &whole) == HEED_OK);
    char *entry = strstr(whole.data + 8, "\"state\""), *shape = strstr(entry, "[") + 1;
    size_t old = (size_t)strtoul(shape, NULL, 10), begin = (size_t)strtoul(strstr(shape, "[") + 1, NULL, 10);
    size_t data = whole.size - old - begin;
    char header[64];
    size_t room = size + 1 + 16; /* with a line end and a checksum */
    int length = snprintf(header, sizeof header, "{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]}", room,
                          begin, begin + room);
    /* the entry is rewritten in a header of a size that fits */
    char *value = strstr(entry, "{"), *after = strstr(value, "}") + 1;
    hd_buffer out;
    hd_buffer_open(&out, run->context);
    uint64_t header_size =
        (uint64_t)(value - whole.data - 8) + (uint64_t)length + (uint64_t)(whole.data + data - after);
    hd_buffer_append(&out, (const char *)&header_size, 8);
    hd_buffer_append(&out, whole.data + 8, (size_t)(value - whole.data - 8));
    hd_buffer_append(&out, header, (size_t)length);
    hd_buffer_append(&out, after, (size_t)(whole.data + data - after));
    hd_buffer_append(&out, whole.data + data, begin);
    hd_buffer_append(&out, (const char *)state, size);
    hd_buffer_byte(&out, '\n');
    hd_buffer_format(&out, "%016llx", (unsigned long long)hd_checksum_of(out.data, out.size));
    write_fuzz_file("checkpoint.safetensors", out.data, out.size);
    hd_buffer_close(&out);
    hd_buffer_close(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context;
    if (size == 0 || heed_context_open(&context) != HEED_OK) return 0;
    check(heed_context_set_threads(context, 1) == HEED_OK);
    make_fuzz_folder();
    hd_run run;
    open_run(context, &run);
    if (data[0] == 's')
        write_with_state(&run, data + 1, size - 1);
    else
        write_fuzz_file("checkpoint.safetensors", data + 1, size - 1);
    bool found;
    if (hd_checkpoint_load(&run, &found) == HEED_OK) {
        const uint64_t *examples;
        size_t count;
        check(found && run.state.step >= 0);
        check(hd_batches_seek(&run.batches, run.state.epoch, run.state.batch) == HEED_OK);
        check(hd_batches_next(&run.batches, &examples, &count) == HEED_OK);
        check(count > 0 && examples[0] < run.train.count);
        check(hd_checkpoint_save(&run) == HEED_OK); /* and it can be saved again */
        check(hd_checkpoint_load(&run, &found) == HEED_OK);
    } else {
        check(heed_context_message(context)[0]);
    }
    close_run(&run);
    heed_context_close(context);
    return 0;
}
