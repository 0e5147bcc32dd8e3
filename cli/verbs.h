/* The verbs. Each takes the words behind it and returns the program's exit code. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

int run_attend(int count, char **words);
int run_bench(int count, char **words);
int run_classify(int count, char **words);
int run_evaluate(int count, char **words);
int run_fill(int count, char **words);
int run_generate(int count, char **words);
int run_info(int count, char **words);
int run_tag(int count, char **words);
int run_tokenize(int count, char **words);
int run_tokenize_train(int count, char **words);
int run_train(int count, char **words);
int run_translate(int count, char **words);

#endif
