/* The stored tensors of a model's parameters, under any of the names that files use for them. */
#ifndef HD_MODELS_WEIGHT_NAMES_H
#define HD_MODELS_WEIGHT_NAMES_H

#include "models/model.h"

/* *stored is the tensor of this name of the family, however the file spells it; NULL if there is none. */
heed_status hd_weight_find_named(const heed_model *model, const hd_weights *weights, const char *name,
                                 const hd_stored_tensor **stored);
/* The same for the names of a slot. */
heed_status hd_weight_find_spelled(const heed_model *model, const hd_weights *weights, const hd_slot *slot,
                                   const hd_stored_tensor **stored);
/* The same for parameter `index` of the network, and the shared embedding under its other names. *form is the form in which the
 * parameter is stored. If there is no such tensor, it is an error unless `optional`. */
heed_status hd_weight_find(const heed_model *model, const hd_weights *weights, int64_t index, bool optional,
                           const hd_weight_name **form, const hd_stored_tensor **stored);

/* The parameter that is the numbered part of what `index` is a part of in this form; NULL: the network lacks it. */
const hd_parameter *hd_weight_part(const heed_model *model, int64_t index, const hd_weight_name *form, int part);
/* The rows of the tensor that a parameter is stored in in this form, or the elements of a vector. A tensor of several parts has
 * those of all of them; *first is the parameter's own first row there. */
int64_t hd_weight_rows(const heed_model *model, int64_t index, const hd_weight_name *form, int64_t *first);

/* In a verbose context, notes each tensor of the files that the model does not use. Buffers that transformers computes and older versions stored
 * are not among them. */
heed_status hd_weights_note_extra(const heed_model *model, const hd_weights *weights);

#endif
