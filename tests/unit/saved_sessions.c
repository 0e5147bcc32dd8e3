/* Sessions that are saved and loaded: what is refused, what callers find in them, and that a failure leaves nothing. That results
 * are the same is tested in sessions.c. */
#include "failing.h"
#include "small_networks.h"

#include "base/checksum.h"
#include "base/file.h"
#include "decode/saved_generation.h"
#include "decode/saved_session.h"
#include "decode/session_state.h"
#include "decode/session.h"
#include "decode/session_requests.h"

#include <unistd.h>

/* These files need not survive a power failure. */
int fsync(int descriptor);
int fsync(int descriptor) {
    (void)descriptor;
    return 0;
}

static char path[] = "/tmp/heed-saved-session-XXXXXX";

static int make_file(void **state) {
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? 1 : close(file);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static void open_packed(opened_network *o, const char *name) {
    *o = (opened_network){.context = open_context()};
    open_network(o, &(small_network){name, false}, HD_OPEN_TO_RUN);
    assert_ok(o->context, hd_network_pack(o->network));
}

static const int32_t prompt[] = {3, 9, 4, 12, 7};

static hd_generation settings_of(const opened_network *o) {
    hd_generation g;
    hd_generation_of(&o->network->recipe, &g);
    g.max_new_tokens = 12, g.ends.count = 0;
    return g;
}

/* A session with a request that has run for some steps, and another that waits. */
static hd_session *open_running(const opened_network *o, int steps) {
    hd_session *session;
    hd_generation g = settings_of(o);
    hd_request request = {.ids = prompt, .count = 5, .generation = &g, .number = 7};
    assert_ok(o->context, hd_session_open(o->context, o->network, NULL, &session));
    assert_ok(o->context, hd_session_add(session, &request, NULL));
    for (int i = 0; i < steps; i++) assert_ok(o->context, hd_session_step(session));
    request.number = (uint64_t)1 << 63;
    g.beams = 2;
    assert_ok(o->context, hd_session_add(session, &request, NULL));
    return session;
}

/* ---- what callers find ---- */

static void requests_are_listed(void **state) {
    (void)state;
    opened_network o;
    hd_session *session, *loaded;
    hd_buffer caller, read;
    open_packed(&o, "families/gpt2");
    session = open_running(&o, 3);
    hd_buffer_open(&caller, o.context);
    hd_buffer_open(&read, o.context);
    hd_buffer_append(&caller, "a\0b\n", 4);
    assert_ok(o.context, hd_session_save(session, path, &caller));
    assert_ok(o.context, hd_session_load(o.context, o.network, NULL, path, &read, &loaded));
    assert_int_equal(read.size, 4);
    assert_memory_equal(read.data, "a\0b\n", 4);
    hd_session *both[] = {session, loaded};
    hd_progress p[2][2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hd_session_count(both[i]), 2);
        for (int j = 0; j < 2; j++) hd_session_progress(both[i], j, &p[i][j]);
        assert_int_equal(p[i][0].id, 0);
        assert_int_equal(p[i][1].id, 1);
        assert_true(p[i][0].number == 7 && p[i][1].number == (uint64_t)1 << 63);
        assert_int_equal(p[i][0].generated.count, 3);
        assert_int_equal(p[i][1].generated.count, 0);
        assert_int_equal(p[i][1].generation->beams, 2);
        for (int j = 0; j < 2; j++) {
            assert_int_equal(p[i][j].source.count, 5);
            assert_memory_equal(p[i][j].source.ids, prompt, sizeof prompt);
            assert_false(p[i][j].finished);
        }
    }
    assert_memory_equal(p[0][0].generated.ids, p[1][0].generated.ids, 3 * sizeof(int32_t));
    assert_int_equal(hd_session_attach(loaded, 2, NULL, NULL), HEED_ARGUMENT);
    assert_string_equal(o.context->message, "no request 2 is in the session");
    while (hd_session_is_busy(loaded)) assert_ok(o.context, hd_session_step(loaded));
    hd_session_progress(loaded, 0, &p[0][0]);
    assert_true(p[0][0].finished);
    assert_ok(o.context, hd_session_save(loaded, path, NULL));
    hd_session_close(loaded);
    hd_session_close(session);
    assert_ok(o.context, hd_session_load(o.context, o.network, NULL, path, NULL, &loaded));
    assert_false(hd_session_is_busy(loaded));
    hd_decoded decoded;
    int results = 0;
    while (hd_session_next(loaded, &decoded)) results++, assert_int_equal(decoded.best[0].count, 12);
    assert_int_equal(results, 2);
    hd_session_close(loaded);
    hd_buffer_close(&caller);
    hd_buffer_close(&read);
    close_network(&o);
}

/* ---- refusals ---- */

/* Writes the file with `from` replaced by `to`, of the same length, in its state, and a checksum that is right. */
static void change(const opened_network *o, const char *from, const char *to) {
    hd_buffer bytes;
    hd_buffer_open(&bytes, o->context);
    assert_ok(o->context, hd_file_read(o->context, path, &bytes));
    assert_int_equal(strlen(from), strlen(to));
    char *at = bytes.data, *end = bytes.data + bytes.size - strlen(from), sum[17];
    while (at < end && memcmp(at, from, strlen(from)) != 0) at++;
    assert_true(at < end);
    memcpy(at, to, strlen(to));
    snprintf(sum, sizeof sum, "%016llx", (unsigned long long)hd_checksum_of(bytes.data, bytes.size - 16));
    memcpy(bytes.data + bytes.size - 16, sum, 16);
    assert_ok(o->context, hd_file_write(o->context, path, bytes.data, bytes.size));
    hd_buffer_close(&bytes);
}

static void assert_refused(const opened_network *o, heed_status status, const char *message) {
    hd_session *session;
    char expected[512];
    assert_int_equal(hd_session_load(o->context, o->network, NULL, path, NULL, &session), status);
    assert_null(session);
    snprintf(expected, sizeof expected, message, path);
    assert_string_equal(o->context->message, expected);
}

static void assert_changed_is_refused(const opened_network *o, const char *from, const char *to, const char *message) {
    hd_session *session = open_running(o, 3);
    assert_ok(o->context, hd_session_save(session, path, NULL));
    hd_session_close(session);
    change(o, from, to);
    assert_refused(o, HEED_FORMAT, message);
}

static void other_files_are_refused(void **state) {
    (void)state;
    opened_network o, other;
    open_packed(&o, "families/gpt2");
    open_packed(&other, "families/llama-grouped");
    assert_changed_is_refused(
        &o, "\"format\":1", "\"format\":0",
        "%s: a session of format 0 and bit epoch 3, written by heed 0.1.0; this heed reads format "
        "1 and bit epoch 3");
    assert_changed_is_refused(
        &o, "\"bit_epoch\":3", "\"bit_epoch\":2",
        "%s: a session of format 1 and bit epoch 2, written by heed 0.1.0; this heed reads format "
        "1 and bit epoch 3");
    assert_changed_is_refused(&o, "\"state\":", "\"stale\":", "%s: \"state\" is missing: this is no session");
    assert_changed_is_refused(&o, "\"seen\":7", "\"seen\":8",
                              "%s: \"searches[0].seen\" is 8, expected an integer from 0 to 7");
    assert_changed_is_refused(&o, "\"seen\":7", "\"seen\":5",
                              "%s: \"slots\" does not have the 480 numbers of the requests");
    assert_changed_is_refused(&o, "\"id\":1", "\"id\":2",
                              "%s: \"searches[1].id\" is 2, expected an integer from 0 to 1");
    assert_changed_is_refused(&o, "[3,9,4,12,7]", "[3,9,4,99,7]",
                              "%s: \"searches[0].ids\" is an array of 5, expected tokens of the model");
    hd_session *session = open_running(&o, 2);
    assert_ok(o.context, hd_session_save(session, path, NULL));
    hd_session_close(session);
    assert_refused(&other, HEED_FORMAT, "%s: a session of another model");
    close_network(&other);
    close_network(&o);
}

/* No byte of the file may change. */
static void damaged_files_are_refused(void **state) {
    (void)state;
    opened_network o;
    open_packed(&o, "families/gpt2");
    hd_session *session = open_running(&o, 2);
    hd_buffer bytes;
    hd_buffer_open(&bytes, o.context);
    assert_ok(o.context, hd_session_save(session, path, NULL));
    hd_session_close(session);
    assert_ok(o.context, hd_file_read(o.context, path, &bytes));
    for (size_t i = 0; i < bytes.size; i += 13) {
        bytes.data[i] ^= 1;
        assert_ok(o.context, hd_file_write(o.context, path, bytes.data, bytes.size));
        assert_int_not_equal(hd_session_load(o.context, o.network, NULL, path, NULL, &session), HEED_OK);
        assert_null(session);
        bytes.data[i] ^= 1;
    }
    for (size_t size = 0; size < bytes.size; size += 101) {
        assert_ok(o.context, hd_file_write(o.context, path, bytes.data, size));
        assert_int_not_equal(hd_session_load(o.context, o.network, NULL, path, NULL, &session), HEED_OK);
    }
    hd_buffer_close(&bytes);
    close_network(&o);
}

/* ---- settings ---- */

#if defined __has_builtin
#if __has_builtin(__builtin_clear_padding)
#define CAN_FIND_PADDING 1
#endif
#endif

/* Every byte of the settings that is not padding belongs to one row of the table. */
static void all_settings_are_saved(void **state) {
    (void)state;
#ifdef CAN_FIND_PADDING
    hd_generation g;
    unsigned char bytes[sizeof g];
    memset(&g, 0xff, sizeof g);
    __builtin_clear_padding(&g);
    memcpy(bytes, &g, sizeof g);
    for (size_t i = 0; i < hd_saved_field_count; i++)
        for (size_t j = 0; j < hd_saved_fields[i].size; j++) {
            unsigned char *byte = &bytes[hd_saved_fields[i].offset + j];
            if (!*byte) fail_msg("%s: saved twice, or padding", hd_saved_fields[i].name);
            *byte = 0;
        }
    for (size_t i = 0; i < sizeof bytes; i++)
        if (bytes[i]) fail_msg("byte %zu of hd_generation is not saved", i);
#else
    skip();
#endif
}

/* ---- memory ---- */

static const opened_network *failing_network;
static hd_session *failing_session;

static heed_status save_and_load(heed_context *context) {
    hd_session *session;
    heed_context *own = failing_session->context;
    failing_session->context = context;
    heed_status status = hd_session_save(failing_session, path, NULL);
    failing_session->context = own;
    HD_TRY(status);
    HD_TRY(hd_session_load(context, failing_network->network, NULL, path, NULL, &session));
    while (status == HEED_OK && hd_session_is_busy(session)) status = hd_session_step(session);
    hd_session_close(session);
    return status;
}

static void failing_allocations_leave_nothing(void **state) {
    (void)state;
    opened_network o;
    open_packed(&o, "families/gpt2");
    failing_network = &o;
    failing_session = open_running(&o, 2);
    fail_each_allocation(save_and_load);
    hd_session_close(failing_session);
    close_network(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_listed),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(all_settings_are_saved),
        cmocka_unit_test(failing_allocations_leave_nothing),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
