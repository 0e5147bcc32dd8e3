#include "inspect/architecture.h"

heed_status hd_architecture_open(const hd_network *network, const char *type, hd_architecture_picture **picture) {
    static const hd_picture_class class = {"architectures are", hd_architecture_text, hd_architecture_svg,
                                           hd_architecture_json};
    return hd_architecture_read(network, type, &class, picture);
}
