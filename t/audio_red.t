#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Redundant sound: who has said that it takes it gets copies of the packets
# before with each, others do not; what a slow reader missed it has with the next
# packet that it gets.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::Sound;
use Selkies::WebSocket;

my $t = Selkies->new(x => '320x240', timeout => 120);
my $sound = Selkies::Sound->new($t);
my $server = 'selkies_pulse_server ' . $sound->socket() . ';';

$t->simple(location => "$server selkies_audio_redundancy on;",
	server => <<"EOC");
location /far/ {
    %%SELKIES%%
    $server
    selkies_audio_redundancy on;
    selkies_audio_redundancy_distance 4;
}
location /none/ {
    %%SELKIES%%
    $server
    selkies_audio_redundancy on;
    selkies_audio_redundancy_distance 0;
}
location /off/ {
    %%SELKIES%%
    $server
}
EOC

$t->run();

my $D2 = 'api/websockets';
my $FRAME = 480;

sub settings {
	my (%o) = @_;

	return 'SETTINGS,' . encode_json({ displayId => 'primary',
		initialClientWidth => 320, initialClientHeight => 240, %o });
}

# [copies, time, packet, [time, packet] of each copy], or undef where that does
# not fit.

sub parse {
	my ($data) = @_;

	my ($type, $n) = unpack 'CC', $data;

	return undef if $type != 1 || $n > 4;
	return [ 0, undef, substr $data, 2 ] if $n == 0;
	return undef if length $data < 7 + 4 * $n;

	my ($time, @heads) = unpack 'x2 N' . ' N' x $n, $data;
	my $at = 7 + 4 * $n;
	my @copies;

	for my $head (@heads) {
		my $len = $head & 1023;

		return undef if $at + $len > length $data;
		push @copies, [ ($time - ($head >> 10 & 16383)) & 0xffffffff,
			substr $data, $at, $len ];
		$at += $len;
	}

	return [ $n, $time, substr($data, $at), @copies ];
}

# What comes while a tone is played, without its beginning.

sub messages {
	my ($ws, $seconds) = @_;

	$ws->wait_sound(5);
	$ws->run_for(0.2);
	$ws->{sounds} = [];
	$ws->run_for($seconds || 0.3);

	return map { parse($_->{data}) } @{ $ws->{sounds} };
}

sub counts { my %n; $n{defined $_ ? $_->[0] : 'bad'}++ for @_; join ' ', sort keys %n }

###############################################################################
# dialect 2

my $c = Selkies::WebSocket->new($t, path => "/$D2");

$c->send_text(settings(audioRedundancy => JSON::PP::true,
	audio_bitrate => 320000), 'START_AUDIO');
ok($c->wait_text(qr/^AUDIO_STARTED$/), 'dialect 2: sound');

# the first packet has nothing before it

my $pid = $sound->play(hz => 1000, channels => 1);

$c->wait_sound(5);

my $first = parse($c->{sounds}[0]{data});

is($first && $first->[0], 0, 'the first packet has no copies');

my @got = messages($c, 0.5);

is(counts(@got), '2', 'each has two copies');
cmp_ok(scalar @got, '>', 30, 'there are many');

my (%packet, $torn, $wrong);

$packet{$_->[1]} = $_->[2] for @got;

for my $i (1 .. $#got) {
	my ($n, $time, $data, @copies) = @{ $got[$i] };

	$torn++ if $time - $got[$i - 1][1] != $FRAME;
	$wrong++ if $copies[0][0] != $time - 2 * $FRAME
		|| $copies[1][0] != $time - $FRAME
		|| grep { exists $packet{$_->[0]} && $packet{$_->[0]} ne $_->[1] }
			@copies;
}

is($torn, undef, 'times go on by a frame');
is($wrong, undef, 'copies are the packets before');

my @heard = $sound->heard([ map { { data => "\1\0$_->[2]" } } @got ],
	skip => 0.1);

note("@{ $heard[0] }");
cmp_ok(abs($heard[0][3] - 1000), '<', 5, 'the packets are sound');

# only while it is wanted, by who wants it

my $viewer = Selkies::WebSocket->new($t, path => "/$D2?role=viewer");

$viewer->send_text('START_VIDEO');
is(counts(messages($viewer)), '0', 'a viewer has not said so: none');

$c->send_text(settings(audio_bitrate => 128000));
is(counts(messages($c)), '2', 'a patch that does not name it leaves it');
$c->send_text(settings(audioRedundancy => JSON::PP::false));
is(counts(messages($c)), '0', 'no more of it');

my $older = Selkies::WebSocket->new($t, path => '/websockets');

$older->send_text('START_VIDEO');
is(counts(messages($older)), '0', 'dialect 1 has none');

# negotiated

sub extended {
	my ($path) = @_;

	my $ws = Selkies::WebSocket->new($t, path => $path);

	$ws->send_text('_ext,{"version":"x","want":["red"]}', 'START_VIDEO',
		'START_AUDIO');

	my $answer = $ws->wait_text(qr/^_ext,/) || '_ext,{}';

	return ($ws, grep { $_ eq 'red' } @{ decode_json(substr $answer, 5)->{have} });
}

for my $case ([ '/websockets', 1, '2' ], [ '/far/websockets', 1, '4' ],
	[ '/none/websockets', 0, '0' ], [ '/off/websockets', 0, '0' ])
{
	my ($path, $has, $copies) = @$case;
	my ($ws, @red) = extended($path);

	is(scalar @red, $has, "$path: negotiated, or not");
	is(counts(messages($ws)), $copies, "$copies copies");
	$ws->close();
}

$_->close() for $viewer, $older;

my $deaf = Selkies::WebSocket->new($t, path => "/off/$D2?role=controller");

$deaf->send_text(settings(audioRedundancy => JSON::PP::true), 'START_AUDIO');
is(counts(messages($deaf)), '0', 'off: nobody has it');
$deaf->close();
ok($c->wait_close(), 'whose page was the first');
$sound->stop($pid);

###############################################################################
# what the server skips for a slow reader comes with the next packet

$c = Selkies::WebSocket->new($t, path => "/far/$D2");
$c->send_text(settings(audioRedundancy => JSON::PP::true,
	audio_bitrate => 510000), 'START_AUDIO');
ok($c->wait_text(qr/^AUDIO_STARTED$/), 'a high rate');

my $slow = Selkies::WebSocket->new($t, path => '/far/websockets',
	rcvbuf => 4096);

$slow->send_text('_ext,{"version":"x","want":["red"]}', 'START_AUDIO');
$pid = $sound->play(hz => 440);
ok($slow->wait_sound(5), 'a reader with little room');
$c->{sounds} = [];
$slow->{sounds} = [];
$slow->pause();
$c->run_for(3);
$slow->resume();
$slow->run_for(0.5);
$sound->stop($pid);

my %all = map { $_->[1] => $_->[2] } grep { $_ && $_->[0] }
	map { parse($_->{data}) } @{ $c->{sounds} };
my @some = grep { $_ && $_->[0] } map { parse($_->{data}) }
	@{ $slow->{sounds} };
my ($gaps, $recovered, $expected) = (0, 0, 0);

for my $i (1 .. $#some) {
	my ($n, $time, $data, @copies) = @{ $some[$i] };
	my @missed = grep { $_->[0] > $some[$i - 1][1] } @copies;

	my $lost = ($time - $some[$i - 1][1]) / $FRAME - 1;

	next if $lost == 0;
	$gaps++;
	$expected += $lost < 4 ? $lost : 4;
	$recovered += grep { exists $all{$_->[0]} && $all{$_->[0]} eq $_->[1] }
		@missed;
}

note("$gaps gaps, $recovered packets recovered of what " . keys(%all)
	. ' there were');
cmp_ok($gaps, '>=', 1, 'packets were skipped');
is($recovered, $expected, 'the last four of them came as copies');
is(scalar @{ $slow->{errors} }, 0, 'nothing was torn');

$slow->drop();
$c->close();
$t->done();
