#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Sound of one, six and eight channels: each of the desktop's is heard where
# it belongs; by who plays two, on the side where it is.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

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

sub made {
	my ($body) = $t->http_get('/api/status') =~ /\r\n\r\n(.*)/s;

	return decode_json($body)->{audio}{packets};
}

# Left and right of what is played into one speaker, dBFS; undef: silence.

sub sides {
	my ($ws, $sink, $speaker) = @_;

	my $pid = $sound->play(sink => $sink, hz => 500, channels => 1,
		map => $speaker);

	$ws->wait_sound(5);
	$ws->run_for(0.3);
	$ws->{sounds} = [];
	$ws->run_for(0.4);
	$sound->stop($pid);

	my @levels = map { $_->[2] > -70 ? $_->[2] : undef }
		$sound->heard($ws->{sounds}, channels => 2, skip => 0.1);

	note("$sink, $speaker: ", join ', ', map { defined $_ ? $_ : 'silence' }
		@levels);

	return @levels;
}

sub near {
	my ($level, $expected) = @_;

	return defined $level && defined $expected ? abs($level - $expected) < 1
		: !defined $level && !defined $expected;
}

for my $channels (6, 8) {
	$t->simple(location => 'selkies_pulse_server ' . $sound->socket() . ';'
		. "selkies_audio_channels $channels;"
		. "selkies_audio_device_name surround$channels.monitor;");
	$t->run();

	my $c = Selkies::WebSocket->controller($t, 320, 240);

	# stock pages of its dialect know two channels; this one is none

	$c->send_text('_ext,{"version":"x","want":[]}',
		Selkies::WebSocket::settings(320, 240, audio_bitrate => 510000),
		'START_AUDIO');
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

	# made of two channels, too, while somebody needs it

	my $stock = Selkies::WebSocket->viewer($t);
	my @speakers = ([ 'front-left', -15, undef ], [ 'front-center', -18, -18 ],
		[ 'rear-right', undef, -18 ],
		$channels == 8 ? [ 'side-left', -18, undef ] : ());

	for my $speaker (@speakers) {
		my ($name, @sides) = @$speaker;

		for my $try (1 .. 3) {
			@heard = sides($stock, "surround$channels", $name);
			$right = near($heard[0], $sides[0]) && near($heard[1], $sides[1]);
			last if $right;
		}

		ok($right, "two channels: $name is where it belongs");
	}

	my $pid = $sound->play(sink => "surround$channels", hz => 80,
		channels => $channels, map => $map{$channels});

	# packets made for each that one of them hears

	my $each = sub {
		$stock->wait_sound(5);
		$stock->{sounds} = [];

		my $before = made();

		$stock->run_for(0.5);

		return (made() - $before) / (@{ $stock->{sounds} } || 1);
	};

	my $both = $each->();

	$stock->send_text('_ext,{"version":"x","want":[]}');
	$stock->round_trip();

	my $one = $each->();

	note(sprintf '%.2f packets for both, %.2f for one', $both, $one);
	cmp_ok($both, '>', 1.6, 'two kinds of packets while both are needed');
	cmp_ok($one, '<', 1.4, 'one kind when nobody needs the other');
	$c->send_text('_ext,{"version":"x","want":["stereo"]}');
	ok($c->wait_text(qr/^_ext,.*"stereo"/), 'two channels, negotiated');
	$c->run_for(0.1);
	$c->{sounds} = [];
	$c->run_for(0.4);
	@heard = $sound->heard($c->{sounds}, channels => 2, skip => 0.1);
	ok(@heard == 2 && $heard[0][2] > -16, 'and heard');
	$sound->stop($pid);

	$stock->close();
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
