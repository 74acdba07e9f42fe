#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# 4:4:4: switched while streaming, announced as a reset, decoded by ffmpeg with
# every pixel its own colour, and back.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

plan(skip_all => 'no ffmpeg') if system('ffmpeg -version >/dev/null 2>&1');

my $t = Selkies->new(x => '1280x720', timeout => 90);

$t->simple(server => '
	location /full/ { %%SELKIES%% selkies_h264_fullcolor on;
		selkies_h264_paintover_crf 5; }');

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub settings { Selkies::WebSocket::settings(640, 480,
	h264_paintover_crf => 5, @_) }

sub profile {
	my ($f) = @_;

	my ($sps) = grep { (ord($_) & 31) == 7 }
		Selkies::Picture->nals($f->{data} || '');

	return $sps ? ord substr $sps, 1, 1 : 0;
}

# The decoded picture's pixels of a row, [r, g, b] each.

sub row {
	my ($c, $y, $n) = @_;

	my $file = $t->dir() . '/full.h264';
	my @frames = @{ $c->{frames} };

	shift @frames while @frames && !$frames[0]{key};
	$t->write_file('full.h264', join '', map { $_->{data} } @frames);

	my $rgb = `ffmpeg -nostdin -v error -f h264 -i $file -f rawvideo \\
		-pix_fmt yuv444p -fps_mode passthrough - 2>/dev/null`;
	my $size = 640 * 480;
	my $start = length($rgb) - 3 * $size;

	return [] if $start < 0;

	return [ map {
		my $at = $start + $y * 640 + $_;
		my ($l, $u, $v) = map { ord substr $rgb, $at + $size * $_, 1 } 0 .. 2;

		$l = ($l - 16) * 255 / 219;
		$_ = ($_ - 128) * 255 / 224 for $u, $v;

		[ map { $_ < 0 ? 0 : $_ > 255 ? 255 : $_ }
			$l + 1.5748 * $v, $l - 0.1873 * $u - 0.4681 * $v,
			$l + 1.8556 * $u ];
	} 0 .. $n - 1 ];
}

sub worst {
	my ($row, @colours) = @_;
	my $worst = @$row ? 0 : 999;

	for my $i (0 .. $#$row) {
		for my $k (0 .. 2) {
			my $d = abs($row->[$i][$k] - $colours[$i % 2][$k]);
			$worst = $d if $d > $worst;
		}
	}

	return $worst;
}

###############################################################################

my $c = Selkies::WebSocket->controller($t, 640, 480);

$c->forget();
$c->send_text('REQUEST_KEYFRAME');
ok($c->wait_until(sub { grep { $_->{key} && profile($_) == 66 }
	@{ $c->{frames} } }, 5), '4:2:0 at first');

$x->draw($_, 300, 1, 40, $_ % 2 ? '0000ff' : 'ff0000') for 0 .. 59;
$c->wait_quiet(0.7, 10);

my $reds = row($c, 310, 60);
my @stripes = ([ 255, 0, 0 ], [ 0, 0, 255 ]);

cmp_ok(worst($reds, @stripes), '>', 50, 'which mixes neighbours');

$c->forget();
$c->send_text(settings(h264_fullcolor => 'true'));

ok($c->wait_until(sub { grep { $_->{key} && profile($_) == 244 }
	@{ $c->{frames} } }, 5), 'a key of High 4:4:4 Predictive');
ok((grep { /^PIPELINE_RESETTING/ } @{ $c->{texts} }), 'after a reset');
$c->wait_quiet(0.7, 10);
shift @{ $c->{frames} } while profile($c->{frames}[0]) != 244;

my $worst = worst(row($c, 310, 60), @stripes);

cmp_ok($worst, '<=', 5, 'stripes of one pixel, red and blue')
	or diag($worst);
$x->draw(100, 300, 1, 40, '00ff00');
$c->wait_quiet(0.7, 10);
$worst = worst([ row($c, 310, 101)->[100] || () ], [ 0, 255, 0 ]);
cmp_ok($worst, '<=', 5, 'a green one, by deltas') or diag($worst);
is(scalar(grep { $_->{key} } @{ $c->{frames} }), 1, 'one key');

# live ones stay live

$c->forget();
$c->send_text(settings(h264_fullcolor => 'true', h264_crf => 30));
$x->draw(200, 300, 20, 40, '00ff00');
ok($c->wait_frame(timeout => 3), 'quality changes');
is(scalar(grep { $_->{key} } @{ $c->{frames} }), 0, 'without a key');

# and back

$c->forget();
$c->send_text(settings());
ok($c->wait_until(sub { grep { $_->{key} && profile($_) == 66 }
	@{ $c->{frames} } }, 5), '4:2:0 again');
$c->close();

# by the operator, for a newer client that says nothing of it

$c = Selkies::WebSocket->new($t, path => '/full/api/websockets');
$c->{auto_ack} = 1;
$c->send_text('SETTINGS,{"displayId":"primary","initialClientWidth":640,'
	. '"initialClientHeight":480}');
ok($c->wait_until(sub { grep { $_->{key} && profile($_) == 244 }
	@{ $c->{frames} } }, 10), 'by the directive');

$c->forget();
$c->send_text('SETTINGS,{"displayId":"primary","video_fullcolor":false}');
ok($c->wait_until(sub { grep { $_->{key} && profile($_) == 66 }
	@{ $c->{frames} } }, 5), 'unless the client does not want it');
is("@{ $c->{errors} }", '', 'no protocol error of the server');
$c->close();

$t->done();
