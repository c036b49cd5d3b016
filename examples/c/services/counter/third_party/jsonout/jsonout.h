/* Writes one JSON object of numbers and plain texts into a buffer. */
#ifndef JSONOUT_H
#define JSONOUT_H

#include <stddef.h>

struct jsonout {
    char *into;
    size_t size;
    size_t used;
};

void jsonout_begin(struct jsonout *out, char *into, size_t size);
void jsonout_text(struct jsonout *out, const char *name, const char *value);
void jsonout_number(struct jsonout *out, const char *name, long value);
/* Returns the length of the object, which ends with a NUL. */
size_t jsonout_end(struct jsonout *out);

#endif
