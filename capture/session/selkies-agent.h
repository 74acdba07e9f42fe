
/*
 * Copyright (C) ngx_selkies authors
 *
 * selkies-agent: what the module has done in the desktop session, because
 * nginx's workers neither fork nor exec.  It listens on a Unix socket that the
 * module's directive selkies_agent_socket names; a worker connects for one
 * request, when there is one.
 *
 *     request   length (4 bytes, big endian) of what follows; kind (1 byte);
 *               'r'  a program and its arguments, a zero behind each
 *               'c'  a text for the shell, a zero behind it
 *               'd'  DPI and size of the cursor, 4 bytes each, big endian
 *     reply     length as above; 0 or 1 (1 byte); 1: why not, a sentence
 *
 * Thread: one; functions that fail have a sentence in `error`.
 */


#ifndef SELKIES_AGENT_H_INCLUDED
#define SELKIES_AGENT_H_INCLUDED


#include <stddef.h>
#include <stdint.h>


#define SELKIES_AGENT_REQUEST_MAX    (64 * 1024)    /* without its length */
#define SELKIES_AGENT_REPLY_MAX      256
#define SELKIES_AGENT_ARGS_MAX       64
#define SELKIES_AGENT_ERROR          200

#define SELKIES_AGENT_RUN            'r'
#define SELKIES_AGENT_COMMAND        'c'
#define SELKIES_AGENT_DPI            'd'


/* Pointers are into the bytes it was parsed from. */

typedef struct {
    uint8_t      kind;
    char        *argv[SELKIES_AGENT_ARGS_MAX + 1];      /* 'r' */
    const char  *text;                                  /* 'c' */
    int32_t      dpi;                                   /* 'd': 1 to 10000 */
    int32_t      cursor;                                /* 1 to 1024 */
} selkies_agent_request_t;


/*
 * Parses one request at the beginning of `data`.  The bytes it took; 0: there
 * are more to come; -1: this is none, and nothing behind it can be found.
 */

long selkies_agent_parse(selkies_agent_request_t *request, uint8_t *data,
    size_t len);


/* Writes a reply; `why` is cut to fit, NULL: it went well.  Its length. */

size_t selkies_agent_reply(uint8_t out[SELKIES_AGENT_REPLY_MAX + 4],
    const char *why);


/*
 * Starts a program: a session of its own, /dev/null as its three descriptors
 * and no other one, signals as at birth.  0, or -1.
 */

int selkies_agent_spawn(char *const *argv, char error[SELKIES_AGENT_ERROR]);


/* Collects programs that have ended. */

void selkies_agent_reap(void);


/*
 * The settings of the desktop that is installed: what the module has not
 * done by itself, over X (protocol.md 8.3).
 */

void selkies_agent_dpi(int32_t dpi, int32_t cursor);


#endif /* SELKIES_AGENT_H_INCLUDED */
