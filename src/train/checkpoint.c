/* Stopping and resuming. FOLDER/checkpoint.safetensors holds all that the next step depends on, in one file that appears
 * whole or not at all: weights, Adam's moments, and in a tensor of bytes the state of the run as JSON, and a checksum. Random numbers need
 * no state: they are functions of the step. */
#include "base/file.h"
#include "base/number.h"
#include "base/version.h"
#include "formats/json.h"
#include "formats/safetensors.h"
#include "formats/widen.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The format of the state: 1 did not say so, 2 had no checksum. The state's last line is the checksum of all bytes of the
 * file before it, in hexadecimal digits. */
enum { FORMAT = 3, DIGITS = 16 };

static const char *const prefixes[] = {"", "adam.m.", "adam.v."};

static float *part_of(const hd_parameter *p, int part) { return part == 0 ? p->data : part == 1 ? p->m : p->v; }

/* Doubles as text that reads back to the same bits. */
static json_t *number(double value) {
    char text[40];
    hd_print_number(text, sizeof text, "%.17g", value);
    return json_string(text);
}

static json_t *hexadecimal(uint64_t value) {
    char text[DIGITS + 1];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)value);
    return json_string(text);
}

static heed_status write_state(hd_run *run, hd_buffer *out) {
    const hd_run_state *s = &run->state;
    json_t *state = json_pack(
        "{s:i, s:i, s:s, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:o, s:I, s:o, s:o, s:o}",
        "format", FORMAT, "bit_epoch", HD_BIT_EPOCH, "heed", HEED_VERSION, "step", (json_int_t)s->step, "epoch",
        (json_int_t)s->epoch, "batch", (json_int_t)s->batch, "best", number(s->best), "best_loss", number(s->best_loss),
        "best_step", (json_int_t)s->best_step, "validations", (json_int_t)s->validations, "worse", (json_int_t)s->worse,
        "tokens", (json_int_t)s->tokens, "power1", number(run->optimizer.power1), "power2",
        number(run->optimizer.power2), "validated", (json_int_t)s->validated, "logged_loss", number(s->logged_loss),
        "logged_tokens", (json_int_t)s->logged_tokens, "recipe", hexadecimal(run->recipe_sum), "old_recipe",
        hexadecimal(run->old_recipe_sum), "data", hexadecimal(run->train.checksum));
    heed_status status =
        state ? hd_json_append(run->context, state, out) : hd_json_no_memory(run->context, "checkpoint");
    hd_buffer_byte(out, '\n');
    json_decref(state);
    return status == HEED_OK && out->failed ? HEED_MEMORY : status;
}

static heed_status read_double(const hd_json *json, const char *key, double *out) {
    const char *text;
    HD_TRY(hd_json_require(json, key));
    HD_TRY(hd_json_string(json, key, NULL, &text));
    if (!text || !(hd_read_double(text, out) || strcmp(text, "-inf") == 0))
        return hd_json_expected(json, key, "a number");
    if (strcmp(text, "-inf") == 0) *out = -INFINITY;
    return HEED_OK;
}

static heed_status read_hexadecimal(const hd_json *json, const char *key, uint64_t *out) {
    const char *text;
    *out = 0;
    HD_TRY(hd_json_string(json, key, NULL, &text));
    if (text) *out = strtoull(text, NULL, 16);
    return HEED_OK;
}

/* Another bit epoch would go on with other arithmetic than the steps before it had. */
static heed_status check_version(hd_run *run, const hd_json *json) {
    const char *version;
    int64_t format, bit_epoch;
    const int64_t most = (int64_t)1 << 30;
    HD_TRY(hd_json_int(json, "format", 1, 0, most, &format));
    HD_TRY(hd_json_int(json, "bit_epoch", 1, 0, most, &bit_epoch));
    HD_TRY(hd_json_string(json, "heed", NULL, &version));
    if (format == FORMAT && bit_epoch == HD_BIT_EPOCH) return HEED_OK;
    return hd_fail(
        run->context, HEED_FORMAT,
        "%s: a checkpoint of format %lld and bit epoch %lld, written by heed%s%.40s; this heed resumes format "
        "%d and bit epoch %d: finish the run with the heed that began it, or begin another with model = %s",
        json->path, (long long)format, (long long)bit_epoch, version ? " " : "", version ? version : "", FORMAT,
        HD_BIT_EPOCH, run->folder);
}

static heed_status read_state(hd_run *run, const hd_json *json) {
    hd_run_state *s = &run->state;
    int64_t epoch, batch, tokens;
    const int64_t most = (int64_t)1 << 60;
    HD_TRY(hd_json_int(json, "step", 0, 0, most, &s->step));
    HD_TRY(hd_json_int(json, "epoch", 0, 0, most, &epoch));
    HD_TRY(hd_json_int(json, "batch", 0, 0, most, &batch));
    HD_TRY(hd_json_int(json, "best_step", 0, 0, most, &s->best_step));
    HD_TRY(hd_json_int(json, "validations", 0, 0, most, &s->validations));
    HD_TRY(hd_json_int(json, "worse", 0, 0, most, &s->worse));
    HD_TRY(hd_json_int(json, "tokens", 0, 0, most, &tokens));
    HD_TRY(read_double(json, "best", &s->best));
    HD_TRY(read_double(json, "best_loss", &s->best_loss));
    HD_TRY(read_double(json, "power1", &run->optimizer.power1));
    HD_TRY(read_double(json, "power2", &run->optimizer.power2));
    HD_TRY(hd_json_int(json, "validated", 0, 0, most, &s->validated));
    HD_TRY(read_double(json, "logged_loss", &s->logged_loss));
    HD_TRY(hd_json_int(json, "logged_tokens", 0, 0, most, &s->logged_tokens));
    HD_TRY(read_hexadecimal(json, "data", &run->data_sum));
    s->epoch = (uint64_t)epoch, s->batch = (uint64_t)batch, s->tokens = (uint64_t)tokens;
    return HEED_OK;
}

static heed_status write_part(hd_run *run, float *numbers, int64_t count, hd_safetensors_writer *writer) {
    hd_stream *stream = &run->model->network->stream;
    size_t bytes = (size_t)count * sizeof *numbers;
    float *host = hd_stream_map(stream, numbers, bytes, HD_TO_READ);
    if (!host) return HEED_MEMORY;
    heed_status status = hd_safetensors_writer_write(writer, host, bytes);
    hd_stream_unmap(stream, host, numbers, bytes, HD_TO_READ);
    return status;
}

/* Declares the moments and the state after the weights, and writes all. */
static heed_status write_checkpoint(hd_run *run, const char *path, const hd_buffer *state, hd_declared_tensor *declared,
                                    hd_arena *names) {
    const hd_network *network = run->model->network;
    size_t count = 0;
    for (int part = 0; part < 3; part++)
        for (int64_t i = 0; i < network->count; i++) {
            const hd_parameter *p = network->parameters[i];
            if (!part_of(p, part)) continue;
            size_t size = strlen(prefixes[part]) + strlen(p->name) + 1;
            char *name = hd_arena_alloc(names, size, 1);
            if (!name) return HEED_MEMORY;
            snprintf(name, size, "%s%s", prefixes[part], p->name);
            declared[count++] =
                (hd_declared_tensor){.name = name, .dtype = HD_F32, .dimensions = 2, .shape = {p->rows, p->columns}};
        }
    declared[count++] = (hd_declared_tensor){
        .name = "state", .dtype = HD_U8, .dimensions = 1, .shape = {(int64_t)state->size + DIGITS}};
    hd_safetensors_writer writer;
    HD_TRY(hd_safetensors_writer_open(run->context, path, declared, count, &writer));
    for (int part = 0; part < 3; part++)
        for (int64_t i = 0; i < network->count; i++) {
            const hd_parameter *p = network->parameters[i];
            if (part_of(p, part)) HD_TRY(write_part(run, part_of(p, part), hd_parameter_count(p), &writer));
        }
    HD_TRY(hd_safetensors_writer_write(&writer, state->data, state->size));
    char sum[DIGITS + 1];
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)hd_checksum_value(&writer.writer.checksum));
    HD_TRY(hd_safetensors_writer_write(&writer, sum, DIGITS));
    return hd_safetensors_writer_commit(&writer);
}

/* Weights that are no numbers do not replace a checkpoint of weights that are. */
static heed_status check_weights(const hd_run *run) {
    hd_network *network = run->model->network;
    for (int64_t i = 0; i < network->count; i++) {
        const hd_parameter *p = network->parameters[i];
        size_t count = (size_t)hd_parameter_count(p), bytes = count * sizeof *p->data;
        float *host = hd_stream_map(&network->stream, p->data, bytes, HD_TO_READ);
        if (!host) return HEED_MEMORY;
        bool finite = hd_find_nonfinite(HD_F32, host, count) < 0;
        hd_stream_unmap(&network->stream, host, p->data, bytes, HD_TO_READ);
        if (!finite)
            return hd_fail(
                run->context, HEED_NUMERIC,
                "step %lld: \"%s\" has a NaN or an infinity; resume the checkpoint before it with a smaller lr",
                (long long)run->state.step, p->name);
    }
    return HEED_OK;
}

heed_status hd_checkpoint_save(hd_run *run) {
    heed_context *context = run->context;
    HD_TRY(check_weights(run));
    hd_buffer state;
    hd_buffer_open(&state, context);
    hd_arena names;
    hd_arena_open(&names, context);
    char *path = hd_path_join(context, run->folder, "checkpoint.safetensors");
    hd_declared_tensor *declared =
        hd_alloc_zeroed(context, (size_t)run->model->network->count * 3 + 1, sizeof *declared);
    heed_status status = path && declared ? write_state(run, &state) : HEED_MEMORY;
    if (status == HEED_OK) status = write_checkpoint(run, path, &state, declared, &names);
    if (status == HEED_OK) run->saved_step = run->state.step;
    hd_free(context, path);
    hd_free(context, declared);
    hd_arena_close(&names);
    hd_buffer_close(&state);
    return status;
}

static heed_status load_parameters(hd_run *run, const char *path, const hd_safetensors *file) {
    hd_network *network = run->model->network;
    hd_stream *stream = &network->stream;
    for (int part = 0; part < 3; part++)
        for (int64_t i = 0; i < network->count; i++) {
            hd_parameter *p = network->parameters[i];
            float *data = part_of(p, part);
            if (!data) continue;
            char name[512];
            snprintf(name, sizeof name, "%s%s", prefixes[part], p->name);
            const hd_stored_tensor *stored = hd_safetensors_find(file, name);
            if (!stored || stored->dtype != HD_F32)
                return hd_fail(run->context, HEED_FORMAT,
                               "%s: tensor \"%s\" is missing: it is the checkpoint of another model", path, name);
            HD_TRY(hd_stored_expect(run->context, stored, 2, (int64_t[]){p->rows, p->columns}));
            stream->device->upload(stream, stored->bytes, stored->data, data);
            p->packed_stale = true;
        }
    stream->device->wait(stream);
    return network->status;
}

typedef heed_status state_reader(hd_run *run, const hd_json *state);

static heed_status fail_damaged(hd_run *run, const char *path) {
    return hd_fail(run->context, HEED_FORMAT, "%s: its checksum is wrong: the file was damaged or changed", path);
}

/* The checksum covers everything before the last line of the state, which ends the file. */
static heed_status check_sum(hd_run *run, const char *path, const hd_map *map) {
    char sum[DIGITS + 1];
    if (map->size < DIGITS) return fail_damaged(run, path);
    size_t covered = map->size - DIGITS;
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)hd_checksum_of(map->data, covered));
    return memcmp(map->data + covered, sum, DIGITS) == 0 ? HEED_OK : fail_damaged(run, path);
}

/* Reads the state, a line of JSON. Its version comes first: the formats before had no checksum. */
static heed_status with_state(hd_run *run, const char *path, const hd_map *map, const hd_safetensors *file,
                              state_reader *read) {
    const hd_stored_tensor *state = hd_safetensors_find(file, "state");
    if (!state || state->dtype != HD_U8) return hd_fail(run->context, HEED_FORMAT, "%s: \"state\" is missing", path);
    const char *end = memchr(state->data, '\n', state->bytes);
    size_t size = end ? (size_t)(end - (const char *)state->data) : state->bytes;
    hd_json json;
    HD_TRY(hd_json_open_bytes(run->context, path, state->data, size, HD_JSON_STRICT, &json));
    heed_status status = check_version(run, &json);
    if (status == HEED_OK) status = check_sum(run, path, map);
    if (status == HEED_OK) status = read(run, &json);
    hd_json_close(&json);
    return status;
}

static heed_status read_file(hd_run *run, const char *path, state_reader *read, bool parameters) {
    hd_map map;
    hd_safetensors *file = NULL;
    HD_TRY(hd_map_open(run->context, path, &map));
    heed_status status = hd_safetensors_open_bytes(run->context, path, map.data, map.size, &file);
    if (status == HEED_OK) status = with_state(run, path, &map, file, read);
    if (status == HEED_OK && parameters) status = load_parameters(run, path, file);
    hd_safetensors_close(file);
    hd_map_close(&map);
    return status;
}

/* Reads the checkpoint's state, and with `parameters` also its weights and moments. */
static heed_status load(hd_run *run, state_reader *read, bool parameters, bool *found) {
    char *path = hd_path_join(run->context, run->folder, "checkpoint.safetensors");
    if (!path) return HEED_MEMORY;
    *found = hd_file_exists(path);
    heed_status status = *found ? read_file(run, path, read, parameters) : HEED_OK;
    hd_free(run->context, path);
    return status;
}

/* The recipe is that of the checkpoint, or the one before, if the process was killed between replacing the two. */
static heed_status check_recipe(hd_run *run, const hd_json *json) {
    uint64_t recipe, old;
    HD_TRY(read_hexadecimal(json, "recipe", &recipe));
    HD_TRY(read_hexadecimal(json, "old_recipe", &old));
    if (run->old_recipe_sum == recipe || run->old_recipe_sum == old) return HEED_OK;
    return hd_fail(run->context, HEED_FORMAT, "%s/recipe.ini was changed, or %s belongs to another run", run->folder,
                   json->path);
}

heed_status hd_checkpoint_check(hd_run *run, bool *found) { return load(run, check_recipe, false, found); }

heed_status hd_checkpoint_load(hd_run *run, bool *found) {
    heed_status status = load(run, read_state, true, found);
    if (*found) run->saved_step = run->state.step;
    return status;
}

/* ---- weights of past validations ---- */

char *hd_checkpoint_weights(const hd_run *run, const char *name) {
    char full[96];
    snprintf(full, sizeof full, "weights/%s.safetensors", name);
    return hd_path_join(run->context, run->folder, full);
}

static char *weights_at(const hd_run *run, int64_t step) {
    char name[48];
    snprintf(name, sizeof name, "step-%08lld", (long long)step);
    return hd_checkpoint_weights(run, name);
}

/* The step of the validation `back` validations ago (0 is the last). */
static int64_t validation_step(const hd_run *run, int64_t back) {
    int64_t every = run->options.validate_every, last = run->state.step;
    return back == 0 ? last : (last - 1) / every * every - (back - 1) * every;
}

heed_status hd_checkpoint_keep(hd_run *run) {
    int64_t keep = hd_max(run->options.keep, run->options.average);
    if (!keep) return HEED_OK;
    char *folder = hd_path_join(run->context, run->folder, "weights");
    heed_status status = folder ? hd_folder_make(run->context, folder) : HEED_MEMORY;
    hd_free(run->context, folder);
    HD_TRY(status);
    char *path = weights_at(run, run->state.step);
    status = path ? hd_model_save_weights(run->model, path, HD_F32) : HEED_MEMORY;
    hd_free(run->context, path);
    int64_t old = validation_step(run, keep);
    if (status != HEED_OK || old < 1) return status;
    path = weights_at(run, old);
    status = path ? hd_file_remove(run->context, path) : HEED_MEMORY;
    hd_free(run->context, path);
    return status;
}

/* The sums of each parameter over the last validations, divided by their number. */
static heed_status average(hd_run *run, int64_t count, hd_arena *arena) {
    hd_network *network = run->model->network;
    hd_stream *stream = &network->stream;
    float **totals = hd_alloc(run->context, (size_t)network->count, sizeof *totals);
    heed_status status = totals ? HEED_OK : HEED_MEMORY;
    for (int64_t i = 0; i < network->count && status == HEED_OK; i++) {
        int64_t n = hd_parameter_count(network->parameters[i]);
        totals[i] = hd_arena_alloc(arena, (size_t)n, sizeof **totals);
        if (totals[i])
            stream->device->zero(stream, &(hd_zero_call){n, totals[i]});
        else
            status = HEED_MEMORY;
    }
    for (int64_t back = 0; back < count && status == HEED_OK; back++) {
        char *path = weights_at(run, validation_step(run, back));
        status = path ? hd_model_load_weights(run->model, path) : HEED_MEMORY;
        hd_free(run->context, path);
        for (int64_t i = 0; i < network->count && status == HEED_OK; i++) {
            const hd_parameter *p = network->parameters[i];
            stream->device->scale(
                stream, &(hd_scale_call){hd_parameter_count(p), 1.0f / (float)count, p->data, totals[i], .add = true});
        }
    }
    for (int64_t i = 0; i < network->count && status == HEED_OK; i++) {
        const hd_parameter *p = network->parameters[i];
        stream->device->move(stream, &(hd_move_call){hd_parameter_count(p), totals[i], p->data});
    }
    stream->device->wait(stream);
    hd_free(run->context, totals);
    return status == HEED_OK ? network->status : status;
}

heed_status hd_checkpoint_average(hd_run *run, bool *done) {
    int64_t count = run->options.average;
    *done = count > 1 && validation_step(run, count - 1) >= 1;
    if (!*done) return HEED_OK;
    hd_arena arena;
    hd_stream_arena_open(&run->model->network->stream, &arena);
    heed_status status = average(run, count, &arena);
    hd_arena_close(&arena);
    return status;
}
