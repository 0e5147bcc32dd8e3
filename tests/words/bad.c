/* Each string is a message or a help line that lint-words must reject. */
static const char *const own_option[] = {
    "of a recurrent model",
    "of what is drawn",
    "of embeddings and sublayers",
    "of one that is trained; natural: as the family has it",
    "of keys and values, where queries share them",
    "columns of every hidden state, of which nobody is told",
    "of the finished model's weights",
    "the same for validation",
    "what is learned",
    "where to? then the reader "
    "is told",
};
