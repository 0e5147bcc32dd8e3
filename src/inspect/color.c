#include "inspect/color.h"

#include <math.h>

enum { STOPS = 6, HEADS = 12 };

/* Interpolates between evenly spaced stops; value in [0, 1]. */
static hd_color between(const hd_color stops[STOPS], double value) {
    double at = hd_shown_share(value) * (STOPS - 1);
    int first = at >= STOPS - 1 ? STOPS - 2 : (int)at;
    double share = at - first;
    const hd_color a = stops[first], b = stops[first + 1];
    return (hd_color){(uint8_t)(a.red + share * (b.red - a.red) + 0.5),
                      (uint8_t)(a.green + share * (b.green - a.green) + 0.5),
                      (uint8_t)(a.blue + share * (b.blue - a.blue) + 0.5)};
}

hd_color hd_paper_color(double value) {
    static const hd_color stops[STOPS] = {{245, 248, 252}, {206, 225, 242}, {143, 189, 222},
                                          {75, 141, 194},  {29, 94, 160},   {8, 44, 100}};
    return between(stops, value);
}

hd_color hd_screen_color(double value) {
    static const hd_color stops[STOPS] = {{48, 18, 64},   {65, 68, 135},  {42, 120, 142},
                                          {34, 168, 132}, {122, 209, 81}, {253, 231, 37}};
    return between(stops, value);
}

/* Interpolates from the middle colour to one of the ends; value in [−1, 1]. */
static hd_color between_signed(const hd_color ends[3], double value) {
    enum { LEVELS = 16 };
    double share = floor(fmin(fabs(value), 1) * LEVELS + 0.5) / LEVELS;
    const hd_color a = ends[1], b = ends[value < 0 ? 0 : 2];
    return (hd_color){(uint8_t)(a.red + share * (b.red - a.red) + 0.5),
                      (uint8_t)(a.green + share * (b.green - a.green) + 0.5),
                      (uint8_t)(a.blue + share * (b.blue - a.blue) + 0.5)};
}

hd_color hd_signed_paper_color(double value) {
    static const hd_color ends[3] = {{178, 34, 44}, {250, 250, 250}, {22, 82, 150}};
    return between_signed(ends, value);
}

hd_color hd_signed_screen_color(double value) {
    static const hd_color ends[3] = {{255, 120, 90}, {44, 48, 56}, {110, 180, 255}};
    return between_signed(ends, value);
}

hd_color hd_head_color(int64_t head) {
    static const hd_color colors[HEADS] = {{46, 107, 176}, {232, 119, 34}, {52, 145, 78},  {204, 60, 74},
                                           {130, 88, 168}, {20, 150, 160}, {214, 165, 30}, {222, 98, 164},
                                           {122, 88, 60},  {96, 110, 214}, {128, 160, 40}, {90, 100, 115}};
    return colors[head % HEADS];
}
