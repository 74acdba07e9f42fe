package Selkies::Png;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# PNG images: to lay over a picture, to put on a clipboard, and what is in them.

use strict;
use warnings;

use base qw/ Exporter /;

use Compress::Zlib;

our @EXPORT = qw/ png png_of png_pixels /;

# One of a single colour.

sub png {
	my ($w, $h, @rgba) = @_;

	return png_of($w, $h, pack('C4', @rgba) x ($w * $h));
}

# One of pixels, four bytes each; level 0 does not compress them.

sub png_of {
	my ($w, $h, $pixels, $level) = @_;

	my $chunk = sub {
		my ($type, $data) = @_;

		return pack('N', length $data) . $type . $data
			. pack('N', crc32($type . $data));
	};

	my $rows = join '', map { "\0$_" } unpack '(a' . 4 * $w . ')*', $pixels;

	return "\x89PNG\r\n\x1a\n"
		. $chunk->('IHDR', pack 'NNC5', $w, $h, 8, 6, 0, 0, 0)
		. $chunk->('IDAT', compress($rows, $level // 6))
		. $chunk->('IEND', '');
}

# Width, height and pixels, four bytes each, of one of 8 bits a sample that is
# not interlaced; nothing of what is no such PNG.

sub png_pixels {
	my ($png) = @_;

	my ($w, $h, $depth, $type, $lace) = unpack 'x16NNCCx2C', $png;
	my $n = { 2 => 3, 6 => 4 }->{ $type // 0 } or return;
	my ($pos, $data) = (8, '');

	return if $depth != 8 || $lace || $png !~ /^\x89PNG/;

	while ($pos + 12 <= length $png) {
		my ($len, $name) = unpack "x${pos}Na4", $png;

		$data .= substr $png, $pos + 8, $len if $name eq 'IDAT';
		$pos += 12 + $len;
	}

	my @rows = unpack '(a' . ($n * $w + 1) . ')*', uncompress($data) // '';
	my @above = (0) x ($n * $w);
	my $pixels = '';

	for my $row (@rows) {
		my ($filter, @bytes) = unpack 'C*', $row;

		for my $i (0 .. $#bytes) {
			my $left = $i < $n ? 0 : $bytes[$i - $n];
			my $up = $above[$i];
			my $corner = $i < $n ? 0 : $above[$i - $n];

			$bytes[$i] = ($bytes[$i] + (0, $left, $up, ($left + $up) >> 1,
				paeth($left, $up, $corner))[$filter]) & 255;
		}

		$pixels .= $n == 4 ? pack 'C*', @bytes
			: pack '(a3C)*', map { (pack('C3', @bytes[3 * $_ .. 3 * $_ + 2]),
				255) } 0 .. $w - 1;
		@above = @bytes;
	}

	return ($w, $h, $pixels);
}

sub paeth {
	my ($a, $b, $c) = @_;

	my ($pa, $pb, $pc) = (abs $b - $c, abs $a - $c, abs $a + $b - 2 * $c);

	return $pa <= $pb && $pa <= $pc ? $a : $pb <= $pc ? $b : $c;
}

1;
