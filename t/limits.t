#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A hostile peer: lengths it does not mean, messages over the limits, a frame
# that trickles, random bytes.  Another client must not notice, and the worker
# must not grow.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '640x480', timeout => 120);

$t->simple();

my $x = $t->x_client();

$t->run();

my $c = Selkies::WebSocket->controller($t, 640, 480);
my ($worker) = $t->workers();

# the allocator's first touch is no growth

Selkies::WebSocket->new($t)->close() for 1 .. 20;

my $before = $t->anonymous_bytes($worker);

sub closes_with {
	my ($name, $bytes, @codes) = @_;

	my $ws = Selkies::WebSocket->new($t);

	$ws->send_raw($bytes);

	my $close = $ws->wait_close(5);
	my $code = $close ? $close->{code} : 'none';

	ok(scalar(grep { $_ eq $code } @codes), $name)
		or diag("close code $code, want @codes");
	ok($ws->wait_eof(5), "$name: and ends");
	$ws->drop();
}

sub frame { Selkies::WebSocket::frame(@_) }

###############################################################################

closes_with('length 2^63', frame(2, '', length => 2 ** 63), 1002);
closes_with('length 2^64 - 1', "\x82\xff" . "\xff" x 8 . 'mask', 1002);
closes_with('length 2^63 - 1', "\x82\xff\x7f" . "\xff" x 7 . 'mask' . "\x01",
	1009);
closes_with('an unmasked frame', frame(1, 'hello', mask => undef), 1002);
closes_with('a text of 2 MiB', frame(1, 'x' x (2 << 20)), 1009);
closes_with('a text of 2 MiB, its header only',
	substr(frame(1, '', length => 2 << 20), 0, 14), 1009);
closes_with('a text of 64 KiB and one byte', frame(1, 'x' x 65537), 1009);
closes_with('a verb of 64 KiB and one byte', frame(1, 'kd,' . '9' x 65534),
	1009);
closes_with('a clipboard message over 1 MiB',
	frame(1, 'cw,' . 'A' x (1 << 20)), 1009);
closes_with('an upload message over 1 MiB',
	frame(2, "\x01" . 'x' x (1 << 20)), 1009);
closes_with('a microphone message over 8 KiB', frame(2, "\x02" . 'x' x 8192),
	1009);
closes_with('fragments that add up', frame(1, 'x' x 40000, fin => 0)
	. frame(0, 'x' x 40000, fin => 0), 1009);

sub stays_open {
	my ($name, $bytes) = @_;

	my $ws = Selkies::WebSocket->new($t);

	$ws->send_raw($bytes);
	ok($ws->round_trip(5), $name);
	$ws->drop();
}

stays_open('a text of 64 KiB', frame(1, 'x' x 65536));
stays_open('a clipboard message of 1 MiB', frame(1, 'cw,' . 'A' x ((1 << 20)
	- 3)));
stays_open('an upload message of 1 MiB', frame(2, "\x01" . 'x' x ((1 << 20)
	- 1)));
stays_open('a microphone message of 8 KiB', frame(2, "\x02" . 'x' x 8191));
stays_open('binary of an unknown type', frame(2, "\xee" . 'x' x 100));
stays_open('an empty binary', frame(2, ''));
stays_open('JSON nobody asked for', frame(1, 'SETTINGS,' . '[' x 60000));
stays_open('SETTINGS that are no object', frame(1, 'SETTINGS,[1,2]')
	. frame(1, 'SETTINGS,') . frame(1, 'SETTINGS,{"displayId":')
	. frame(1, 'SETTINGS,null') . frame(1, 'SETTINGS'));

###############################################################################
# random bytes, at the codec and before it

srand(2);

for my $n (1 .. 40) {
	my $ws = Selkies::WebSocket->new($t);

	$ws->send_raw(join '', map { chr int rand 256 } 1 .. 1 + int rand 3000);
	$n % 3 ? $ws->drop(reset => $n % 2) : $ws->close();
}

for my $n (1 .. 40) {
	my $ws = Selkies::WebSocket->new($t);

	# well-framed garbage reaches the parser of verbs
	$ws->send_frame($n & 1 ? 2 : 1, join '', map { chr 32 + int rand 95 }
		1 .. 1 + int rand 2000) for 1 .. 20;

	# no SETTINGS: an empty object is a claim, and takes over
	my @verbs = qw/ r kd ku kr m m2 js cw cws cwd cwe cb cbs cbd cbe
		co s p kh _ext _gz cmd CLIENT_FRAME_ACK FILE_UPLOAD_START /;

	$ws->send_text(join ',', $verbs[int rand @verbs], map {
		substr '-999999999999{}[]":,\\x00', int rand 20, int rand 9 }
		1 .. int rand 6) for 1 .. 50;

	ok($ws->round_trip(5), 'well-framed garbage') if $n % 10 == 0;
	$ws->drop();
}

###############################################################################
# the bystander and the worker

$c->forget();
$x->draw(100, 100, 50, 50, 'ffff00');
ok($c->wait_frame(timeout => 2), 'another client gets its frames');
ok($c->round_trip(), 'and its answers');
is(join(' ', $t->workers()), $worker, 'the worker is the same');

SKIP: {
	skip 'no memory figures under a sanitizer', 1 if slower() > 1;

	my $grown = $t->anonymous_bytes($worker) - $before;

	note("the worker grew by $grown bytes");
	cmp_ok($grown, '<', 4 << 20, 'the worker did not grow');
}

###############################################################################
# a frame that trickles: 10 s and 1 s for each 16 KiB (trust.md 4)

my @slow = map { Selkies::WebSocket->new($t) } 1 .. 10;
my $header = frame(1, 'x' x 200);
my $start = clock();

$_->send_raw(substr $header, 0, 3) for @slow;

for my $n (3 .. 60) {
	last unless grep { $_->is_open() } @slow;

	for my $ws (@slow) {
		$ws->send_raw(substr $header, $n, 1) if $ws->is_open();
	}

	$c->run_for(0.5);
	last if clock() - $start > 20;
}

my $took = clock() - $start;

is(scalar(grep { $_->is_open() } @slow), 0, 'trickled frames are reaped');
cmp_ok($took, '>', 8, 'not before 10 s');
cmp_ok($took, '<', 15, 'within 15 s');
note(sprintf 'reaped after %.1f s', $took);
$_->drop() for @slow;

ok($c->round_trip(), 'the client beside them is alive');

###############################################################################
# input floods: 2000 /s, 1008 after 3 s of excess; motion is coalesced

$c->close();
$c = Selkies::WebSocket->controller($t, 640, 480);
$c->send_text(map { "m,$_,$_,0,0" } 1 .. 400);
ok($c->round_trip(), 'a burst of motion is fine');

my $flood = join '', map { frame(1, 'm,' . $_ % 640 . ',5,0,0') } 1 .. 500;

$start = clock();

while ($c->is_open() && clock() - $start < 15) {
	last unless $c->send_raw($flood);
	Selkies::WebSocket::pump_all(0.02);
}

is($c->{close} && $c->{close}{code}, 1008, 'a flood of input: 1008');
cmp_ok(clock() - $start, '>', 2, 'not at once');
$c->drop();

$t->done();
