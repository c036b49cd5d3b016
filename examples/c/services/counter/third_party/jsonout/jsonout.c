#include "jsonout.h"

#include <stdarg.h>
#include <stdio.h>

static void put(struct jsonout *out, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int wanted = vsnprintf(out->into + out->used, out->size - out->used, format, values);
    va_end(values);
    if (wanted > 0) {
        out->used += (size_t)wanted;
        if (out->used >= out->size)
            out->used = out->size - 1;
    }
}

static const char *comma(const struct jsonout *out) { return out->used > 1 ? "," : ""; }

void jsonout_begin(struct jsonout *out, char *into, size_t size)
{
    *out = (struct jsonout){.into = into, .size = size, .used = 0};
    put(out, "{");
}

void jsonout_text(struct jsonout *out, const char *name, const char *value)
{
    put(out, "%s\"%s\":\"%s\"", comma(out), name, value);
}

void jsonout_number(struct jsonout *out, const char *name, long value)
{
    put(out, "%s\"%s\":%ld", comma(out), name, value);
}

size_t jsonout_end(struct jsonout *out)
{
    put(out, "}");
    return out->used;
}
