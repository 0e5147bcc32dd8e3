/* The answers of tasks in the form of Hugging Face's Inference API: functions for hd_call.write. */
#ifndef HD_SERVE_TASK_ANSWERS_H
#define HD_SERVE_TASK_ANSWERS_H

#include "serve/call.h"

heed_status hd_write_labels(const hd_call *call, const heed_results *results, size_t first, hd_buffer *out);
heed_status hd_write_zero_shot(const hd_call *call, const heed_results *results, size_t first, hd_buffer *out);
heed_status hd_write_entities(const hd_call *call, const heed_results *results, size_t first, hd_buffer *out);
heed_status hd_write_masks(const hd_call *call, const heed_results *results, size_t first, hd_buffer *out);
heed_status hd_write_answers(const hd_call *call, const heed_results *results, size_t first, hd_buffer *out);
heed_status hd_write_vectors(const hd_call *call, const heed_results *results, size_t first, hd_buffer *out);
heed_status hd_write_similarities(const hd_call *call, const heed_results *results, size_t first, hd_buffer *out);
/* Texts under the key `call->detail`, a string. */
heed_status hd_write_texts(const hd_call *call, const heed_results *results, size_t first, hd_buffer *out);

#endif
