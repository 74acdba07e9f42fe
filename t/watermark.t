#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# selkies_watermark: the image over the picture, what it leaves alone, one that
# moves, and files that are none.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::Png;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '800x600');

$t->write_file('half.png', png(101, 51, 255, 0, 0, 128));
$t->write_file('full.png', png(64, 64, 0, 0, 255, 255));
$t->write_file('not.png', 'GIF89a, not this one');

for my $bad (
	[ 'selkies_watermark nowhere.png;', qr/watermark ".*nowhere.png": No such/ ],
	[ 'selkies_watermark not.png;', qr/watermark ".*not.png": Not a PNG/ ],
	[ 'selkies_watermark half.png middle;', qr/invalid place "middle"/ ],
	[ 'selkies_watermark half.png 7;', qr/invalid place "7"/ ],
	[ 'selkies_watermark half.png; selkies_watermark off;', qr/duplicate/ ],
) {
	$t->simple(location => $bad->[0]);
	like($t->test_conf(), $bad->[1], $bad->[0]);
}

# two locations of one display

for my $two ([ 'half.png 2', 1 ], [ 'half.png 1', 0 ], [ 'full.png 2', 0 ]) {
	$t->simple(location => 'selkies_watermark half.png top_right;',
		server => "location /two/ { %%SELKIES%% selkies_watermark $two->[0]; }");

	my ($ok, $words) = $t->test_conf();

	is($ok ? 1 : 0, $two->[1], "and $two->[0] for the same display");
	like($words, qr/must be the same/, 'which is said') unless $two->[1];
}

$t->simple(location => 'selkies_watermark half.png top_right;');

my $x = $t->x_client();

$t->run();

my $c = Selkies::WebSocket->controller($t, 640, 480);

$x->draw(0, 0, 640, 480, '00ff00');

# 640 - 101 - 16 and 16

ok($c->wait_pixel(560, 40, '807f00'), 'half of it, half of the screen');
ok($c->wait_pixel(500, 40, '00ff00'), 'nothing beside it');
ok($c->wait_pixel(635, 5, '00ff00'), 'nor at the edge');

$x->draw(540, 20, 40, 30, 'ffffff');
ok($c->wait_pixel(560, 35, 'ff7f7f'), 'it stays over what is drawn there');
ok($c->wait_pixel(600, 40, '807f00'), 'and where nothing is');
$c->wait_quiet(0.6, 10);
$c->forget();
$x->draw(540, 20, 40, 30, 'ffffff');
$c->run_for(0.5);
is(scalar @{ $c->{frames} }, 0, 'the same drawn again is no change');

$c->send_text('r,800x600,primary');
ok($c->wait_frame(key => 1, w => 800, h => 600), 'another size');
$x->draw(0, 0, 800, 600, '00ff00');
ok($c->wait_pixel(720, 40, '807f00'), 'it is in that corner');
$c->close();

###############################################################################

$t->simple(location => 'selkies_watermark full.png moving;');
$t->stop();
$t->run();
$c = Selkies::WebSocket->controller($t, 640, 480);
$x->draw(0, 0, 640, 480, '00ff00');
ok($c->wait_pixel(200, 200, '0000ff', 10), 'one that moves comes along');
ok($c->wait_pixel(200, 200, '00ff00', 10), 'and leaves nothing behind');
$c->close();

$t->done();
