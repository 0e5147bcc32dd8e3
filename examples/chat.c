/* Answers messages in one conversation, token by token:
 *
 *     chat MODEL MESSAGE ...
 *
 * The model's folder has a chat template. */
#include <heed/heed.h>
#include <stdio.h>
#include <string.h>

static bool print_words(void *user, size_t index, const char *text, size_t size) {
    (void)user, (void)index;
    fwrite(text, 1, size, stdout);
    return fflush(stdout) == 0;
}

static heed_status answer(heed_chat *chat, const heed_options *options, const char *message) {
    heed_results *results;
    heed_status status = heed_chat_add(chat, "user", message, strlen(message));
    if (status == HEED_OK) status = heed_chat_answer(chat, options, print_words, NULL, &results);
    if (status != HEED_OK) return status;
    putchar('\n');
    heed_results_close(results);
    return HEED_OK;
}

int main(int count, char **words) {
    heed_context *context;
    heed_model *model = NULL;
    heed_options *options = NULL;
    heed_chat *chat = NULL;
    if (count < 3) return fprintf(stderr, "usage: chat MODEL MESSAGE ...\n"), 2;
    heed_status status = heed_context_open(&context);
    if (status == HEED_OK) status = heed_model_open(context, words[1], &model);
    if (status == HEED_OK) status = heed_generate_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "max-new-tokens", "20");
    if (status == HEED_OK) status = heed_chat_open(model, &chat);
    if (status == HEED_OK) status = heed_chat_add(chat, "system", "Be brief.", 9);
    for (int i = 2; i < count && status == HEED_OK; i++) status = answer(chat, options, words[i]);
    if (status != HEED_OK) fprintf(stderr, "chat: %s\n", heed_context_message(context));
    heed_chat_close(chat);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
    return status != HEED_OK;
}
