/* The verbs. Each takes the words behind it and returns the program's exit code. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

int run_bench(int count, char **words);
int run_evaluate(int count, char **words);
int run_info(int count, char **words);
int run_tokenize(int count, char **words);
int run_tokenize_train(int count, char **words);
int run_train(int count, char **words);
int run_translate(int count, char **words);

#endif
