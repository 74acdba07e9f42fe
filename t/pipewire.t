#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# PipeWire's pipewire-pulse in the place of PulseAudio: what is played is heard,
# what is said is recorded, and it is killed and comes back.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::PipeWire;
use Selkies::WebSocket;

plan(skip_all => 'not here: ' . Selkies::PipeWire->missing())
	if Selkies::PipeWire->missing();

my $t = Selkies->new(x => '320x240', timeout => 120);
my $sound = Selkies::PipeWire->new($t);

$t->simple(location => 'selkies_pulse_server ' . $sound->socket() . ';');
$t->run();

my $tool = $t->tool('sound');

sub status {
	my ($body) = $t->http_get('/api/status') =~ /\r\n\r\n(.*)/s;

	return decode_json($body)->{audio};
}

my $c = Selkies::WebSocket->controller($t, 320, 240);

$c->send_text('START_AUDIO');
ok($c->wait_text(qr/^AUDIO_STARTED$/), 'sound runs');
$sound->is_heard($c);

$c->{sounds} = [];
$c->run_for(0.5);
$c->{sounds} = [];
$c->run_for(0.5);
is(scalar @{ $c->{sounds} }, 0, 'silence sends nothing');

# the microphone

sub has_source {
	return $sound->ctl('list', 'short', 'sources') =~ /\bSelkiesVirtualMic\b/;
}

ok(!has_source(), 'no virtual source at first');
$c->send_frame(2, "\x02" . "\0" x 256);
ok(wait_for(sub { return has_source() }), 'the first message makes it');

my @said = map { "\x02$_" } unpack '(a256)*', `$tool tone 24000 1 500 -12 2`;
my @heard;

for my $try (1 .. 3) {
	my $file = $t->dir() . '/recorded';
	my $pid = $sound->record('SelkiesVirtualMic', $file);
	my ($start, $n) = (clock(), 0);

	for my $message (@said) {
		$c->send_frame(2, $message);

		my $ahead = ++$n * 128 / 24000 - (clock() - $start);

		$c->run_for($ahead) if $ahead > 0.005;
	}

	$c->run_for(0.2);
	$sound->stop($pid);

	my $raw = $t->read_file('recorded');

	$raw =~ s/^(?:\0\0)+//;
	$raw =~ s/(?:\0\0)+$//;
	next if length $raw < 24000;
	@heard = @{ ($sound->level(substr($raw, 4800, -4800), 24000, 1))[0] };
	note("microphone: @heard");
	last if abs($heard[3] - 500) < 10 && abs($heard[2] + 15) < 1.5;
}

ok(@heard && abs($heard[3] - 500) < 10, 'microphone: the pitch');
ok(@heard && abs($heard[2] + 15) < 1.5, 'microphone: the level');

# killed, and back

$sound->kill();
ok($c->wait_text(qr/^AUDIO_STOPPED$/, 5), 'told that it died');
is(status()->{state}, 'no_server', 'status: no server');
$sound->start();
ok($c->wait_text(qr/^AUDIO_STARTED$/, 5), 'and that it is back');
$sound->is_heard($c, hz => 800, name => 'after its restart');

$c->close();
$t->done();
