#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# SET_NATIVE_CURSOR_RENDERING: the cursor becomes part of the picture, for all
# who watch and with every encoder, follows shape and pointer, and goes when
# it is no longer wanted, without a key and without a reset.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::Rows;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '800x600', timeout => 120);

$t->simple();

my $x = $t->x_client();
my ($on, $off) = map { "SET_NATIVE_CURSOR_RENDERING,$_" } 1, 0;
my ($grey, $red, $blue) = qw/ 404040 e02020 2020e0 /;

# its hot spot is 5,5: it covers 40x30 from 5 before the pointer

$x->tell("sprite 40 30 5 5 $red");
$t->run();

sub shows {
	my ($ws, $px, $py, $colour, $name) = @_;

	return ok($ws->wait_pixel($px, $py, $colour), $name)
		|| diag(join ',', $ws->picture() ? $ws->picture()->rgb($px, $py) : ());
}

my $c = Selkies::WebSocket->controller($t, 640, 480);
my $v = Selkies::WebSocket->viewer($t);

$c->send_text('m,100,100,0,0');
$c->wait_quiet(0.8, 10);
shows($c, 110, 110, $grey, 'no cursor in the picture');
$_->forget() for $c, $v;

$c->send_text($on);
shows($c, 110, 110, $red, 'then it is in it');
shows($c, 97, 97, $red, 'with its hot spot at the pointer');
shows($c, 92, 110, $grey, 'nothing left of it');
shows($c, 110, 128, $grey, 'nothing below it');
shows($v, 110, 110, $red, 'a viewer sees it');

$c->wait_quiet(0.8, 10);
$_->forget() for $c, $v;
$c->send_text('m,300,200,0,0');
shows($c, 310, 210, $red, 'it follows the pointer');
shows($c, 110, 110, $grey, 'and leaves nothing behind');
shows($v, 310, 210, $red, 'a viewer sees that');

my $bytes = 0;

$bytes += $_->{bytes} for @{ $c->{frames} };
cmp_ok($bytes, '<', 6000, 'at the cost of what changed');

$c->send_text('m2,-20,10,0,0') for 1 .. 5;
shows($c, 210, 260, $red, 'relative motion, too');

$x->tell("sprite 20 20 0 0 $blue");
shows($c, 210, 260, $blue, 'another shape');
shows($c, 196, 246, $grey, 'and no more of the old one');
$x->tell('cursor -1');
shows($c, 210, 260, $grey, 'a program hides it');
$x->tell("sprite 120 90 60 45 $red");
shows($c, 210, 260, $red, 'a large one');

# as fast as an animated one

$x->tell("sprite 120 90 60 45 $_") for map { sprintf '%02x8000', $_ } 1 .. 60;
$x->tell("sprite 120 90 60 45 $blue");
shows($c, 210, 260, $blue, 'the last of many');

$c->send_text('m,0,0,0,0');
shows($c, 2, 2, $blue, 'cut at the upper left');
shows($c, 58, 43, $blue, 'to where it ends');
shows($c, 64, 20, $grey, 'and no further');
$c->send_text('m,639,479,0,0');
shows($c, 637, 477, $blue, 'cut at the lower right');
shows($c, 2, 2, $grey, 'gone from the other corner');

# a program that puts the pointer elsewhere is seen with what it draws

$x->tell('warp 320 240');
$x->draw(0, 400, 20, 20, '00ff00');
shows($c, 320, 240, $blue, 'put elsewhere by a program');

$c->wait_quiet(0.8, 10);
$_->forget() for $c, $v;
$c->send_text($off);
shows($c, 320, 240, $grey, 'gone when it is no longer wanted');
shows($v, 320, 240, $grey, 'for a viewer as well');
$c->send_text($on);
shows($v, 320, 240, $blue, 'and back');
$c->send_text($off, $on);
$c->round_trip();
shows($c, 320, 240, $blue, 'switched to and fro');

is(scalar(grep { $_->{key} } @{ $c->{frames} }), 0, 'without a key');
is(scalar(grep { /RESETTING/ } @{ $c->{texts} }, @{ $v->{texts} }), 0,
	'without a reset');

$c->send_text('r,800x600,primary');
ok($c->wait_frame(key => 1, w => 800, h => 600), 'another size');
shows($c, 320, 240, $blue, 'it is in that picture, too');
shows($c, 700, 500, $grey, 'and nothing else');

###############################################################################
# who wants it no longer controls

$v->send_text($off);
$v->round_trip();
$c->send_text('m,500,300,0,0');
shows($c, 500, 300, $blue, 'a viewer cannot take it away');

my $other = Selkies::WebSocket->controller($t, 800, 600);

shows($other, 500, 300, $grey, 'another page has not asked for it');
$other->send_text($on);
shows($other, 500, 300, $blue, 'until it does');
shows($v, 500, 300, $blue, 'as a viewer sees');
$other->close();
shows($v, 500, 300, $grey, 'with its page it goes');
$v->send_text($on);
$v->round_trip();
$x->draw(0, 0, 40, 40, $red);
shows($v, 20, 20, $red, 'a viewer');
shows($v, 500, 300, $grey, 'does not get it');
$_->close() for $c, $v;

###############################################################################
# before the claim, as a page does it, and all other ways of encoding

$x->draw(0, 0, 800, 600, $grey);

for my $o (
	[ 'lite pictures', 'WebSocket' ],
	[ '4:4:4', 'WebSocket', h264_fullcolor => 'true' ],
	[ 'JPEG', 'Rows', encoder => '"jpeg"' ],
	[ 'stripes', 'Rows', encoder => '"x264enc-striped"' ],
) {
	my ($name, $class, %settings) = @$o;

	$c = "Selkies::$class"->new($t);
	$c->{auto_ack} = 1;
	$c->send_text('_ext,{"version":"x","want":["lite"]}', $on,
		Selkies::WebSocket::settings(800, 600, %settings),
		'm,400,300,0,0');
	$c->wait_rows(600, 10) if $class eq 'Rows';
	shows($c, 400, 300, $blue, "$name: it is there from the start");
	$c->wait_quiet(0.8, 10);
	$c->send_text('m,200,150,0,0');
	shows($c, 200, 150, $blue, "$name: it moves");
	shows($c, 400, 300, $grey, "$name: away from where it was");
	$c->send_text($off);
	shows($c, 200, 150, $grey, "$name: and it goes");
	$c->close();
}

$t->done();
