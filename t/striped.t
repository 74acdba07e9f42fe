#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The encoder "x264enc-striped": a stream a stripe, and switching between the
# encoders while they run.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::Picture;
use Selkies::Rows;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 120);
my ($w, $h, $n) = (640, 474, 8);

$t->simple();

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub settings {
	Selkies::WebSocket::settings($w, $h, encoder => "\"$_[0]\"");
}

my $all = join ' ', map { $_ * 64 } 0 .. $n - 1;

###############################################################################
# the start

my $c = Selkies::Rows->controller($t, $w, $h, nowait => 1,
	settings => { encoder => '"x264enc-striped"' });

ok($c->wait_rows($h, 10), 'a picture comes');

my ($first) = $c->ticks();

is(join(' ', map { $_->{y} } @$first), $all, 'the first one is whole');
is(scalar(grep { !$_->{key} } @$first), 0, 'all are keys');

my @sps = map { Selkies::Picture->sps(
	(grep { (ord($_) & 31) == 7 } Selkies::Picture->nals($_->{data}))[0])
} @$first;

is(join(' ', map { "$_->{width}x$_->{height}" } @sps),
	join(' ', ("${w}x64") x 7, "${w}x26"), 'each with its own SPS');
is(join(' ', map { "$_->{w}x$_->{h}" } @$first),
	join(' ', ("${w}x64") x 7, "${w}x26"), 'and that size in its header');
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }, 8),
	'the colours are right');

ok($c->wait_quiet(1, 10), 'it settles');
$c->forget();
$x->tell('card');
$c->run_for(0.7);
is(scalar @{ $c->{frames} }, 0, 'a repaint is no change');

###############################################################################
# only what changed, as deltas

$x->draw(30, 200, 40, 20, 'ff00ff');
ok($c->wait_pixel(50, 210, 'ff00ff', 3), 'a change comes');
$c->wait_quiet(0.7, 5);
is(join(' ', sort keys %{ { map { $_->{y} => 1 } @{ $c->{frames} } } }), '192',
	'in its stripe alone');
is(scalar(grep { $_->{key} } @{ $c->{frames} }), 0, 'without a key');
is(scalar @{ $c->{frames} }, 2, 'and once more, refined')
	or diag(join ' ', @{ $c->{log} });

###############################################################################
# a request, a viewer

$c->forget();
$c->send_text('REQUEST_KEYFRAME');
ok($c->wait_until(sub { @{ $c->{frames} } >= $n }, 3), 'a request');

my ($tick) = $c->ticks();

is(join(' ', map { $_->{y} } @$tick), $all, 'is answered by all stripes');
is(scalar(grep { !$_->{key} } @$tick), 0, 'with keys');
$c->wait_quiet(0.7, 5);

my $v = Selkies::Rows->viewer($t, nowait => 1);
my $told = $v->wait_text(qr/server_settings/, 5);

is(decode_json($told || '{}')->{settings}{encoder}{value}, 'x264enc-striped',
	'a viewer is told the live encoder');
ok($v->wait_rows($h, 5), 'and joins');
ok($v->wait_pixel(50, 210, 'ff00ff', 3), 'and sees what was there before');

###############################################################################
# a moving picture, decoded

$x->tell('motion 30 0 0 640 474');
$c->run_for(1.5);
$x->tell('still');
$x->draw(100, 300, 60, 60, '20c040');
ok($c->wait_pixel(130, 330, '20c040', 10, 20)
	&& $v->wait_pixel(130, 330, '20c040', 10, 20), 'both follow');
$_->wait_quiet(0.7, 5) for $c, $v;

my ($one, $two) = map { $_->picture() } $c, $v;

is(scalar(grep { $two->distance($_ * 12, $_ * 9, [ $one->rgb($_ * 12, $_ * 9) ]) }
	0 .. 50), 0, 'and see the same');

###############################################################################
# switching

for my $encoder (qw/ jpeg x264enc x264enc-striped jpeg x264enc /) {
	$_->forget() for $c, $v;
	$_->{rows} = {} for $c, $v;
	$c->send_text(settings($encoder));
	ok($c->wait_text(qr/^PIPELINE_RESETTING primary/, 5), "$encoder: a reset");

	# which forgot the rows that came before it
	ok($c->wait_rows($h, 5), "$encoder: then a picture");

	if ($encoder eq 'x264enc') {
		is($c->{rows}{0}[0]{h}, $h, "$encoder: a whole one");
	} else {
		is(join(' ', sort { $a <=> $b } keys %{ $c->{rows} }), $all,
			"$encoder: rows");
		is($c->{rows}{0}[-1]{jpeg} ? 'jpeg' : 'h264',
			$encoder eq 'jpeg' ? 'jpeg' : 'h264', "$encoder: of its kind");
	}

	ok($c->wait_pixel(130, 330, '20c040', 10, 20), "$encoder: the picture");

	my $told = $v->wait_text(qr/server_settings/, 5);

	is(decode_json($told || '{}')->{settings}{encoder}{value}, $encoder,
		"$encoder: a viewer hears of it");
	is(scalar(grep { /server_settings/ } @{ $c->{log} }), 0,
		"$encoder: who asked for it does not");
	like($t->http_get('/api/status'), qr/"encoder":"\Q$encoder\E"/,
		"$encoder: so does the status");
}

is("@{ $c->{errors} }@{ $v->{errors} }", '', 'no protocol errors');
$v->close();
$c->close();

# dialect 2 has names of its own

$c = Selkies::Rows->new($t, path => '/api/websockets');
$c->send_text("SETTINGS,{\"displayId\":\"primary\",\"initialClientWidth\":$w,"
	. "\"initialClientHeight\":$h,\"encoder\":\"h264enc-striped\"}");
ok($c->wait_rows($h, 10), 'h264enc-striped is the same');
is($c->{rows}{64}[0]{jpeg}, undef, 'stripes of H.264');
$c->close();

$t->done();
