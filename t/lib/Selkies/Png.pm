package Selkies::Png;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# PNG images to lay over a picture.

use strict;
use warnings;

use base qw/ Exporter /;

use Compress::Zlib;

our @EXPORT = qw/ png /;

# One of a single colour.

sub png {
	my ($w, $h, @rgba) = @_;

	my $chunk = sub {
		my ($type, $data) = @_;

		return pack('N', length $data) . $type . $data
			. pack('N', crc32($type . $data));
	};

	return "\x89PNG\r\n\x1a\n"
		. $chunk->('IHDR', pack 'NNC5', $w, $h, 8, 6, 0, 0, 0)
		. $chunk->('IDAT', compress(("\0" . pack('C4', @rgba) x $w) x $h))
		. $chunk->('IEND', '');
}

1;
