#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# No key stays down: a thousand random sequences, every way to end one.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 120, workers => 2);

$t->simple();

my $x = $t->x_client();

$t->run();

my $c = Selkies::WebSocket->controller($t, 800, 600);
my $seed = $ENV{TEST_SELKIES_SEED} || int rand 1e9;

diag("TEST_SELKIES_SEED=$seed") if $ENV{TEST_SELKIES_SEED};
note("TEST_SELKIES_SEED=$seed");
srand $seed;

# letters, digits, signs, both kinds of accented ones, keys, modifiers, locks,
# symbols no layout has, half a pair, what must not be typed

my @keysyms = ((map { ord } split //, 'aAbBzZ19!@/?~ '), 0xe4, 0xe9, 0xdf,
	0x6c1, 0x1000436, 0x10003b1, 0x10020ac, 0xff08, 0xff0d, 0xff09, 0xff51,
	0xffbe, 0xffc9, 0xff95, 0xffb7, 0xffab, 0x1008ff11, 0xff20, 0xfe51,
	(0xffe1 .. 0xffe4, 0xffe7 .. 0xffee, 0xfe03, 0xff7e) x 2, 0xffe5, 0xff7f,
	(map { 0x1004e00 + $_ } 0 .. 7), 0x101f600, 0x100d83d, 0x100de00, 0xfed5,
	0x1008fe01, 0);

sub one_of { return $_[int rand @_] }

# A few events; keys that go down may stay so.

sub sequence {
	my @messages;

	for (1 .. 3 + int rand 12) {
		my $what = rand;
		my $keysym = one_of(@keysyms);

		push @messages,
			$what < 0.50 ? "kd,$keysym"
			: $what < 0.80 ? "ku,$keysym"
			: $what < 0.85 ? ("kd,$keysym", "ku,$keysym")
			: $what < 0.88 ? 'co,end,' . one_of('text', "A/b\n", '!')
			: $what < 0.90 ? 'kh,' . join ',', map { one_of(@keysyms) } 1 .. 3
			: $what < 0.95 ? sprintf 'm,%d,%d,%d,%d', rand 800, rand 600,
				rand 256, rand 2
			: sprintf 'm2,%d,%d,%d,%d', rand(40) - 20, rand(40) - 20,
				rand 256, rand 3;
	}

	return @messages;
}

sub empty { return !$x->keys() && !(hex(($x->pointer())[2]) & 0x1f00) }

my (%ends, $stuck);

for my $n (1 .. 1000) {
	my $end = one_of(qw/ kr up kr up kr up close drop claim /);
	my @messages = sequence();

	$end = 'kr' if $end =~ /close|drop|claim/ && $n % 10;
	$ends{$end}++;
	$c->send_text(@messages);

	if ($end eq 'kr') {
		$c->send_text('kr');

	} elsif ($end eq 'up') {
		my %down;

		/^kd,(\d+)/ and $down{$1} = 1 for @messages;
		$c->send_text((map { "ku,$_" } sort keys %down), 'm,1,1,0,0');

	} elsif ($end eq 'claim') {
		my $other = Selkies::WebSocket->controller($t, 800, 600);

		$c = $other;

	} else {
		$end eq 'close' ? $c->close() : $c->drop();
		$c = Selkies::WebSocket->controller($t, 800, 600);
	}

	next if wait_for(sub { empty() }, 3);

	$stuck = "sequence $n, $end: keys " . join(' ', $x->keys()) . ', pointer '
		. join(' ', $x->pointer()) . ": @messages";
	last;
}

ok(!$stuck, 'a thousand random sequences leave nothing down') or diag($stuck);
note(join ', ', map { "$ends{$_} $_" } sort keys %ends);

# a client that falls silent, with its connection open, twice

$c->close();
$c = Selkies::WebSocket->controller($t, 800, 600);

for my $time ('once', 'and once more') {
	$c->run_for(0.2);
	ok($c->round_trip(),
		"$time: it acknowledges pictures");
	$c->send_text('kd,119', 'm,50,50,1,0');
	ok(wait_for(sub {
		return $x->keys() && hex(($x->pointer())[2]) & 0x100;
	}, 3), "$time: a key and a button are held");

	my $start = now_ms();

	$c->{auto_ack} = 0;
	$c->{auto_pong} = 0;
	ok(wait_for(sub { empty() }, 6), "$time: silence lets go of them");

	my $ms = now_ms() - $start;

	note(sprintf '%s: after %.0f ms', $time, $ms);
	cmp_ok($ms, '>', 1500, "$time: not for a short one");
	cmp_ok($ms, '<', 2500 * slower(), "$time: after two seconds");
	$c->{auto_ack} = 1;
	$c->{auto_pong} = 1;
}

# the locks are what their keys made of them, and can be undone

$c->send_text('kr');
$x->events();

for my $lock ([ 0xffe5, 2 ], [ 0xff7f, 16 ]) {
	my ($state) = $x->ask('locks', qr/^locks/) =~ /0x(\w+)/;

	$c->send_text("kd,$lock->[0]", "ku,$lock->[0]") if hex($state) & $lock->[1];
}

ok(wait_for(sub { $x->ask('locks', qr/^locks/) =~ /0x0\b/ }, 2),
	'locks can be undone') or diag($x->ask('locks', qr/^locks/));

# and the keyboard is whole

$x->events();
$c->send_text(map { ("kd,$_", "ku,$_") } map { ord } split //, 'The end.');

my @got;

while (@got < 8) {
	my $line = $x->wait(qr/^key press/, 3) or last;

	push @got, chr hex $1 if $line =~ /0x(\w+)/ && hex $1 < 0x100;
}

is(join('', @got), 'The end.', 'the keyboard is whole');

$c->close();
$t->done();
