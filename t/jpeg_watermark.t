#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A watermark cannot be got rid of by asking for JPEG, whose rows are read
# from the captured pixels.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Png;
use Selkies::Rows;
use Selkies::X;

my $t = Selkies->new(x => '640x480');

$t->write_file('half.png', png(101, 81, 255, 0, 0, 128));
$t->simple(location => "selkies_watermark half.png top_right;");

my $x = $t->x_client();

$x->draw(0, 0, 640, 480, '00ff00');
$t->run();

for my $encoder (qw/ jpeg x264enc-striped /) {
	$x->draw(0, 0, 640, 480, '00ff00');

	my $c = Selkies::Rows->controller($t, 640, 480, nowait => 1,
		settings => { encoder => "\"$encoder\"" });

	ok($c->wait_rows(480, 10), "$encoder: a picture");

	# 640 - 101 - 16 and 16: over the edge of two rows
	ok($c->wait_pixel(560, 40, '807f00', 8), "$encoder: half of it");
	ok($c->wait_pixel(560, 80, '807f00', 8), "$encoder: in the next row too");
	ok($c->wait_pixel(560, 110, '00ff00', 8), "$encoder: nothing below it");
	ok($c->wait_pixel(500, 40, '00ff00', 8), "$encoder: nor beside it");

	$x->draw(540, 30, 40, 20, '0000ff');
	ok($c->wait_pixel(560, 40, '80007f', 8), "$encoder: over what changes");
	$c->close();
}

$t->done();
