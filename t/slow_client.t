#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A reader slower than the stream: what it shows is never old, it is not
# queued for, and when it is fast again it has the full rate.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 200);

$t->simple();

my $x = $t->x_client();

$t->run();

my ($worker) = $t->workers();

###############################################################################
# the load: noise and a bar that says when it was drawn

my $fast = Selkies::WebSocket->controller($t, 1280, 720);

$fast->{keep} = 0;
$x->tell('motion 30 256 128 320 240');
$fast->run_for(1);

my $bytes = $fast->{received};

$fast->run_for(2);

my $rate = ($fast->{received} - $bytes) / 2;

note(sprintf 'the stream has %.1f Mbit/s', $rate * 8 / 1e6);
cmp_ok($rate, '>', 500_000, 'a heavy stream');

###############################################################################

# Reads at a part of the stream's rate for some seconds; the age of each
# picture when it had arrived, in ms.  The first second does not count: before
# it, and while the last pictures were decoded, nothing was read.

sub ages {
	my ($ws, $share, $seconds) = @_;

	my $from = clock() + 1;

	$ws->forget();

	# where nothing is dropped no key comes: decoding starts at the last one
	my @before = @{ $ws->{gop} };

	$ws->read_slowly($rate * $share, $seconds + 1);

	my @frames = (@before, @{ $ws->{frames} });
	my @pictures = Selkies::Picture->decode(\@frames, crop => '256:16:0:0');

	return () unless @pictures == @frames;

	return map {
		my $shown = int($frames[$_]{at} * 1000) & 0xffff;
		($shown - $pictures[$_]->bar()) & 0xffff;
	} grep { $frames[$_]{at} >= $from } @before .. $#pictures;
}

for my $kind (qw/ viewer controller /) {
	my $memory = $t->anonymous_bytes($worker);
	my $slow = $kind eq 'viewer' ? Selkies::WebSocket->viewer($t)
		: Selkies::WebSocket->controller($t, 1280, 720);

	# some seconds to find the rate, then it counts
	ages($slow, 0.4, 3);

	my @ages;

	# the machine may have other work for a moment: twice more, if need be

	for (1 .. 3) {
		@ages = ages($slow, 0.4, 8);

		note(sprintf '%s at 40%% of the rate: %d pictures, age p50 %s, '
			. 'p95 %s, max %s ms', $kind, scalar @ages,
			map { $_ // 'none' } percentile(50, @ages),
			percentile(95, @ages), percentile(100, @ages));

		last if @ages > 8 && percentile(100, @ages) <= 500;
	}

	cmp_ok(scalar @ages, '>', 8, "$kind: pictures come, and all decode");
	cmp_ok(percentile(100, @ages) // 99999, '<=', 500 * slower(),
		"$kind: no older than 500 ms");

	SKIP: {
		skip 'no memory figures under a sanitizer', 1 if slower() > 1;

		my $held = $t->anonymous_bytes($worker) - $memory;

		cmp_ok($held, '<=', 2 << 20, "$kind: holds 2 MiB at most");
	}

	# fast again

	$slow->read_freely();
	$slow->run_for(2);

	for (1 .. 3) {
		$slow->forget();
		$slow->run_for(2);
		last if @{ $slow->{frames} } >= 40 / slower();
	}

	cmp_ok(scalar @{ $slow->{frames} }, '>=', 40 / slower(),
		"$kind: the full rate 2 s after the cap is gone");
	note(scalar @{ $slow->{frames} }, ' pictures in 2 s');
	$kind eq 'viewer' ? $slow->close() : $slow->drop();
}

###############################################################################
# one that never reads again is dropped after 15 s without progress

$x->tell('still');
$fast->drop();
$fast = Selkies::WebSocket->controller($t, 1280, 720);
$fast->{keep} = 0;
$x->tell('motion 30 256 128 320 240');

my $dead = Selkies::WebSocket->viewer($t);

$dead->{auto_pong} = 0;
$dead->pause();

my $start = clock();
my $gone = $fast->wait_until(sub {
	return clock() - $start > 5 && !$t->worker_of($dead);
}, 30);

ok($gone, 'a reader that stopped is dropped');
note(sprintf 'after %.1f s', clock() - $start);
cmp_ok(clock() - $start, '>=', 12, 'not before its time');
cmp_ok(clock() - $start, '<=', 27, 'nor much later');
$dead->drop();
ok($fast->round_trip(), 'the other one lives');
$fast->close();

$t->done();
