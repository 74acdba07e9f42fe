#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Sound of one, six and eight channels: each of the desktop's is heard where
# it belongs.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Sound;
use Selkies::WebSocket;

my $t = Selkies->new(x => '320x240');

my %map = (
	6 => 'front-left,front-right,rear-left,rear-right,front-center,lfe',
	8 => 'front-left,front-right,rear-left,rear-right,front-center,lfe,'
		. 'side-left,side-right',
);

# which channel of the sink is heard in each of the stream's: the order of
# Vorbis

my %order = (
	6 => [0, 4, 1, 2, 3, 5],
	8 => [0, 4, 1, 6, 7, 2, 3, 5],
);

my $sound = Selkies::Sound->new($t, modules => [
	'module-null-sink sink_name=mono rate=48000 channels=1',
	map { "module-null-sink sink_name=surround$_ rate=48000 channels=$_ "
		. "channel_map=$map{$_}" } 6, 8 ]);

for my $channels (6, 8) {
	$t->simple(location => 'selkies_pulse_server ' . $sound->socket() . ';'
		. "selkies_audio_channels $channels;"
		. "selkies_audio_device_name surround$channels.monitor;");
	$t->run();

	my $c = Selkies::WebSocket->controller($t, 320, 240);

	$c->send_text(Selkies::WebSocket::settings(320, 240,
		audio_bitrate => 510000), 'START_AUDIO');
	ok($c->wait_text(qr/^AUDIO_STARTED$/), "$channels channels");

	my ($right, @heard);

	for my $try (1 .. 3) {
		my $pid = $sound->play(sink => "surround$channels", hz => 80,
			channels => $channels, map => $map{$channels});

		$c->wait_sound(5);
		$c->run_for(0.3);
		$c->{sounds} = [];
		$c->run_for(0.5);
		@heard = $sound->heard($c->{sounds}, channels => $channels,
			skip => 0.1);
		$sound->stop($pid);

		$right = 1;

		for my $i (0 .. $channels - 1) {
			my $from = $order{$channels}[$i];
			my $hz = 80 * (1 + $from / 2);

			$right = 0 if abs($heard[$i][3] - $hz) > 3;
			$right = 0 if abs($heard[$i][2] + 15) > 1;
		}

		last if $right;
	}

	note(join ', ', map { "$_->[3] Hz at $_->[2] dB" } @heard);
	ok($right, 'each where it belongs, within 1 dB');
	$c->close();
	ok($t->stop(), 'stopped');
}

# one channel

$t->simple(location => 'selkies_pulse_server ' . $sound->socket() . ';'
	. 'selkies_audio_channels 1; selkies_audio_frame_duration_ms 20;'
	. 'selkies_audio_device_name mono.monitor;');
$t->run();

my $c = Selkies::WebSocket->controller($t, 320, 240);

$c->send_text('START_AUDIO');
ok($c->wait_text(qr/^AUDIO_STARTED$/), 'one channel');

my ($n, @heard);

for my $try (1 .. 3) {
	my $pid = $sound->play(sink => 'mono', hz => 500, channels => 1);

	$c->wait_sound(5);
	$c->{sounds} = [];
	$c->run_for(0.5);
	$n = @{ $c->{sounds} };
	@heard = $sound->heard($c->{sounds}, channels => 1, skip => 0.1);
	$sound->stop($pid);
	last if abs($heard[0][3] - 500) < 3;
}

cmp_ok(abs($heard[0][3] - 500), '<', 3, 'its pitch');
cmp_ok(abs($heard[0][2] + 15), '<', 1, 'its level');
cmp_ok($n, '<=', 30, 'packets of 20 ms');
cmp_ok($n, '>=', 20, 'all of them');
$c->close();

$t->done();
