#include "autograd/copying.h"

static hd_add_copies_call call_of(const hd_copied_logits *to) {
    return (hd_add_copies_call){.rows = to->copies->rows,
                                .sources = to->copies->sources,
                                .ids = to->copies->ids,
                                .scores = to->copies->scores->data,
                                .first_row = to->first_row,
                                .row_count = to->row_count,
                                .first_token = to->first_token,
                                .columns = to->columns,
                                .logits = to->logits,
                                .shares = to->shares};
}

void hd_add_copies(hd_pass *pass, const hd_copied_logits *to) {
    hd_add_copies_call call = call_of(to);
    pass->stream.device->add_copies(&pass->stream, &call);
}

void hd_add_copies_backward(hd_pass *pass, const hd_copied_logits *to, float *d_scores) {
    hd_add_copies_backward_call call = {call_of(to), d_scores};
    pass->stream.device->add_copies_backward(&pass->stream, &call);
}
