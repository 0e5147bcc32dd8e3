/* The architecture of a network: its modules in the order in which a text passes through them, with shapes and numbers of
 * parameters. It is read from the recipe and from the declared parameters (architecture.c), and drawn as text, as JSON
 * (architecture_text.c) and as SVG: architecture_svg.c for Transformers, unrolled_svg.c for recurrent networks. */
#ifndef HD_INSPECT_ARCHITECTURE_H
#define HD_INSPECT_ARCHITECTURE_H

#include "inspect/picture.h"
#include "layers/network.h"

/* What a module is for: its colour in pictures. */
typedef enum hd_box_kind {
    HD_BOX_EMBEDDING,
    HD_BOX_POSITIONS,
    HD_BOX_NORM,
    HD_BOX_ATTENTION,
    HD_BOX_FEED_FORWARD,
    HD_BOX_CELL,
    HD_BOX_LINEAR,
    HD_BOX_OUTPUT, /* softmax, CRF */
    HD_BOX_POOL,   /* one state of a whole text; several states side by side */
    HD_BOX_SUM,    /* an addition, without parameters */
    HD_BOX_KINDS
} hd_box_kind;

/* The place of a module in its side. */
typedef enum hd_box_place {
    HD_PLACE_LINE,   /* its input is the output of the module before it */
    HD_PLACE_ADDED,  /* beside the line: its rows are added to the states, by the sum that follows it */
    HD_PLACE_BESIDE, /* beside the line: layers read it */
} hd_box_place;

typedef struct hd_box {
    hd_box_kind kind;
    hd_box_place place;
    const char *name, *note; /* note: shapes and details; "" if there are none */
    int64_t parameters;      /* of one layer, if layers repeat it */
    int64_t all;             /* of all layers */
    bool cross;              /* it also reads the encoder's last states */
    int64_t spans;           /* of the sum of a residual connection: the number of modules that it goes around */
} hd_box;

enum { HD_MOST_BOXES = 48 };

/* One side of the network, from its input to its output. */
typedef struct hd_side_picture {
    const char *title, *input, *output; /* "Encoder", "source tokens", "probabilities of the next token" */
    const char *layers_note;            /* "layers 1, 3 and 5 attend to all tokens"; "" */
    int64_t layers;                     /* 0: the network lacks this side */
    hd_box boxes[HD_MOST_BOXES];
    int64_t count, first, end; /* boxes [first, end) are those of a layer */
    int64_t layer_parameters;  /* of one layer */
} hd_side_picture;

/* Attention of a layer in detail. Parameters are those of one layer. */
typedef struct hd_attention_picture {
    int64_t layers; /* 0: there is none */
    bool cross, causal;
    int64_t width, heads, key_heads, head_width;
    int64_t q, k, v, out, norms, bias;
    const char *norm;         /* of queries and keys, "RMS norm of each head"; "" */
    const char *rotary;       /* "rotary positions"; "" */
    const char *scale;        /* "÷ √32", "× 0.125"; "" */
    const char *unscaled;     /* what is added before: "+ relative positions"; "" */
    const char *added, *mask; /* and after: "+ position bias"; "mask: keys after the query" */
    const char *cap;          /* "capped at ±30"; "" */
} hd_attention_picture;

typedef struct hd_feed_forward_picture {
    int64_t layers; /* 0: there is none */
    int64_t width, inner, up, gate, down;
    const char *activation; /* "ReLU" */
} hd_feed_forward_picture;

typedef struct hd_architecture_picture {
    heed_picture picture;
    const char *title; /* "marian: encoder–decoder, 4,955,200 parameters" */
    hd_recipe recipe;
    int64_t parameters;
    hd_side_picture side[HD_SIDES];
    hd_attention_picture attention; /* self-attention of the decoder, or of the only side */
    hd_feed_forward_picture feed_forward;
} hd_architecture_picture;

/* Reads the architecture of a network, whose weights need not be there. `type` is the name of its family. */
heed_status hd_architecture_open(const hd_network *network, const char *type, hd_architecture_picture **picture);
/* The same for a picture of this class. */
heed_status hd_architecture_read(const hd_network *network, const char *type, const hd_picture_class *class,
                                 hd_architecture_picture **picture);

heed_status hd_architecture_text(const heed_picture *picture, bool color, int64_t columns, hd_buffer *out);
heed_status hd_architecture_json(const heed_picture *picture, hd_buffer *out);
heed_status hd_architecture_svg(const heed_picture *picture, hd_buffer *out);
/* The part of hd_architecture_svg for recurrent networks. */
heed_status hd_unrolled_svg(const hd_architecture_picture *picture, hd_buffer *out);

#endif
