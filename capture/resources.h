
/*
 * Copyright (C) ngx_selkies authors
 *
 * The text of RESOURCE_MANAGER, the property that `xrdb` writes: some values
 * replaced, all the rest as it is.
 *
 * Thread: any; pure.  Ownership: the result is the caller's.
 */


#ifndef SELKIES_RESOURCES_H_INCLUDED
#define SELKIES_RESOURCES_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#pragma GCC visibility push(hidden)


/* One resource and the number it is to have. */

typedef struct {
    const char  *name;
    int32_t      value;
} selkies_resource_t;


/*
 * Makes `text` say what `resources` do: a line of each, in the place of the
 * first one there was; further lines of the same name go.  The result is
 * malloc()ed, its length in *out_len; NULL where there is no memory.
 */

char *selkies_resources_merge(const char *text, size_t len,
    const selkies_resource_t *resources, size_t n, size_t *out_len);


/* The number a resource has, 0 where it has none or no whole one. */

int32_t selkies_resources_find(const char *text, size_t len,
    const char *name);


#pragma GCC visibility pop


#endif /* SELKIES_RESOURCES_H_INCLUDED */
