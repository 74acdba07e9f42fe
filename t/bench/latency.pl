#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Draw -> bytes on the socket, message -> X event and idle CPU at 1080p: one
# table for `make bench`.  Options: --samples N (200), --seconds N of idleness
# (20), --size WxH, --module FILE.

use warnings;
use strict;

use FindBin;
use Getopt::Long;
use Test::More ();

use lib "$FindBin::Bin/../lib";

my %o = (samples => 200, seconds => 20, size => '1920x1080');

GetOptions(\%o, 'samples=i', 'seconds=i', 'size=s', 'module=s')
	or die "usage: $0 [--samples N] [--seconds N] [--size WxH] "
		. "[--module FILE]\n";

$ENV{TEST_SELKIES_MODULE} = $o{module} if $o{module};

require Selkies;
Selkies->import();
require Selkies::WebSocket;
require Selkies::X;

my ($w, $h) = $o{size} =~ /^(\d+)x(\d+)$/ or die "size $o{size}\n";
my $t = Selkies->new(x => $o{size}, workers => 2, timeout => 600);

$t->simple();

my $x = $t->x_client();

$x->tell('card');
$t->run();

###############################################################################

sub idle {
	my ($seconds) = @_;

	my @server = ($t->workers(), $t->pid());
	my @before = map { cpu(@$_) } \@server, [ $t->x_pid() ];

	my $deadline = clock() + $seconds;

	while ((my $left = $deadline - clock()) > 0) {
		Selkies::WebSocket::pump_all($left < 0.1 ? $left : 0.1);
	}

	my @after = map { cpu(@$_) } \@server, [ $t->x_pid() ];

	return map { 100 * ($after[$_] - $before[$_]) / $seconds } 0, 1;
}

sub cpu {
	my $sum = 0;

	$sum += $t->cpu_seconds($_) for @_;

	return $sum;
}

sub quantiles {
	return map { sprintf '%.2f', percentile($_, @_) / 1000 } 50, 95;
}

# "encoded_us" is when the last packet was in the ring, by the clock that the X
# client reads.

sub statistic {
	my ($name) = @_;

	my ($n) = $t->http_get('/api/status') =~ /"$name":(\d+)/;

	return $n;
}

my $drawn = 0;

# A box of 40x40 each 150 ms somewhere else: nothing of the last one is under
# way any more.

sub draw_to_bytes {
	my ($c) = @_;
	my (@us, @encoded);

	# what is there already would be no change
	$drawn++;

	for my $i (1 .. $o{samples}) {
		$c->wait_quiet(0.05, 2);
		$c->forget();

		my $start = $x->draw(64 + $i * 97 % ($w - 128),
			64 + $i * 61 % ($h - 128), 40, 40,
			sprintf '%06x', ($i + $drawn * 1000) * 1234567 & 0xffffff);
		my $f = $c->wait_frame(timeout => 2) or next;

		push @us, $f->{at} * 1e6 - $start;
		push @encoded, statistic('encoded_us') - $start;
	}

	return { bytes => \@us, encoded => \@encoded };
}

sub message_to_event {
	my ($c) = @_;
	my @us;

	for (1 .. $o{samples}) {
		$x->events();

		my $start = monotonic_us();

		$c->send_text('kd,97');
		$x->wait(qr/^key press/, 2) or next;
		push @us, monotonic_us() - $start;
		$c->send_text('ku,97');
		$x->wait(qr/^key release/, 2);
	}

	return @us;
}

my @none = idle($o{seconds} / 2);
my $start = monotonic_us();
my $c = Selkies::WebSocket->controller($t, $w, $h);
my $first = (monotonic_us() - $start) / 1000;

$c->wait_quiet(2, 20);

my @one = idle($o{seconds});
my $stock = draw_to_bytes($c);
my @input = message_to_event($c);

$c->send_text('_ext,{"version":"bench","want":["lite"]}');
$c->wait_quiet(1, 10);

my $lites = statistic('lites');
my $lite = draw_to_bytes($c);

$lites = statistic('lites') - $lites;

$x->tell('scene 60');
$c->{keep} = 0;
$c->run_for(1);

my $n = $c->{nframes};
my $received = $c->{received};
my @moving = idle(5);
my $rate = ($c->{nframes} - $n) / 5;
my $kbytes = ($c->{received} - $received) / 5 / 1000;

$x->tell('still');
$c->close();
$t->shutdown();
$t->cleanup();

###############################################################################

my @rows = (
	[ "draw -> picture encoded, 40x40, p50 / p95", 'ms',
		quantiles(@{ $lite->{encoded} }) ],
	[ "draw -> bytes on the socket, 40x40, p50 / p95", 'ms',
		quantiles(@{ $lite->{bytes} }) ],
	[ "draw -> picture encoded, stock client", 'ms',
		quantiles(@{ $stock->{encoded} }) ],
	[ "draw -> bytes on the socket, stock client", 'ms',
		quantiles(@{ $stock->{bytes} }) ],
	[ 'websocket message -> X event seen, p50 / p95', 'ms',
		quantiles(@input) ],
	[ 'first picture of a fresh socket', 'ms', sprintf('%.0f', $first), '' ],
	[ 'idle, nobody there: nginx / X server', '% core',
		map { sprintf '%.2f', $_ } @none ],
	[ 'idle, one client: nginx / X server', '% core',
		map { sprintf '%.2f', $_ } @one ],
	[ 'a box moving at 60 Hz: nginx / X server', '% core',
		map { sprintf '%.1f', $_ } @moving ],
	[ 'the same: pictures/s / kB/s', '', sprintf('%.1f', $rate),
		sprintf '%.0f', $kbytes ],
);

my $n_seen = @{ $lite->{bytes} };

printf "%s, %d of %d samples, %d of them lite pictures\n", $o{size}, $n_seen,
	$o{samples}, $lites;
printf "%-48s %8s %8s  %s\n", @$_[0, 2, 3, 1] for @rows;

exit($n_seen < $o{samples} * 0.9 || $lites < $n_seen * 0.9);
