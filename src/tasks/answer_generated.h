/* Answers that a language model or an encoder–decoder generates. */
#ifndef HD_TASKS_ANSWER_GENERATED_H
#define HD_TASKS_ANSWER_GENERATED_H

#include "models/model.h"
#include "tasks/questioned.h"
#include "tasks/results.h"

/* Answers the questions, into results that are open. */
heed_status hd_generate_answers(heed_model *model, const hd_answer_settings *settings, const hd_questioned_texts *texts,
                                heed_results *results);

#endif
