#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The desktop's sound, of a real PulseAudio server: what is played is heard,
# quiet is not sent, each client has a subscription of its own, and a server
# that hangs, dies and comes back is a state.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::Sound;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '640x480', workers => 2, timeout => 120);
my $sound = Selkies::Sound->new($t);
my $server = 'selkies_pulse_server unix:' . $sound->socket() . ';';

$t->simple(http => 'selkies_idle 1s;', location => $server, server => <<"EOC");
location /mute/ {
    %%SELKIES%%
    $server
    selkies_audio_enabled off;
}
location /closed/ {
    %%SELKIES%%
    $server
    selkies_enable_sharing off;
}
EOC

$t->run();

my $x = $t->x_client();

sub status {
	my ($body) = $t->http_get('/api/status') =~ /\r\n\r\n(.*)/s;

	return decode_json($body)->{audio};
}

# Packets that come within a while, those already here forgotten.

sub packets {
	my ($ws, $seconds) = @_;

	$ws->{sounds} = [];
	$ws->run_for($seconds);

	return @{ $ws->{sounds} };
}

###############################################################################
# nobody listens: no connection to the server

unlike($sound->ctl('list', 'clients'), qr/"selkies"/, 'no client yet');
is(status()->{state}, 'off', 'status: off');

# who controls the display is subscribed

my $c = Selkies::WebSocket->controller($t, 640, 480);

$c->send_text('START_AUDIO');
ok($c->wait_text(qr/^AUDIO_STARTED$/), 'AUDIO_STARTED, when it runs');
is(status()->{state}, 'ready', 'status: ready');
is(status()->{listeners}, 1, 'status: one listens');

# where nobody may watch, nobody but the controller hears

my $guest = Selkies::WebSocket->new($t, path => '/closed/websockets');

$guest->send_text('START_AUDIO');
ok($guest->wait_text(qr/^AUDIO_STOPPED$/), 'no sharing: no sound for others');
is(status()->{listeners}, 1, 'nobody more listens');
$guest->close();

like($sound->ctl('list', 'clients'), qr/application.name = "selkies"/,
	'a client of the server');

my @packets = packets($c, 0.5);

is(scalar @packets, 0, 'silence sends nothing');

@packets = $sound->is_heard($c);
cmp_ok(@packets, '>=', 40, 'packets of 10 ms');
cmp_ok(@packets, '<=', 60, 'and no more');
is((grep { substr($_->{data}, 0, 2) ne "\x01\x00" } @packets), 0,
	'each 01 00 and Opus');

packets($c, 0.3);
@packets = packets($c, 0.5);
is(scalar @packets, 0, 'silence after it sends nothing');
is((grep { substr($_->{data}, 0, 2) eq "\x01\x80" } @{ $c->{sounds} }), 0,
	'and no mark of the end, which an older client would decode');

# it costs nothing either: nothing is recorded until a program plays, which is
# heard from its beginning

sub rests {
	return wait_for(sub {
		return $sound->ctl('list', 'source-outputs') =~ /Corked: yes/;
	});
}

for my $latency (200, 20) {
	my ($heard, $after);

	for my $try (1 .. 3) {
		ok(rests(), 'silence rests');
		is(status()->{state}, 'ready', 'and is no other state');
		$c->{sounds} = [];

		my $begun = clock();
		my $pid = $sound->play(hz => 1000, channels => 1, seconds => 0.5,
			latency => $latency);

		$c->wait_sound(5);
		$after = clock() - $begun;
		$c->run_for(0.8);
		$sound->stop($pid);

		my ($frames, $peak, $rms) =
			@{ ($sound->heard($c->{sounds}))[0] || [0, -200, -200] };

		$heard = $frames / 48000 * 10 ** (($rms + 15.05) / 10);
		note(sprintf 'latency %d ms: first packet after %.0f ms, %.3f of 0.5 s '
			. 'heard', $latency, 1000 * $after, $heard);
		last if $heard > 0.47;
	}

	cmp_ok($heard, '>', 0.47, 'the first sound is whole');
}

# full scale does not wrap

$sound->is_heard($c, hz => 997, db => 0, name => 'full scale');

###############################################################################
# subscriptions

my $viewer = Selkies::WebSocket->viewer($t);
my $newer = Selkies::WebSocket->new($t, path => '/api/websockets?role=viewer');

$newer->send_text('START_VIDEO');
ok($newer->wait_text(qr/^MODE/), 'a viewer of the other dialect');
ok(wait_for(sub { status()->{listeners} == 3 }), 'three listen');

my $pid = $sound->play(hz => 500);

ok($_->wait_sound(5), 'heard') for $c, $viewer, $newer;

$c->send_text('STOP_AUDIO');
ok($c->wait_text(qr/^AUDIO_STOPPED$/), 'AUDIO_STOPPED');
@packets = packets($c, 0.3);
is(scalar @packets, 0, 'who stopped it hears nothing');
ok($viewer->wait_sound(), 'others hear on');

$viewer->send_text('STOP_AUDIO');
ok($viewer->wait_text(qr/^AUDIO_STOPPED$/), 'a viewer stops its own');
$c->send_text('START_AUDIO');
ok($c->wait_text(qr/^AUDIO_STARTED$/), 'started again');
ok($c->wait_sound(), 'heard again');
is(status()->{listeners}, 2, 'two listen');

# the end of the sound has a mark in the newer dialect

$newer->{sounds} = [];
$sound->stop($pid);
$newer->run_for(0.5);
is(substr($newer->{sounds}[-1]{data}, 0), "\x01\x80", 'dialect 2: the end');
is((grep { length $_->{data} == 2 } @{ $newer->{sounds} }), 1, 'said once');

# nobody listens: corked at once, later let go of

$_->send_text('STOP_AUDIO') for $c, $newer;

ok(wait_for(sub {
	$sound->ctl('list', 'source-outputs') =~ /Corked: yes/
}), 'nobody listens: the recording is corked');
is($c->round_trip(), 1, 'the socket works');
ok(wait_for(sub {
	$sound->ctl('list', 'clients') !~ /"selkies"/
}, 4), 'and the server let go of');
ok(wait_for(sub { status()->{state} eq 'off' }), 'status: off');

$_->close() for $viewer, $newer;

###############################################################################
# the rate is live

$c->send_text('START_AUDIO');
ok($c->wait_text(qr/^AUDIO_STARTED$/), 'started once more');
$pid = $sound->play(hz => 440);
$c->wait_sound();

my %bytes;

for my $rate (510000, 64000) {
	$c->send_text(Selkies::WebSocket::settings(640, 480,
		audio_bitrate => $rate));
	$c->round_trip();
	ok(wait_for(sub { status()->{bitrate} == $rate }), "$rate bit/s wanted");
	packets($c, 0.1);
	$bytes{$rate} += length $_->{data} for packets($c, 0.7);
	note(sprintf '%d bit/s wanted: %.0f', $rate, $bytes{$rate} * 8 / 0.7);
}

cmp_ok($bytes{64000} * 8 / 0.7, '<', 90000, 'the low rate is low');
cmp_ok($bytes{510000}, '>', 2 * $bytes{64000}, 'the high one higher');

$sound->stop($pid);

###############################################################################
# a reader that stands still: what it gets afterwards is new

my $slow = Selkies::WebSocket->new($t, rcvbuf => 4096);

$slow->send_text('START_AUDIO');
ok($slow->wait_text(qr/^AUDIO_STARTED$/), 'a reader with little room');
$c->send_text(Selkies::WebSocket::settings(640, 480, audio_bitrate => 510000));
ok(wait_for(sub { status()->{bitrate} == 510000 }), 'a high rate');

$pid = $sound->play(hz => 440);
ok($slow->wait_sound(), 'it hears');
$slow->pause();
packets($c, 3);

my $missed = @{ $c->{sounds} };

$slow->{sounds} = [];
$slow->resume();
$slow->run_for(0.3);

my $got = @{ $slow->{sounds} };

note("of $missed packets that it did not read $got came afterwards, with what"
	. ' was new');
cmp_ok($got, '<', 0.6 * $missed, 'old sound is skipped');
ok($slow->wait_sound(), 'it hears on');
is(scalar @{ $slow->{errors} }, 0, 'nothing was torn');

$sound->stop($pid);
$slow->drop();

###############################################################################
# who may not have it is told so

my $mute = Selkies::WebSocket->new($t, path => '/mute/websockets');

$mute->send_text('START_AUDIO');
ok($mute->wait_text(qr/^AUDIO_STOPPED$/), 'audio_enabled off: dialect 1');
$mute->close();

$mute = Selkies::WebSocket->new($t, path => '/mute/api/websockets');
$mute->send_text('START_AUDIO');
ok($mute->wait_text(qr/^AUDIO_DISABLED$/), 'audio_enabled off: dialect 2');
$mute->close();

###############################################################################
# kill -9, five times; the picture goes on, as many of it as before, and none is
# missing between two others

my (@gaps, @usual, @back, @missing, @share);

for my $round (1 .. 5) {
	$c->forget();
	$x->tell('motion 60 0 0 256 64');
	$c->wait_frame();

	my ($last, $gap, $id, $missing, $n) = (clock(), 0, undef, 0, 0);
	my $watch = sub {
		for (splice @{ $c->{frames} }) {
			$gap = $_->{at} - $last if $_->{at} - $last > $gap;
			$last = $_->{at};
			$missing += ($_->{id} - $id - 1) % 65536 if defined $id;
			$id = $_->{id};
			$n++;
		}

		return 0;
	};

	# the same time without and with

	$c->wait_until($watch, 0.5 / slower());

	my $before = $n;

	push @usual, $gap;
	($gap, $missing, $n) = (0, 0, 0);

	my $killed = clock();

	$sound->kill();
	$c->wait_until($watch, (0.5 - (clock() - $killed)) / slower());
	push @gaps, $gap;
	push @missing, $missing;
	push @share, $n / ($before || 1);
	note("round $round: $before pictures in 0.5 s, $n with the kill, $missing "
		. 'missing');

	$c->wait_until(sub { $watch->(); grep /^AUDIO_STOPPED$/, @{ $c->{texts} } },
		3);
	ok((grep { /^AUDIO_STOPPED$/ } @{ $c->{texts} }), "round $round: told");
	is(status()->{state}, 'no_server', "round $round: status")
		if $round == 1;
	$c->wait_until($watch, 0.2 * $round);
	$x->tell('still');

	$sound->start();

	my $up = clock();

	$pid = $sound->play(hz => 600);
	$c->{sounds} = [];
	ok($c->wait_sound(3), "round $round: sound is back");
	push @back, 1000 * ($c->{sounds}[0] ? $c->{sounds}[0]{at} - $up : 99);
	ok($c->wait_text(qr/^AUDIO_STARTED$/), "round $round: told");
	$sound->stop($pid);
}

note(sprintf 'kill -9 of PulseAudio: video gap p50 %.0f ms; sound back '
	. 'p50 %.0f, max %.0f ms', 1000 * percentile(50, @gaps),
	percentile(50, @back), percentile(100, @back));
cmp_ok(percentile(50, @gaps), '<',
	0.1 * slower() + percentile(50, @usual), 'no gap in the video');
is(percentile(50, @missing), 0, 'it costs no picture');
cmp_ok(percentile(50, @share), '>', 0.75, 'they go on at their pace');
cmp_ok(percentile(100, @back), '<', 2000 * slower(), 'sound within 2 s');

# one that hangs holds nobody up, not even a reload

$sound->kill('STOP');
ok($c->round_trip(), 'a stopped server holds nobody up');
$c->forget();
$x->draw(10, 10, 40, 40, 'abcdef');
ok($c->wait_pixel(30, 30, 'abcdef', 3), 'the picture goes on');
my $begun = clock();

ok($t->reload(), 'a reload');
ok($c->wait_close(), 'ends the session');
ok($t->reloaded(), 'and the workers');
cmp_ok(clock() - $begun, '<', 3 * slower(), 'in time');
$c->drop();
$sound->kill('CONT');

# the new ones are heard, a sink that comes later, too

$c = Selkies::WebSocket->controller($t, 640, 480);
$sound->is_heard($c, hz => 800, name => 'after the reload');

$sound->ctl('unload-module', 'module-null-sink');
$c->send_text('START_AUDIO');
ok(wait_for(sub { status()->{state} eq 'no_source' }), 'no sink at all');
ok($c->round_trip(), 'is a state');
$sound->ctl('load-module', 'module-null-sink', 'sink_name=other', 'rate=48000');
$sound->ctl('set-default-sink', 'other');
ok(wait_for(sub { status()->{state} eq 'ready' }), 'the default sink instead');
$sound->is_heard($c, hz => 700, sink => 'other', name => 'another sink');
$sound->ctl('load-module', 'module-null-sink', 'sink_name=output',
	'rate=48000');
ok(wait_for(sub {
	my ($index) = $sound->ctl('list', 'short', 'sources')
		=~ /^(\d+)\toutput\.monitor\t/m;

	return defined $index
		&& $sound->ctl('list', 'source-outputs') =~ /^\s*Source: $index$/m;
}), 'the one that is named, once it is there');
$sound->is_heard($c, hz => 900, name => 'the named sink');

# QUIT while it hangs ends in time

$sound->kill('STOP');
ok($t->stop('QUIT'), 'nginx stops while it does not answer');
$sound->kill('CONT');
$c->drop();

$t->done();
