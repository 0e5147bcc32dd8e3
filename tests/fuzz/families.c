/* The config.json of models of any kind. The first line names the golden model that the weights are from. The folder is refused
 * with a message, or it opens, and the model is described and runs. */
#include "folder.h"

#include <ctype.h>

#include "decode/session.h"
#include "models/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The name before the first line feed, if it may be that of a folder beside the others. */
static const char *golden_of(const uint8_t *data, size_t size) {
    static char name[64];
    size_t length = 0;
    while (length < size && (isalnum(data[length]) || data[length] == '-' || data[length] == '_')) length++;
    if (length == 0 || length == size || length >= sizeof name || data[length] != '\n') return "llama";
    memcpy(name, data, length);
    name[length] = 0;
    return name;
}

static const int32_t ids[] = {3, 1, 2}, starts[] = {0, 3};

static heed_status read_text(heed_context *context, heed_model *model) {
    const hd_network *network = model->network;
    hd_pass pass;
    hd_pass_open(&pass, context, &model->network->arena);
    hd_tensor *states =
        hd_network_read(network, &pass, &(hd_input){.ids = ids}, &(hd_layout){1, starts, NULL, NULL}, NULL);
    hd_tensor *rows = hd_network_head(network, &pass, states);
    if (network->output) hd_network_logits(network, &pass, rows, 0, network->output->rows);
    heed_status status = pass.status;
    hd_pass_close(&pass);
    return status;
}

static heed_status go_on(heed_context *context, heed_model *model) {
    hd_session *session;
    hd_generation generation = model->generation;
    generation.max_new_tokens = 40; /* more than the model's positions */
    heed_status status = hd_session_open(context, model->network, NULL, &session);
    hd_request request = {.ids = ids, .count = starts[1], .generation = &generation};
    if (status == HEED_OK) status = hd_session_add(session, &request, NULL);
    while (status == HEED_OK && hd_session_is_busy(session)) status = hd_session_step(session);
    hd_session_close(session);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heed_context *context;
    if (size == 0 || heed_context_open(&context) != HEED_OK) return 0;
    check(heed_context_set_threads(context, 1) == HEED_OK);
    make_fuzz_folder();
    char golden[512];
    snprintf(golden, sizeof golden, "%s/families/%s/model.safetensors", GOLDEN, golden_of(data, size));
    unlink(in_fuzz_folder("model.safetensors"));
    link_fuzz_file("model.safetensors", golden);
    const uint8_t *config = memchr(data, '\n', size);
    write_fuzz_file("config.json", config ? config + 1 : data, size - (config ? (size_t)(config + 1 - data) : 0));
    heed_model *model;
    heed_status status = hd_model_open_untokenized(context, fuzz_folder, HD_OPEN_TO_RUN, &model);
    check((status == HEED_OK) == (model != NULL));
    if (model) {
        status = hd_network_pack(model->network);
        bool generates = hd_model_predicts(model, HD_HEAD_LANGUAGE, false, true) ||
                         hd_model_predicts(model, HD_HEAD_LANGUAGE, true, true);
        if (status == HEED_OK) status = generates ? go_on(context, model) : read_text(context, model);
    }
    check(status == HEED_OK || heed_context_message(context)[0]);
    hd_model_close(model);
    heed_context_close(context);
    return 0;
}
