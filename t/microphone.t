#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A client's microphone: what it sends is recorded from SelkiesVirtualMic, which
# is made when it is first used and goes with its user.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Sound;
use Selkies::WebSocket;

my $t = Selkies->new(x => '320x240', timeout => 120);
my $sound = Selkies::Sound->new($t);
my $server = 'selkies_pulse_server ' . $sound->socket() . ';';

$t->simple(location => $server, server => <<"EOC");
location /mute/ {
    %%SELKIES%%
    $server
    selkies_microphone_enabled off;
}
EOC

$t->run();

my $tool = $t->tool('sound');

sub sources { join ' ', $sound->ctl('list', 'short', 'sources') =~ /^\d+\t(\S+)/gm }

sub has_source { sources() =~ /\bSelkiesVirtualMic\b/ }

# Messages of so many seconds of a tone, or of samples in a file: PCM of 128
# samples, as a stock page sends them, or Opus of 20 ms.

sub pcm {
	my ($hz, $seconds) = @_;

	return pcm_of("$tool tone 24000 1 $hz -12 $seconds");
}

sub opus {
	my ($hz, $seconds) = @_;

	return opus_of("$tool tone 24000 1 $hz -12 $seconds");
}

sub pcm_of {
	my ($command) = @_;

	my $raw = `$command`;

	return map { "\x02$_" } unpack '(a256)*', $raw;
}

sub opus_of {
	my ($command) = @_;

	my $packets = `$command | $tool encode 24000 1 480 32000`;

	return map { "\x02$_" } unpack '(n/a*)*', $packets;
}

# Sends them in time and records meanwhile: [frames, peak, rms, pitch].

sub speak {
	my ($ws, $step, @messages) = @_;

	my $file = $t->dir() . '/recorded';
	my $pid;
	my $start = clock();
	my $n = 0;

	unlink $file;

	for my $message (@messages) {
		$ws->send_frame(2, $message);
		$n++;

		my $ahead = $n * $step - (clock() - $start);

		$ws->run_for($ahead) if $ahead > 0.005;

		$pid = $sound->record('SelkiesVirtualMic', $file)
			if !$pid && has_source();
	}

	$ws->run_for(0.2);
	return () unless $pid;
	$sound->stop($pid);

	my $raw = $t->read_file('recorded');

	# what was before the first sound, and behind the last, does not count
	$raw =~ s/^(?:\0\0)+//;
	$raw =~ s/(?:\0\0)+$//;

	return () if length $raw < 24000;

	return @{ ($sound->level(substr($raw, 4800, -4800), 24000, 1))[0] };
}

sub is_heard {
	my ($name, $hz, $ws, $step, @messages) = @_;

	my @heard;

	for my $try (1 .. 3) {
		@heard = speak($ws, $step, @messages);
		note("$name: @heard");
		last if @heard && abs($heard[3] - $hz) < 10
			&& abs($heard[2] + 15) < 1.5;
	}

	ok(@heard && abs($heard[3] - $hz) < 10, "$name: the pitch");
	ok(@heard && abs($heard[2] + 15) < 1.5, "$name: the level");
}

# It is recorded as it was said.  What a busy machine could not play in time is
# missing: there are three tries.

sub is_understood {
	my ($name, $said, $ws, $step, @messages) = @_;

	my $file = $t->dir() . '/recorded';
	my ($lag, $db, $median, $share) = (0, -200, 0, 0);

	for my $try (1 .. 3) {
		$ws->send_frame(2, $messages[-1]);
		wait_for { has_source() };
		unlink $file;

		my $pid = $sound->record('SelkiesVirtualMic', $file);

		wait_for { -s $file };

		my ($start, $n) = (clock(), 0);

		for my $message (@messages) {
			$ws->send_frame(2, $message);

			my $ahead = ++$n * $step - (clock() - $start);

			$ws->run_for($ahead) if $ahead > 0.005;
		}

		$ws->run_for(0.4);
		$sound->stop($pid);

		($lag, $db, $median, $share) = $sound->match(24000, $said, $file);
		note("$name: after $lag s, $db dB, correlation of the pieces $median, "
			. "$share of them good");
		last if $median > 0.9 && $share > 0.75 && abs($db) < 1;
	}

	cmp_ok($median, '>', 0.8, "$name: what was said");
	cmp_ok($share, '>', 0.5, "$name: most of it, on however busy a machine");
	cmp_ok(abs($db), '<', 1.5, "$name: as loud");
}

###############################################################################
# the stock uplink

ok(!has_source(), 'no virtual source at first');

my $c = Selkies::WebSocket->controller($t, 320, 240);

$c->send_frame(2, "\x02" . "\0" x 256);
ok(wait_for(sub { return has_source() }), 'the first message makes it');
like($sound->ctl('info'), qr/Default Source: SelkiesVirtualMic/,
	'it is the default');
is_heard('PCM', 500, $c, 128 / 24000, pcm(500, 2));

my ($said) = $sound->sentence();

SKIP: {
	skip 'nobody speaks', 3 unless $said;
	is_understood('a sentence, PCM', $said, $c, 128 / 24000,
		pcm_of("cat $said"));
}

# who only watches has none, nor does who may not

my $viewer = Selkies::WebSocket->viewer($t);

$c->close();
ok(wait_for(sub { return !has_source() }), 'it goes with its user');
$viewer->send_frame(2, "\x02" . "\0" x 256) for 1 .. 10;
ok($viewer->round_trip(), 'a viewer may send');
$viewer->run_for(0.3);
ok(!has_source(), 'and nothing comes of it');
$viewer->close();

my $mute = Selkies::WebSocket->new($t, path => '/mute/api/websockets');

$mute->send_text(Selkies::WebSocket::settings(320, 240));
$mute->wait_text(qr/^MODE/);
$mute->send_frame(2, "\x02" . "\0" x 256) for 1 .. 3;
ok($mute->wait_text(qr/^MICROPHONE_DISABLED$/), 'microphone_enabled off: told');
ok($mute->round_trip(), 'and goes on');
is((grep { /^MICROPHONE/ } @{ $mute->{texts} }), 0, 'once');
ok(!has_source(), 'nothing comes of it');
$mute->close();

###############################################################################
# Opus: the newer dialect, and ours

$c = Selkies::WebSocket->new($t, path => '/api/websockets');
$c->send_text(Selkies::WebSocket::settings(320, 240));
ok($c->wait_frame(key => 1), 'dialect 2');
is_heard('Opus', 440, $c, 0.02, opus(440, 2));

SKIP: {
	skip 'nobody speaks', 3 unless $said;
	is_understood('a sentence, Opus', $said, $c, 0.02, opus_of("cat $said"));
}

$c->close();
ok(wait_for(sub { return !has_source() }), 'gone with it');

$c = Selkies::WebSocket->new($t);
$c->send_text('_ext,{"version":"x","want":["opus_mic"]}',
	Selkies::WebSocket::settings(320, 240));
like($c->wait_text(qr/^_ext,/) || '', qr/"opus_mic"/, 'negotiated');
ok($c->wait_frame(key => 1), 'dialect 1');
is_heard('negotiated Opus', 660, $c, 0.02, opus(660, 2));

# nonsense is nothing, and what is too large ends the socket

srand 1;
$c->send_frame(2, "\x02" . join '', map { chr int rand 256 } 1 .. $_ * 7)
	for 1 .. 200;
$c->send_frame(2, "\x02");
ok($c->round_trip(), 'noise for Opus');

# a flood is dropped, not played later

$c->send_frame(2, $_) for opus(300, 4);
ok($c->round_trip(), 'a flood');
is_heard('after noise and a flood', 550, $c, 0.02, opus(550, 2));

# killed and back while it is used

$sound->kill();
ok($c->round_trip(), 'the server of sound is gone');
$c->send_frame(2, "\x02") for 1 .. 10;
$sound->start();
is_heard('after its restart', 700, $c, 0.02, opus(700, 3));

$sound->kill('STOP');
$c->send_frame(2, $_) for opus(700, 1);
ok($c->round_trip(), 'one that hangs holds nobody up');
$c->send_frame(2, "\x02" . "\0" x 9000);
ok($c->wait_close(), 'more than 8 KiB');
is($c->{close}{code}, 1009, 'is too much');
$c->drop();
ok($t->stop('QUIT'), 'nginx stops while it hangs');
$sound->kill('CONT');

$t->done();
