/* Every family. The order does not matter. */
#include "models/family.h"

#include <string.h>

const hd_family *const hd_families[] = {&hd_marian, &hd_pegasus, &hd_bert,  &hd_roberta,  &hd_gpt2, &hd_opt,
                                        &hd_llama,  &hd_qwen2,   &hd_qwen3, &hd_heed_rnn, NULL};

const hd_family *hd_family_named(const char *model_type) {
    for (int i = 0; hd_families[i]; i++)
        if (strcmp(hd_families[i]->model_type, model_type) == 0) return hd_families[i];
    return NULL;
}
