#!/bin/bash
#
# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause
#
# The session of the image: openbox and what autostart says.  An image that puts
# another file here has another desktop.  It is started again when it ends.

xsetroot -solid rgb:1d/27/33 -cursor_name left_ptr

exec openbox --sm-disable --startup "sh $HOME/.config/openbox/autostart"
