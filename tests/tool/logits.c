/* logits MODEL: reads lines of "source ids | decoder ids" and writes a line of numbers for each, the logits of every position
 * of the model's last side, or without a head its states. For bench/compare_transformers.py and
 * tests/golden/families/train.py. A model with one side reads the ids of that side. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/model.h"

static int64_t read_ids(char *text, int32_t *ids) {
    int64_t count = 0;
    for (char *end; *text; text = end) {
        long id = strtol(text, &end, 10);
        if (end == text) break;
        ids[count++] = (int32_t)id;
    }
    return count;
}

static bool answer(heed_model *model, hd_pass *pass, char *line) {
    static int32_t source[4096], target[4096];
    char *bar = strchr(line, '|');
    if (!bar || strlen(line) > 16000) return false;
    *bar = 0;
    hd_pass_reset(pass);
    int32_t source_starts[] = {0, (int32_t)read_ids(line, source)},
            target_starts[] = {0, (int32_t)read_ids(bar + 1, target)};
    hd_layout sources = {.sequences = 1, .starts = source_starts}, targets = {.sequences = 1, .starts = target_starts};
    const hd_network *network = model->network;
    const hd_side_recipe *side = network->recipe.side;
    hd_tensor *states = NULL;
    if (side[HD_ENCODER].layers) states = hd_network_encode(network, pass, &(hd_input){.ids = source}, &sources);
    if (side[HD_DECODER].layers)
        states = hd_network_decode(network, pass, &(hd_input){.ids = target}, &targets, states);
    hd_tensor *logits = hd_network_head(network, pass, states);
    if (network->recipe.head != HD_HEAD_NONE)
        logits = hd_network_logits(network, pass, logits, 0, network->output->rows);
    if (!logits) return false;
    for (int64_t i = 0; i < logits->rows * logits->columns; i++) printf("%.9g ", (double)logits->data[i]);
    putchar('\n');
    return true;
}

int main(int count, char **arguments) {
    heed_context *context;
    heed_model *model = NULL;
    if (count != 2 || heed_context_open(&context) != HEED_OK ||
        hd_model_open(context, arguments[1], HD_OPEN_TO_RUN, &model) != HEED_OK) {
        fprintf(stderr, "logits: %s\n", count == 2 ? heed_context_message(context) : "logits MODEL");
        return 1;
    }
    hd_pass pass;
    hd_pass_open(&pass, context, &model->network->arena);
    static char line[1 << 16];
    int status = 0;
    while (status == 0 && fgets(line, sizeof line, stdin)) status = answer(model, &pass, line) ? 0 : 1;
    if (status) fprintf(stderr, "logits: %s\n", heed_context_message(context));
    hd_pass_close(&pass);
    hd_model_close(model);
    heed_context_close(context);
    return status;
}
