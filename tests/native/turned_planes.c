/* Compare turn_plane (csrc/convert/turn.h) with the definition of the orientations. Print the first
 * difference, or how many rectangles were compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/turn.h"

#define MOST 70
#define GUARD 32

static uint8_t source[MOST * (MOST + 3) * 4], out[MOST * (4 * MOST + GUARD)];

static void compare(int width, int height, int size, Rect rect, int orientation) {
    /* the size of the plane as it is stored */
    int in_width = orientation & ORIENT_TRANSPOSE ? height : width, in_stride = (in_width + 3) * size;
    int columns = rect.x1 - rect.x0, rows = rect.y1 - rect.y0, stride = columns * size + GUARD;
    memset(out, 0xA5, sizeof(out));
    turn_plane(out, stride, source, in_stride, size, rect, width, height, orientation);
    for (int y = 0; y < rows; y++)
        for (int k = 0; k < stride; k++) {
            int expected = 0xA5;
            if (k < columns * size) {
                int from_x = rect.x0 + k / size, from_y = rect.y0 + y;
                if (orientation & ORIENT_MIRROR_X)
                    from_x = width - 1 - from_x;
                if (orientation & ORIENT_MIRROR_Y)
                    from_y = height - 1 - from_y;
                if (orientation & ORIENT_TRANSPOSE) {
                    int swap = from_x;
                    from_x = from_y;
                    from_y = swap;
                }
                expected = source[from_y * in_stride + from_x * size + k % size];
            }
            if (out[y * stride + k] != expected) {
                printf("%dx%d of %d bytes, orientation %d: byte %d of row %d is %d, not %d\n", width, height, size,
                       orientation, k, y, out[y * stride + k], expected);
                exit(1);
            }
        }
}

int main(void) {
    static const int sizes[] = {1, 1, 1, 2, 3, 4};
    int rectangles = 0;
    for (size_t i = 0; i < sizeof(source); i++)
        source[i] = (uint8_t)(rand() >> 8);
    for (int n = 0; n < 3000; n++)
        for (int orientation = 0; orientation < 8; orientation++, rectangles++) {
            int width = 1 + rand() % MOST, height = 1 + rand() % MOST;
            Rect rect = {rand() % width, rand() % height, 0, 0};
            if (n % 2)
                rect.x0 = rect.y0 = 0;
            rect.x1 = n % 2 ? width : rect.x0 + 1 + rand() % (width - rect.x0);
            rect.y1 = n % 2 ? height : rect.y0 + 1 + rand() % (height - rect.y0);
            compare(width, height, sizes[n % 6], rect, orientation);
        }
    printf("%d rectangles are equal\n", rectangles);
    return 0;
}
