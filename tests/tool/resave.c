/* Opens the network of a folder and writes it to another one: resave FROM TO. tests/golden/families/reopen.py opens what it
 * wrote in transformers. */
#include "models/model.h"

#include <stdio.h>

int main(int argc, char **argv) {
    heed_context *context;
    heed_model *model;
    if (argc != 3 || heed_context_open(&context) != HEED_OK) return 2;
    heed_status status = hd_model_open_network(context, argv[1], HD_OPEN_TO_TRAIN, &model);
    if (status == HEED_OK) status = hd_model_save(model, argv[2], HD_F32, "saved by heed\n");
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));
    hd_model_close(status == HEED_OK ? model : NULL);
    heed_context_close(context);
    return status == HEED_OK ? 0 : 1;
}
