#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What the settings do to the stream while it runs: the limit on the bit rate,
# streaming mode, key frames by the clock, aligned sizes.  None of the live
# ones causes a key frame.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 120);

$t->simple(server => '
	location /keys/ { %%SELKIES%% selkies_keyframe_interval 1; }
	location /aligned/ { %%SELKIES%%
		selkies_force_aligned_resolution on|locked; }
	location /slow/ { %%SELKIES%% selkies_rate_control_mode cbr;
		selkies_video_bitrate 500; selkies_video_min_qp 30; }');

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub settings { Selkies::WebSocket::settings(640, 480, @_) }

# kbit/s of the pictures of some seconds

sub rate {
	my ($c, $seconds) = @_;

	$c->forget();

	my $start = clock();

	$c->run_for($seconds);

	my $bytes = 0;

	$bytes += length $_->{data} for @{ $c->{frames} };

	return $bytes * 8 / 1000 / (clock() - $start);
}

# A machine that stands still for a moment looks like a slow way, for a moment.

sub rate_above {
	my ($c, $least) = @_;

	my $rate = 0;

	for (1 .. 3) {
		$rate = rate($c, 4);
		last if $rate > $least;
	}

	return $rate;
}

sub keys_in { scalar grep { $_->{key} } @{ $_[0]{frames} } }

###############################################################################
# a limit on the bit rate, changed while running

my $c = Selkies::WebSocket->controller($t, 640, 480);

$x->tell('motion 30 0 0 320 240');

my $free = rate($c, 2);

cmp_ok($free, '>', 6000, 'without a limit it takes what it takes');

my $keys = 0;

for my $mbits (4, 1, 2) {
	$c->forget();
	$c->send_text(settings(rate_control_mode => '"cbr"',
		video_bitrate => $mbits));
	$c->run_for(1.5);
	$keys += keys_in($c);

	my $rate = rate_above($c, $mbits * 800);

	$keys += keys_in($c);
	cmp_ok($rate, '>', $mbits * 800, "$mbits Mbit/s: not less");
	cmp_ok($rate, '<', $mbits * 1200, "$mbits Mbit/s: not more")
		or diag("$rate kbit/s");
}

is($keys, 0, 'no key frame for any of it');
is(scalar(grep { /^PIPELINE_RESETTING/ } @{ $c->{log} }), 0, 'nor a reset');

# a key frame does not throw it off

$c->send_text('REQUEST_KEYFRAME');
$c->wait_until(sub { keys_in($c) }, 3);

my $rate = rate_above($c, 1600);

cmp_ok($rate, '>', 1600, 'after a key frame: not less');
cmp_ok($rate, '<', 2400, 'after a key frame: not more');

# what stands still is refined, within the limit

$x->tell('still');
$x->tell('card');
ok($c->wait_quiet(0.7, 20), 'it settles');
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }, 5),
	'and every colour is right');

$c->forget();
$c->send_text(settings());
$c->round_trip();
$x->tell('motion 30 0 0 320 240');
cmp_ok(rate($c, 2), '>', $free / 2, 'crf again');
is(keys_in($c), 0, 'without a key frame');
$x->tell('still');
$x->tell('card');
$c->wait_quiet(0.7, 10);

###############################################################################
# quality and frame rate, while running

$c->forget();
$c->send_text(settings(h264_paintover_crf => 12));
ok($c->wait_frame(timeout => 3), 'a better refinement comes by itself');
$c->send_text(settings(framerate => 10));
$c->wait_quiet(0.7, 10);
$c->forget();
$x->tell('scene 60');
$c->run_for(3);
$x->tell('still');
cmp_ok(scalar @{ $c->{frames} }, '<=', 33, 'ten pictures a second at most');
cmp_ok(scalar @{ $c->{frames} }, '>=', 15, 'and not much less');
is(keys_in($c), 0, 'no key frame');
$c->wait_quiet(0.7, 10);

###############################################################################
# streaming mode: every tick, on a screen that stands still

$c->forget();
$c->send_text(settings(framerate => 20, h264_streaming_mode => 'true'));
$c->run_for(3);

my $n = @{ $c->{frames} };

cmp_ok($n, '>=', 40, 'streaming mode: a picture each tick') or diag($n);
cmp_ok($n, '<=', 64, 'and no more') or diag($n);
is(keys_in($c), 0, 'no key frame');

my ($big) = sort { $b <=> $a } map { length $_->{data} }
	@{ $c->{frames} }[$n / 2 .. $n - 1];

cmp_ok($big, '<', 100, 'which is small');
$c->send_text(settings(framerate => 20));
$c->round_trip();
ok($c->wait_quiet(1, 5), 'off again');
$c->close();

###############################################################################
# the operator's: a limit from the start, keys by the clock, aligned sizes

$c = Selkies::WebSocket->new($t, path => '/slow/api/websockets');
$c->{auto_ack} = 1;
$c->send_text('SETTINGS,{"displayId":"primary","initialClientWidth":640,'
	. '"initialClientHeight":480}');
$c->wait_frame(key => 1);
$x->tell('motion 30 0 0 160 120');
$c->run_for(2);
$rate = rate($c, 4);
cmp_ok($rate, '>', 400, '500 kbit/s from the directive: not less');
cmp_ok($rate, '<', 600, '500 kbit/s from the directive: not more');
$c->close();
$x->tell('still');

$c = Selkies::WebSocket->new($t, path => '/keys/websockets');
$c->{auto_ack} = 1;
$c->send_text(settings());
$c->wait_frame(key => 1);
$x->tell('scene 20');
$c->forget();
$c->run_for(4.5);
$n = keys_in($c);
cmp_ok($n, '>=', 3, 'a key each second of motion') or diag($n);
cmp_ok($n, '<=', 5, 'and no more') or diag($n);
$x->tell('still');
$c->wait_quiet(1.5, 10);
$c->forget();
$c->run_for(2);
is(keys_in($c), 0, 'none of a screen that stands still');
$c->close();

$c = Selkies::WebSocket->new($t, path => '/aligned/websockets');
$c->{auto_ack} = 1;
$c->send_text(Selkies::WebSocket::settings(1001, 701));

my $f = $c->wait_frame(key => 1, timeout => 10) || {};

is("$f->{w}x$f->{h}", '992x688', 'multiples of 16');
is($x->size(), '992x688', 'of the X screen too');
$c->send_text('r,799x607,primary');
$c->wait_until(sub { grep { $_->{w} == 784 } @{ $c->{frames} } }, 10);
is($x->size(), '784x592', 'after a resize too');
$c->close();

###############################################################################

is("@{ $c->{errors} }", '', 'no protocol error of the server');

$t->done();
