/* Runs every file of the folders named on the command line through a fuzz target, for builds without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 1 if the file was run, 0 if it was skipped, -1 if it cannot be read. */
static int replay(const char *folder, const char *name) {
    char path[4096];
    if (name[0] == '.') return 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) return -1;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    /* of the exact size, so that a sanitizer detects reading past it */
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    int result = size >= 0 && data && fread(data, 1, (size_t)size, file) == (size_t)size ? 1 : -1;
    fclose(file);
    if (result == 1) LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return result;
}

int main(int count, char **arguments) {
    int ran = 0;
    for (int i = 1; i < count; i++) {
        DIR *folder = opendir(arguments[i]);
        if (!folder) {
            perror(arguments[i]);
            return 1;
        }
        for (struct dirent *entry; (entry = readdir(folder));) {
            int result = replay(arguments[i], entry->d_name);
            if (result < 0) {
                perror(entry->d_name);
                closedir(folder);
                return 1;
            }
            ran += result;
        }
        closedir(folder);
    }
    printf("%d inputs\n", ran);
    return ran > 0 ? 0 : 1;
}
