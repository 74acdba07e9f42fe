#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A mouse of 100 kHz and a typist of 5000 keys a second: each key arrives, in
# order, the pointer ends where it was last told to, and it costs little.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 90);

$t->simple(location => 'selkies_input_rate 1000000;');

my $x = $t->x_client();

$t->run();

my $c = Selkies::WebSocket->controller($t, 800, 600);
my @workers = $t->workers();

# 1000 motions, 25 keys and 25 clicks among them; masked before, since Perl
# takes longer to mask a message than the server to deal with it

my @batches;

for my $n (0 .. 7) {
	my @messages;

	for my $i (0 .. 999) {
		push @messages, 'm,' . ($i * 7 + $n) % 800 . ',' . $i % 600 . ',0,0';
		next if $i % 20;

		my $key = 97 + ($i / 20 + $n) % 26;

		push @messages, $i % 40 ? ("kd,$key", "ku,$key")
			: ("m,$i,7,1,0", "m,$i,7,0,0");
	}

	push @batches, join '', map { Selkies::WebSocket::frame(1, $_) } @messages;
}

my @want = map { my $n = $_; map { sprintf '%x', 97 + ($_ / 20 + $n) % 26 }
	grep { $_ % 20 == 0 && $_ % 40 } 0 .. 999 } 0 .. 7;

sub presses {
	my ($n) = @_;
	my (@keys, $clicks);

	$clicks = 0;

	while (@keys < $n || $clicks < $n) {
		my $line = $x->wait(qr/^(?:key|button) press/, 5) or last;

		$line =~ /^key press \d+ 0x(\w+)/ ? push @keys, $1 : $clicks++;
	}

	return (\@keys, $clicks);
}

sub cost {
	my $sum = 0;

	$sum += $t->cpu_seconds($_) for @workers;

	return $sum;
}

my ($before, $messages, $wrong) = (cost(), 0, 0);

$x->events();

for my $round (1 .. 20) {
	$c->write_all($_) for @batches;
	$messages += 8 * 1100;

	my ($keys, $clicks) = presses(200);

	next if "@$keys" eq "@want" && $clicks == 200;

	$wrong++;
	diag("round $round: " . @$keys . " keys, $clicks clicks");
}

my $cost = 1e6 * (cost() - $before) / $messages;

is($wrong, 0, 'every key and click arrived, in order');
$c->send_text('m,321,123,0,0');
ok(wait_for(sub { join(',', ($x->pointer())[0, 1]) eq '321,123' }, 3),
	'the pointer is where it was last told to be');
ok(!$x->keys(), 'nothing is held');
note(sprintf '%d messages at %.2f us of processor time each', $messages, $cost);
cmp_ok($cost, '<', 4 * slower(), '100000 a second take less than 40 % of a core');
unlike($t->read_file('logs/error.log'), qr/too slow for its input/,
	'nothing was dropped');

$c->close();
$t->done();
