
/*
 * Copyright (C) ngx_selkies authors
 *
 * What clients want of the desktop's programs: their DPI.  What X alone can
 * change the desktop thread does; for settings that a desktop keeps elsewhere
 * its agent is asked.
 *
 * Thread: the event loop.
 */


#include "ngx_http_selkies_module.h"

#include "selkies_agent.h"


#define NGX_HTTP_SELKIES_CURSOR     32      /* pixels at 96 dpi */


static void ngx_http_selkies_agent_dpi(ngx_http_selkies_session_t *s,
    uint32_t dpi, uint32_t cursor);


/*
 * A desktop of which nobody has ever said anything keeps the DPI it has.  Once
 * somebody has, who does not say it wants the operator's.
 */

void
ngx_http_selkies_wish_dpi(ngx_http_selkies_session_t *s, ngx_uint_t said)
{
    int32_t                   dpi, cursor;
    uint32_t                  wanted;
    selkies_stream_t         *stream = s->display->stream;
    selkies_setting_value_t  *values = s->conf->effective->values;

    if (!said && !values[SELKIES_SET_SCALING_DPI].set
        && atomic_load(&stream->wanted_dpi) == 0)
    {
        return;
    }

    dpi = s->settings.values[SELKIES_SET_SCALING_DPI];
    cursor = values[SELKIES_SET_CURSOR_SIZE].number;

    if (cursor <= 0) {
        cursor = (dpi * NGX_HTTP_SELKIES_CURSOR + 48) / 96;
    }

    wanted = selkies_dpi_pack(dpi, cursor);

    if (atomic_exchange(&stream->wanted_dpi, wanted) != wanted) {
        ngx_http_selkies_ring_desktop(s->display);
        ngx_http_selkies_agent_dpi(s, (uint32_t) dpi, (uint32_t) cursor);
    }
}


static void
ngx_http_selkies_agent_dpi(ngx_http_selkies_session_t *s, uint32_t dpi,
    uint32_t cursor)
{
    uint32_t  numbers[2];

    if (s->conf->agent.len == 0) {
        return;
    }

    numbers[0] = htonl(dpi);
    numbers[1] = htonl(cursor);

    ngx_http_selkies_agent_ask(s, SELKIES_AGENT_DPI, (u_char *) numbers,
                               sizeof(numbers), 1);
}


void
ngx_http_selkies_dpi(ngx_http_selkies_session_t *s, selkies_command_t *cmd)
{
    s->settings.values[SELKIES_SET_SCALING_DPI] =
        selkies_settings_dpi(s->conf->effective, cmd->u.dpi);

    ngx_http_selkies_wish_dpi(s, 1);
}
