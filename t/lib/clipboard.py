# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause
#
# A GTK program that copies a file, until it is ended, or pastes to
# stdout; for t/clipboard_programs.t.
#
#     clipboard.py copy FILE UTF8_STRING|image/png
#     clipboard.py paste UTF8_STRING|image/png

import sys

import gi

gi.require_version('Gtk', '3.0')
gi.require_version('Gdk', '3.0')

from gi.repository import Gdk, GdkPixbuf, Gtk

clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)

if sys.argv[1] == 'copy':
    if sys.argv[3] == 'UTF8_STRING':
        with open(sys.argv[2], encoding='utf-8') as file:
            clipboard.set_text(file.read(), -1)
    else:
        clipboard.set_image(GdkPixbuf.Pixbuf.new_from_file(sys.argv[2]))

    Gtk.main()

elif sys.argv[2] == 'UTF8_STRING':
    sys.stdout.buffer.write((clipboard.wait_for_text() or '').encode())

else:
    image = clipboard.wait_for_image()

    if image is not None:
        sys.stdout.buffer.write(image.save_to_bufferv('png', [], [])[1])
