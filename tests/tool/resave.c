/* Opens the network of a folder and writes it to another one, in float32 or another element type: resave FROM TO [DTYPE].
 * tests/golden/families/reopen.py opens what it wrote in transformers. */
#include "models/model.h"

#include <stdio.h>
#include <string.h>

static const char *const short_names[] = {"f32", "f16", "bf16"}; /* by hd_dtype */

int main(int argc, char **argv) {
    heed_context *context;
    heed_model *model;
    int dtype = HD_F32;
    const char *type = argc == 4 ? argv[3] : "f32";
    while (dtype <= HD_BF16 && strcmp(type, short_names[dtype]) != 0) dtype++;
    if (argc < 3 || argc > 4 || dtype > HD_BF16 || heed_context_open(&context) != HEED_OK) return 2;
    heed_status status = hd_model_open_untokenized(context, argv[1], HD_OPEN_TO_TRAIN, &model);
    if (status == HEED_OK) status = hd_model_save(model, argv[2], (hd_dtype)dtype, "saved by heed\n");
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));
    hd_model_close(status == HEED_OK ? model : NULL);
    heed_context_close(context);
    return status == HEED_OK ? 0 : 1;
}
