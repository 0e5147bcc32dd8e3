/* A saved session. The first byte selects a model of models.h that generates. After a second byte 's', two bytes are the number
 * of floats of the slots, and the rest is the JSON of the state, in a file that is otherwise valid, with this model's
 * fingerprint; else the rest is the whole file. It is refused with a message, or the session takes steps, and is saved and
 * loaded again. */
#include "folder.h"

#define check check_model /* folder.h has the same function */
#include "models.h"
#undef check

#include "base/checksum.h"
#include "decode/saved_format.h"
#include "decode/saved_session.h"
#include "decode/session.h"
#include "decode/session_requests.h"
#include "formats/safetensors.h"

enum { STEPS = 60 };

/* The state names this model, whatever it says. */
static void set_fingerprint(const hd_network *network, char *state, size_t size) {
    static const char key[] = "\"model\":\"";
    char digits[HD_SESSION_DIGITS + 1];
    uint64_t fingerprint;
    check(hd_session_fingerprint(fuzz_context, network, &fingerprint) == HEED_OK);
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)fingerprint);
    for (size_t i = 0; i + sizeof key - 1 + HD_SESSION_DIGITS <= size; i++)
        if (memcmp(state + i, key, sizeof key - 1) == 0) memcpy(state + i + sizeof key - 1, digits, HD_SESSION_DIGITS);
}

static void write_with_state(const hd_network *network, size_t floats, const uint8_t *bytes, size_t size) {
    hd_safetensors_writer writer;
    char *state = malloc(size + 1), sum[HD_SESSION_DIGITS + 1];
    float *numbers = calloc(floats + 1, sizeof *numbers);
    check(state && numbers);
    memcpy(state, bytes, size);
    state[size] = '\n';
    set_fingerprint(network, state, size);
    const hd_declared_tensor tensors[] = {
        {.name = "slots", .dtype = HD_F32, .dimensions = 1, .shape = {(int64_t)floats}},
        {.name = "state", .dtype = HD_U8, .dimensions = 1, .shape = {(int64_t)size + 1 + HD_SESSION_DIGITS}}};
    check(hd_safetensors_writer_open(fuzz_context, in_fuzz_folder("session"), tensors, 2, &writer) == HEED_OK);
    check(hd_safetensors_writer_write(&writer, numbers, floats * sizeof *numbers) == HEED_OK);
    check(hd_safetensors_writer_write(&writer, state, size + 1) == HEED_OK);
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)hd_checksum_value(&writer.writer.checksum));
    check(hd_safetensors_writer_write(&writer, sum, HD_SESSION_DIGITS) == HEED_OK);
    check(hd_safetensors_writer_commit(&writer) == HEED_OK);
    free(state);
    free(numbers);
}

static bool stream(void *user, int32_t token) {
    (void)user;
    check(token >= 0);
    return true;
}

static void run(hd_session *session, int64_t vocabulary) {
    hd_decoded decoded;
    for (int64_t i = 0; i < hd_session_count(session); i++) {
        hd_progress progress;
        hd_session_progress(session, i, &progress);
        check(hd_session_attach(session, progress.id, NULL, stream) == HEED_OK);
    }
    for (int i = 0; i < STEPS && hd_session_is_busy(session); i++) check(hd_session_step(session) == HEED_OK);
    while (hd_session_next(session, &decoded))
        for (int64_t i = 0; i < decoded.count; i++)
            for (int64_t j = 0; j < decoded.best[i].count; j++)
                check(decoded.best[i].ids[j] >= 0 && decoded.best[i].ids[j] < vocabulary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 4) return 0;
    const hd_network *network = fuzz_model(data[0] % FUZZ_GENERATING)->network;
    hd_session *session, *again;
    make_fuzz_folder();
    if (data[1] == 's')
        write_with_state(network, (size_t)data[2] + 256 * (size_t)data[3], data + 4, size - 4);
    else
        write_fuzz_file("session", data + 2, size - 2);
    const char *path = in_fuzz_folder("session");
    fuzz_context->message[0] = 0;
    if (hd_session_load(fuzz_context, network, NULL, path, NULL, &session) != HEED_OK) {
        check(heed_context_message(fuzz_context)[0]);
        return 0;
    }
    check(hd_session_save(session, path, NULL) == HEED_OK);
    check(hd_session_load(fuzz_context, network, NULL, path, NULL, &again) == HEED_OK);
    check(hd_session_count(session) == hd_session_count(again));
    run(session, network->recipe.vocabulary);
    run(again, network->recipe.vocabulary);
    hd_session_close(session);
    hd_session_close(again);
    return 0;
}
