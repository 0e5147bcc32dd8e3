#include "foreign.h"

#include <stdbool.h>
#include <string.h>

typedef struct foreign {
    const char *names; /* separated by spaces */
    const char *meant;
} foreign;

/* transformers' generate(), its pipelines and Trainer; llama.cpp; OpenAI's API; Marian, fairseq and CTranslate2. */
static const foreign options[] = {
    {"--max-length --max-tokens --max-completion-tokens --n-predict --predict -n --max-decoding-length "
     "--max-output-length",
     "max-new-tokens"},
    {"--max-length --max-seq-length --max-source-length --max-target-length --block-size", "max-tokens"},
    {"--num-beams --beam-size --beam --num-beam -b", "beams"},
    {"--num-return-sequences --num-hypotheses --n-best --nbest --n --best-of", "best"},
    {"--do-sample --sampling", "sample"},
    {"--temp", "temperature"},
    {"--typical", "typical-p"},
    {"--repeat-penalty", "repetition-penalty"},
    {"--no-repeat-ngram-size", "no-repeat-ngram"},
    {"--lenpen --length-normalization --alpha", "length-penalty"},
    {"--bad-words --bad-words-ids --suppress-tokens --suppress-sequences", "forbid"},
    {"--force-words --force-words-ids", "force"},
    {"--stop-strings --stop-sequence --stop-sequences --reverse-prompt -r", "stop"},
    {"--forced-bos-token-id --forced-bos-token --target-prefix", "forced-bos"},
    {"--forced-eos-token-id --forced-eos-token", "forced-eos"},
    {"--assistant-model --model-draft --draft-model -md", "draft"},
    {"--prompt-lookup-num-tokens", "prompt-lookup"},
    {"--grammar-file", "grammar"},
    {"--json-schema-file -j -jf", "json-schema"},
    {"--num-beam-groups --diversity-penalty --penalty-alpha", "heed lacks diverse and contrastive beam search"},
    {"--mirostat --mirostat-lr --mirostat-ent --dynatemp-range --xtc-probability --dry-multiplier",
     "heed samples with --temperature, --top-k, --top-p, --min-p, --typical-p, --epsilon-cutoff and --eta-cutoff"},
    {"--prompt -p --text --inputs", "the text is an argument or a line of --input"},
    {"--file -f --input-file --src --source-file", "input"},
    {"--file -f --prompt-file", "context-file"},
    {"--model-name-or-path --model-name --model-path --model-id --checkpoint --hf-repo --models", "model"},
    {"--model-dir --ckpt-dir", "model"},
    {"--output-file --out --output-dir --save-dir", "output"},
    {"--random-seed --rng-seed", "seed"},
    {"--num-threads --n-threads --cpu-threads --inter-threads --intra-threads --threads-batch -j --workers", "threads"},
    {"--ctx-size -c --n-ctx --context-size --context-length --num-ctx",
     "the context is as long as the model's positions; heed info MODEL prints their number"},
    {"--n-gpu-layers --gpu-layers -ngl --device --gpu --gpus --cuda --device-map --main-gpu",
     "heed computes on the CPU; --threads sets the number of cores"},
    {"--batch-size --ubatch-size --per-device-train-batch-size --per-device-eval-batch-size --mini-batch "
     "--max-batch-size",
     "batch-tokens"},
    {"--batch-size", "a batch is as large as memory and threads allow; results do not depend on it"},
    {"--torch-dtype --fp16 --bf16 --half --compute-type --precision", "compute"},
    {"--torch-dtype --outtype --quantization", "dtype"},
    {"--load-in-8bit --load-in-4bit --quantize", "heed lacks int8 and int4"},
    {"--src-lang --source-lang --source-language --from-lang -s-lang", "from"},
    {"--tgt-lang --target-lang --target-language --to-lang", "to"},
    {"--aggregation-strategy --grouped-entities", "aggregation"},
    {"--ignore-labels", "ignore"},
    {"--candidate-labels", "labels"},
    {"--hypothesis-template", "template"},
    {"--function-to-apply", "scores"},
    {"--return-all-scores", "all"},
    {"--top-n --topk --k", "top"},
    {"--max-answer-len --max-answer-length", "max-answer-tokens"},
    {"--handle-impossible-answer", "no-answer"},
    {"--doc-stride", "stride"},
    {"--max-seq-len", "window"},
    {"--normalize-embeddings --embd-normalize", "normalize"},
    {"--truncate-dim", "dims"},
    {"--n-clusters --num-clusters", "clusters"},
    {"--system-prompt -sys --system-message", "system"},
    {"--chat-template --chat-template-file", "template"},
    {"--top-log-probs --n-probs", "top-logprobs"},
    {"--learning-rate", "lr"},
    {"--num-train-epochs --num-epochs", "epochs"},
    {"--max-steps --num-steps --iters --max-updates --max-update", "steps"},
    {"--warmup-steps --num-warmup-steps --warmup-updates --lr-warmup", "warmup"},
    {"--warmup-ratio", "--warmup is a number of steps, not a share"},
    {"--lr-scheduler-type --lr-scheduler --lr-schedule", "schedule"},
    {"--gradient-accumulation-steps --update-freq", "accumulate"},
    {"--max-grad-norm --clip-norm --gradient-clip-val", "clip"},
    {"--adam-beta1", "beta1"},
    {"--adam-beta2", "beta2"},
    {"--label-smoothing-factor", "label-smoothing"},
    {"--resume-from-checkpoint --restore-file", "resume"},
    {"--save-steps --save-interval --save-freq", "save-every"},
    {"--eval-steps --evaluation-strategy --valid-freq --validate-interval", "validate-every"},
    {"--logging-steps --log-interval --disp-freq", "log-every"},
    {"--early-stopping-patience --early-stopping", "patience"},
    {"--train-file --train-data --train-sets --dataset --dataset-name", "train-source"},
    {"--validation-file --eval-file --valid-sets --validation-data", "valid-source"},
    {"--model-type --arch --architecture", "family"},
    {"--tokenizer-name", "tokenizer"},
    {"--vocab-size", "vocabulary-size"},
    {"--hidden-size --d-model --embed-dim --n-embd", "width"},
    {"--num-layers --num-hidden-layers --n-layer", "encoder-layers"},
    {"--num-attention-heads --n-head --num-heads", "heads"},
    {"--intermediate-size --ffn-dim --d-ff", "ffn-width"},
    {"--optim --optimizer", "heed trains with AdamW: --lr, --beta1, --beta2, --adam-epsilon, --weight-decay"},
};

static const foreign verbs[] = {
    {"list ls", "models"},
    {"run continue completion predict-next", "generate"},
    {"conversation", "chat"},
    {"download fetch get", "pull"},
    {"upload publish", "push"},
    {"show describe inspect summary", "info"},
    {"finetune fine-tune fit pretrain", "train"},
    {"perplexity score eval bleu", "evaluate"},
    {"ner tagger entities token-classification", "tag"},
    {"sentiment label zero-shot text-classification", "classify"},
    {"qa question-answering", "answer"},
    {"mask fill-mask unmask", "fill"},
    {"summarise summary summarization", "summarize"},
    {"style paraphrase", "rewrite"},
    {"embedding embeddings encode similarity search vectors", "embed"},
    {"rank", "rerank"},
    {"attention visualize draw plot map", "attend"},
    {"quantize export", "convert"},
    {"benchmark", "bench"},
    {"tokens detokenize", "tokenize"},
    {"mt translation", "translate"},
};

static char plain(char c) { return c == '_' ? '-' : c; }

static bool same(const char *a, const char *b, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (plain(a[i]) != plain(b[i])) return false;
    return true;
}

static bool has_name(const foreign *row, const char *typed, size_t size) {
    for (const char *name = row->names; *name; name += *name == ' ') {
        size_t length = strcspn(name, " ");
        if (length == size && same(name, typed, size)) return true;
        name += length;
    }
    return false;
}

static const char *find(const foreign *rows, size_t count, const char *typed, size_t size, size_t index) {
    for (size_t i = 0; i < count; i++)
        if (has_name(&rows[i], typed, size) && index-- == 0) return rows[i].meant;
    return NULL;
}

const char *foreign_option(const char *typed, size_t size, size_t index) {
    return find(options, sizeof options / sizeof options[0], typed, size, index);
}

const char *foreign_verb(const char *typed) {
    return find(verbs, sizeof verbs / sizeof verbs[0], typed, strlen(typed), 0);
}
