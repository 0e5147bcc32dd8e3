/* The verbs, in the order of `heed --help`: V(name, group, help). A row declares run_NAME, which takes the words after the
 * verb and returns the program's exit code. main.c and the shell completions read the rows. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

/* clang-format off */
#define VERBS(V)                                                                                \
    V(translate, "Text", "translate from one language to another")                              \
    V(summarize, "Text", "summarize texts")                                                     \
    V(rewrite,   "Text", "rewrite texts in another style")                                      \
    V(generate,  "Text", "continue a text")                                                     \
    V(chat,      "Text", "converse with a model")                                               \
    V(classify,  "Text", "classify texts, for example by sentiment")                            \
    V(tag,       "Text", "find named entities and other labelled spans")                        \
    V(fill,      "Text", "predict masked words")                                                \
    V(answer,    "Text", "answer questions about a text")                                       \
    V(embed,     "Text", "compute vectors of texts")                                            \
    V(rerank,    "Text", "order texts by their relevance to a query")                           \
    V(cluster,   "Text", "group similar texts")                                                 \
    V(serve,     "Text", "answer requests over HTTP, as OpenAI's API does")                     \
    V(attend,    "Models", "draw attention maps and other pictures, as text, SVG and HTML")     \
    V(models,    "Models", "list the models that ship and those in the Hugging Face cache")      \
    V(pull,      "Models", "fetch a model from the Hugging Face hub")                           \
    V(push,      "Models", "upload a model to the Hugging Face hub")                            \
    V(info,      "Models", "describe a model")                                                  \
    V(convert,   "Models", "write a model with another element type or in other files")         \
    V(evaluate,  "Models", "score outputs, models and training runs")                           \
    V(bench,     "Models", "benchmark this machine and heed on it")                             \
    V(train,     "Training", "train or fine-tune a model")                                      \
    V(tokenize,  "Training", "split texts into tokens, or train a tokenizer")
/* clang-format on */

#define DECLARE(name, group, help) int run_##name(int count, char **words);
VERBS(DECLARE)
#undef DECLARE
int run_tokenize_train(int count, char **words); /* heed tokenize train */

#endif
