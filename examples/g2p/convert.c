/* From letters to phonemes: writes the GRU of the Python package g2p-en (checkpoint20.npz) as a folder of a heed-rnn model.
 *
 *     g2p-convert checkpoint20.npz FOLDER
 *     heed translate -m FOLDER hello
 *
 * The network is an encoder and a decoder of one GRU layer each (Cho et al., 2014). The encoder's last state is the decoder's
 * first, and the decoder's states are scored by a table of their own. Letters and phonemes have one vocabulary here, the
 * letters first. A letter is never predicted: its bias is −10,000. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WIDTH = 256, GATES = 3 * WIDTH, LETTERS = 29, PHONEMES = 74, VOCABULARY = LETTERS + PHONEMES };
enum { UNKNOWN = 1, END_OF_WORD = 2, START = LETTERS + 2, END = LETTERS + 3 };

/* In the order of the checkpoint's tables. Special tokens have a name of their own for each side. */
static const char *const letters[LETTERS] = {"<pad>", "<unk>", "<end>", "a", "b", "c", "d", "e", "f", "g",
                                             "h",     "i",     "j",     "k", "l", "m", "n", "o", "p", "q",
                                             "r",     "s",     "t",     "u", "v", "w", "x", "y", "z"};
static const char *const phonemes[PHONEMES] = {
    "<none>", "<other>", "<s>", "</s>", "AA0", "AA1", "AA2", "AE0", "AE1", "AE2", "AH0", "AH1", "AH2", "AO0", "AO1",
    "AO2",    "AW0",     "AW1", "AW2",  "AY0", "AY1", "AY2", "B",   "CH",  "D",   "DH",  "EH0", "EH1", "EH2", "ER0",
    "ER1",    "ER2",     "EY0", "EY1",  "EY2", "F",   "G",   "HH",  "IH0", "IH1", "IH2", "IY0", "IY1", "IY2", "JH",
    "K",      "L",       "M",   "N",    "NG",  "OW0", "OW1", "OW2", "OY0", "OY1", "OY2", "P",   "R",   "S",   "SH",
    "T",      "TH",      "UH0", "UH1",  "UH2", "UW",  "UW0", "UW1", "UW2", "V",   "W",   "Y",   "Z",   "ZH"};

static const char *token(int id) { return id < LETTERS ? letters[id] : phonemes[id - LETTERS]; }

static void fail(const char *path, const char *what) {
    fprintf(stderr, "g2p-convert: %s: %s\n", path, what);
    exit(1);
}

/* ---- the checkpoint: a zip archive of NumPy arrays ------------------------------------------------------------------ */

typedef struct bytes {
    const char *path;
    unsigned char *data;
    size_t size;
} bytes;

static bytes read_file(const char *path) {
    bytes file = {.path = path};
    FILE *stream = fopen(path, "rb");
    if (!stream) fail(path, "cannot open");
    fseek(stream, 0, SEEK_END);
    long size = ftell(stream);
    rewind(stream);
    file.size = size > 0 ? (size_t)size : 0;
    file.data = malloc(file.size + 1);
    if (!file.data || fread(file.data, 1, file.size, stream) != file.size) fail(path, "cannot read");
    fclose(stream);
    return file;
}

/* A little-endian number of `count` bytes. */
static uint32_t number(const bytes *file, size_t at, int count) {
    uint32_t value = 0;
    if (at > file->size || file->size - at < (size_t)count) fail(file->path, "ends too early");
    for (int i = count - 1; i >= 0; i--) value = value << 8 | file->data[at + (size_t)i];
    return value;
}

/* Where the contents of an entry begin; the entry is found in the directory at the end of the archive (APPNOTE.TXT of PKWARE,
 * 4.3.12 and 4.3.16). */
static size_t find_entry(const bytes *file, const char *name, size_t *size) {
    size_t end = file->size < 22 ? 0 : file->size - 22, length = strlen(name);
    if (number(file, end, 4) != 0x06054b50) fail(file->path, "is not a zip archive without a comment");
    size_t at = number(file, end + 16, 4);
    for (uint32_t i = number(file, end + 10, 2); i; i--) {
        uint32_t name_size = number(file, at + 28, 2);
        if (number(file, at, 4) != 0x02014b50 || at + 46 + name_size > file->size)
            fail(file->path, "has a damaged directory");
        if (name_size == length && memcmp(file->data + at + 46, name, length) == 0) {
            size_t local = number(file, at + 42, 4);
            if (number(file, at + 10, 2) != 0) fail(file->path, "has compressed arrays");
            *size = number(file, at + 24, 4);
            return local + 30 + number(file, local + 26, 2) + number(file, local + 28, 2);
        }
        at += 46 + name_size + number(file, at + 30, 2) + number(file, at + 32, 2);
    }
    fail(file->path, "lacks an array");
    return 0;
}

/* The numbers of an array of `count` floats (NEP 1 of NumPy: a header, then the rows). */
static const void *find_array(const bytes *file, const char *name, size_t count) {
    char entry[32];
    size_t size;
    snprintf(entry, sizeof entry, "%s.npy", name);
    size_t at = find_entry(file, entry, &size), header = 10 + number(file, at + 8, 2);
    if (at > file->size || size > file->size - at || size != header + count * sizeof(float))
        fail(file->path, "has an array of another size");
    char *text = calloc(header, 1);
    if (!text) fail(file->path, "out of memory");
    memcpy(text, file->data + at + 10, header - 10);
    if (!strstr(text, "'descr': '<f4'") || !strstr(text, "'fortran_order': False"))
        fail(file->path, "has an array of another type");
    free(text);
    return file->data + at + header;
}

/* ---- the folder ------------------------------------------------------------------------------------------------------ */

static FILE *create(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file) fail(path, "cannot write");
    return file;
}

static void finish(FILE *file, const char *folder) {
    int failed = ferror(file);
    if (fclose(file) != 0 || failed) fail(folder, "cannot write");
}

static void write_text(const char *folder, const char *name, const char *text) {
    FILE *file = create(folder, name);
    fputs(text, file);
    finish(file, folder);
}

/* A tensor of the folder: arrays of the checkpoint one after the other. */
typedef struct tensor {
    const char *name;
    int rows, columns; /* columns 0: a vector */
    const char *arrays[2];
} tensor;

static const tensor tensors[] = {
    {"embedding.weight", VOCABULARY, WIDTH, {"enc_emb", "dec_emb"}},
    {"encoder.layers.0.input.weight", GATES, WIDTH, {"enc_w_ih"}},
    {"encoder.layers.0.input.bias", GATES, 0, {"enc_b_ih"}},
    {"encoder.layers.0.state.weight", GATES, WIDTH, {"enc_w_hh"}},
    {"encoder.layers.0.state.bias", GATES, 0, {"enc_b_hh"}},
    {"decoder.layers.0.input.weight", GATES, WIDTH, {"dec_w_ih"}},
    {"decoder.layers.0.input.bias", GATES, 0, {"dec_b_ih"}},
    {"decoder.layers.0.state.weight", GATES, WIDTH, {"dec_w_hh"}},
    {"decoder.layers.0.state.bias", GATES, 0, {"dec_b_hh"}},
    {"output.weight", VOCABULARY, WIDTH, {NULL, "fc_w"}},
    {"output.bias", 1, VOCABULARY, {NULL, "fc_b"}},
};
enum { TENSORS = sizeof tensors / sizeof *tensors };

static size_t count_of(const tensor *t) { return (size_t)t->rows * (size_t)(t->columns ? t->columns : 1); }

static void write_tensor(FILE *file, const bytes *checkpoint, const tensor *t) {
    size_t columns = count_of(t) / VOCABULARY; /* of a tensor over the vocabulary */
    float unpredicted = strcmp(t->name, "output.bias") == 0 ? -10000.0f : 0.0f;
    if (!t->arrays[0])
        for (size_t i = 0; i < LETTERS * columns; i++) fwrite(&unpredicted, sizeof unpredicted, 1, file);
    for (int i = 0; i < 2; i++) {
        if (!t->arrays[i]) continue;
        bool joined = i || t->arrays[1];
        size_t count = joined ? (size_t)(i ? PHONEMES : LETTERS) * columns : count_of(t);
        fwrite(find_array(checkpoint, t->arrays[i], count), sizeof(float), count, file);
    }
}

static void write_weights(const bytes *checkpoint, const char *folder) {
    char header[4096] = "{";
    size_t at = 1, offset = 0;
    for (int i = 0; i < TENSORS; i++) {
        const tensor *t = &tensors[i];
        size_t end = offset + count_of(t) * sizeof(float);
        at += (size_t)snprintf(header + at, sizeof header - at, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%d",
                               i ? "," : "", t->name, t->rows);
        if (t->columns) at += (size_t)snprintf(header + at, sizeof header - at, ",%d", t->columns);
        at += (size_t)snprintf(header + at, sizeof header - at, "],\"data_offsets\":[%zu,%zu]}", offset, end);
        offset = end;
    }
    at += (size_t)snprintf(header + at, sizeof header - at, "}");
    while (at % 8) header[at++] = ' ';
    uint64_t size = at;
    FILE *file = create(folder, "model.safetensors");
    fwrite(&size, sizeof size, 1, file);
    fwrite(header, 1, at, file);
    for (int i = 0; i < TENSORS; i++) write_tensor(file, checkpoint, &tensors[i]);
    finish(file, folder);
}

static void write_config(const char *folder) {
    FILE *file = create(folder, "config.json");
    fprintf(
        file,
        "{\n  \"model_type\": \"heed-rnn\",\n  \"architectures\": [\"HeedRecurrentModel\"],\n  \"vocab_size\": %d,\n"
        "  \"hidden_size\": %d,\n  \"encoder_layers\": 1,\n  \"decoder_layers\": 1,\n  \"cell\": \"gru\",\n"
        "  \"bidirectional\": false,\n  \"memory\": \"last\",\n  \"direct_states\": true,\n"
        "  \"tie_word_embeddings\": false,\n  \"max_position_embeddings\": 64,\n  \"eos_token_id\": %d,\n"
        "  \"decoder_start_token_id\": %d\n}\n",
        VOCABULARY, WIDTH, END, START);
    finish(file, folder);
}

/* As g2p-en, which stops after 20 phonemes. */
static void write_generation(const char *folder) {
    FILE *file = create(folder, "generation_config.json");
    fprintf(file, "{\"decoder_start_token_id\": %d, \"eos_token_id\": %d, \"max_new_tokens\": 20}\n", START, END);
    finish(file, folder);
}

/* A token per letter, and the end of the word. Phonemes are joined by spaces. */
static void write_tokenizer(const char *folder) {
    FILE *file = create(folder, "tokenizer.json");
    fprintf(file,
            "{\n  \"version\": \"1.0\",\n  \"added_tokens\": [\n"
            "    {\"id\": %d, \"content\": \"<end>\", \"special\": true},\n"
            "    {\"id\": %d, \"content\": \"<s>\", \"special\": true},\n"
            "    {\"id\": %d, \"content\": \"</s>\", \"special\": true}\n  ],\n"
            "  \"normalizer\": {\"type\": \"Lowercase\"},\n"
            "  \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \".\"}, \"behavior\": \"Isolated\", "
            "\"invert\": false},\n"
            "  \"post_processor\": {\"type\": \"TemplateProcessing\",\n"
            "    \"single\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, {\"SpecialToken\": {\"id\": \"<end>\", "
            "\"type_id\": 0}}],\n"
            "    \"pair\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"B\", "
            "\"type_id\": 0}}],\n"
            "    \"special_tokens\": {\"<end>\": {\"id\": \"<end>\", \"ids\": [%d], \"tokens\": [\"<end>\"]}}},\n"
            "  \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"%s\", \"vocab\": {",
            END_OF_WORD, START, END, END_OF_WORD, letters[UNKNOWN]);
    for (int id = 0; id < VOCABULARY; id++) fprintf(file, "%s\"%s\": %d", id ? ", " : "", token(id), id);
    fputs("}}\n}\n", file);
    finish(file, folder);
}

int main(int count, char **words) {
    if (count != 3) {
        fputs("usage: g2p-convert checkpoint20.npz FOLDER\n", stderr);
        return 2;
    }
    bytes checkpoint = read_file(words[1]);
    mkdir(words[2], 0777); /* it may exist */
    write_weights(&checkpoint, words[2]);
    write_config(words[2]);
    write_tokenizer(words[2]);
    write_generation(words[2]);
    write_text(words[2], "tokenizer_config.json", "{\"eos_token\": \"</s>\", \"unk_token\": \"<unk>\"}\n");
    free(checkpoint.data);
    return 0;
}
