#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The picture has exactly the requested size, made even, from 2x2 to 4K, asked
# for by r and by SETTINGS, and X has it too.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '3840x2160', timeout => 120);

$t->simple(server => 'location /small/ { %%SELKIES%%
	selkies_max_resolution 1600x900; }');

my $x = $t->x_client();

$x->tell('card');
$t->run();

my $c = Selkies::WebSocket->controller($t, 1280, 720);

###############################################################################

sub is_size {
	my ($name, $w, $h) = @_;

	my $f = $c->wait_frame(key => 1, w => $w, h => $h, timeout => 8);

	ok($f, "$name: a key of ${w}x$h") or return;
	ok(wait_for(sub { $x->size() eq "${w}x$h" }, 3), "$name: X has that size")
		or diag($x->size());

	if (my ($nal) = grep { (ord($_) & 31) == 7 }
		Selkies::Picture->nals($f->{data}))
	{
		my $sps = Selkies::Picture->sps($nal);
		is("$sps->{width}x$sps->{height}", "${w}x$h", "$name: in the SPS");
	}

	my $p = $c->wait_picture(sub { $_[0]->width() == $w }, 5);

	ok($p, "$name: decodes");

	if ($w >= 64 && $h >= 64) {
		ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }, 8),
			"$name: shows the card")
			or diag($c->picture()->card_distance());
	}
}

for my $row ([ 800, 600 ], [ 2, 2 ], [ 1279, 799, 1278, 798 ], [ 1, 1, 2, 2 ],
	[ 640, 481, 640, 480 ], [ 3, 1001, 2, 1000 ], [ 1000, 2 ], [ 16, 16 ],
	[ 18, 18 ], [ 1366, 768 ], [ 3840, 2160 ], [ 1918, 1078 ])
{
	my ($w, $h, $want_w, $want_h) = @$row;

	$c->forget();
	$c->send_text("r,${w}x$h,primary");
	is_size("r $w x $h", $want_w || $w, $want_h || $h);
}

# announced before the first picture of that size

$c->forget();
$c->send_text('r,1024x640,primary');
$c->wait_frame(key => 1, w => 1024, h => 640);

my @log = grep { /resolution|^key/ } @{ $c->{log} };

like("@log", qr/"width":1024,"height":640\S* .*key 1024x640/,
	'stream_resolution comes before the picture');

###############################################################################
# refused or without effect

sub no_change {
	my ($name, @messages) = @_;

	$c->wait_quiet(0.7, 5);
	$c->forget();
	$c->send_text(@messages);
	$c->round_trip();
	$c->run_for(0.4);
	is($x->size(), '1024x640', $name);
	is(scalar(grep { $_->{w} != 1024 } @{ $c->{frames} }), 0,
		"$name: same picture");
}

no_change('not positive', 'r,0x0,primary', 'r,-5x100,primary',
	'r,100x0,primary');
no_change('malformed', 'r,', 'r,800', 'r,800x600', 'r,ax600,primary',
	'r,800x600,primary,x', 'r,800x,primary', 'r,99999999999x5,primary');
no_change('another display', 'r,800x600,display2', 'r,800x600,nothing');
no_change('the present size', 'r,1024x640,primary', 'r,1025x641,primary');

my $viewer = Selkies::WebSocket->viewer($t);

$viewer->send_text('r,800x600,primary');
$viewer->round_trip();
no_change('a viewer');
is($viewer->wait_text(qr/stream_resolution/)
	, '{"type":"stream_resolution","width":1024,"height":640}',
	'which knows the size');

# the viewer follows

$c->send_text('r,1280x720,primary');
ok($viewer->wait_text(qr/"width":1280,"height":720/),
	'a viewer is told of a new size');
ok($viewer->wait_frame(key => 1, w => 1280, h => 720), 'and gets it');
$viewer->close();

# a burst: the last one wins

$c->forget();
$c->send_text(map { 'r,' . (600 + 10 * $_) . 'x500,primary' } 1 .. 30);
ok($c->wait_frame(key => 1, w => 900, h => 500, timeout => 8),
	'a burst ends at the last size');
ok(wait_for(sub { $x->size() eq '900x500' }, 5), 'X too');

my %sizes = map {; "$_->{w}x$_->{h}" => 1 } @{ $c->{frames} };

cmp_ok(scalar keys %sizes, '<=', 12, 'and skips most between');

# larger than X can be

$c->forget();
$c->send_text('r,8000x8000,primary');
ok($c->wait_until(sub { grep { $_->{key} && $_->{w} > 900 }
	@{ $c->{frames} } }, 5), 'too large is clamped');
is($x->size(), '3840x2160', 'to what X has');

$c->close();

###############################################################################
# by SETTINGS: the first claim of a socket decides

for my $row ([ 1000, 700 ], [ 1279, 799 ], [ 3840, 2160 ]) {
	my ($w, $h) = @$row;

	$c = Selkies::WebSocket->controller($t, $w, $h);
	is($x->size(), ($w & ~1) . 'x' . ($h & ~1), "SETTINGS $w x $h");
	$c->close();
}

$c = Selkies::WebSocket->controller($t, 1600, 900, path => '/small/websockets');
$c->forget();
$c->send_text('r,2000x500,primary');
ok($c->wait_frame(key => 1, w => 1600, h => 500), 'selkies_max_resolution');

# a manual size of the client

$c->send_text(Selkies::WebSocket::settings(1600, 900,
	is_manual_resolution_mode => 'true', manual_width => 800,
	manual_height => 602));
ok($c->wait_frame(key => 1, w => 800, h => 602), 'manual size');

$c->close();

# two sizes at once, as a page at a fractional pixel ratio asks: the second
# within 150 ms is the one that counts (protocol.md 8.1)

$c = Selkies::WebSocket->controller($t, 1500, 904, nowait => 1);
$c->run_for(0.05);
$c->send_text('r,1500x902,primary');
ok($c->wait_frame(key => 1, w => 1500, h => 902), 'a quick second size');
is(scalar(grep { /^key 1500x904/ } @{ $c->{log} }), 0,
	'the first was never encoded');
$c->close();

# who claims another size is sent no key of the one before, which a viewer
# watches meanwhile

$viewer = Selkies::WebSocket->viewer($t);
$viewer->{keep} = 0;
$x->tell('scene 60');

my @first;

for my $n (1 .. 12) {
	my ($w, $h) = $n % 2 ? (1000, 700) : (1400, 800);

	$c = Selkies::WebSocket->new($t);
	$c->send_text(Selkies::WebSocket::settings($w, $h));

	my $f = $c->wait_frame(timeout => 5) || { w => 0, h => 0 };

	push @first, "$f->{w}x$f->{h} for ${w}x$h"
		if $f->{w} != $w || $f->{h} != $h;
	$c->close();
}

is(join(', ', @first), '', 'the first picture is of the claimed size');
$x->tell('still');
$viewer->close();

$t->done();
