#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Nothing runs when nobody watches, next to nothing when nothing changes.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

use constant SERVER_MIB => 80;

my $t = Selkies->new(x => '1920x1080', workers => 2, timeout => 120);

# a short grace, so that its end is inside the test
$t->simple(location => 'selkies_idle 2s;');

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub watched {
	my ($seconds) = @_;

	my @workers = $t->workers();
	my %before = map { $_ => $t->wakeups($_) } @workers;
	my $cpu = cpu();

	Selkies::WebSocket::pump_all(0);

	my $deadline = clock() + $seconds;

	# not a single message more than a client sends
	while ((my $left = $deadline - clock()) > 0) {
		Selkies::WebSocket::pump_all($left < 0.05 ? $left : 0.05);
	}

	my $wakeups = 0;

	$wakeups += $t->wakeups($_) - $before{$_} for @workers;

	return ($wakeups, 100 * (cpu() - $cpu) / $seconds);
}

sub cpu {
	my $sum = 0;

	$sum += $t->cpu_seconds($_) for $t->workers(), $t->pid(), $t->x_pid();

	return $sum;
}

###############################################################################
# before the first client

# the harness's own connection ends meanwhile
watched(0.5);

my ($wakeups, $cpu) = watched(3);

is($wakeups, 0, 'no client yet: no wake-up');

###############################################################################
# one viewer, nothing changes

my $c = Selkies::WebSocket->controller($t, 1920, 1080);

ok($c->wait_quiet(2, 20), 'the picture settles');
$c->forget();
($wakeups, $cpu) = watched(10);
note(sprintf 'idle with one client, 1080p: %.2f %% of a core, %.1f wake-ups '
	. 'a second', $cpu, $wakeups / 10);
is(scalar @{ $c->{frames} }, 0, 'no frame');
is(scalar(grep { !/^(?:\{"type":"(?:system|network)_stats)/ }
	@{ $c->{texts} }), 0, 'no message but statistics');

SKIP: {
	skip 'no CPU figures under a sanitizer', 1 if slower() > 1;

	# acknowledgements every 50 ms are in it
	cmp_ok($cpu, '<', 0.5, 'under half a percent of a core');
}

# what the master, its workers and all that they share take together

my $mib = 0;

$mib += $t->pss_bytes($_) / 1024 / 1024 for $t->workers(), $t->pid();
note(sprintf '%.0f MiB with one client, 1080p', $mib);

SKIP: {
	skip 'no memory under a sanitizer', 1 if slower() > 1;

	cmp_ok($mib, '<=', SERVER_MIB, 'the memory of all of it');
}

###############################################################################
# damage with nobody there is not encoded, and wakes nobody

$c->close();
$x->tell('scene 30');

# the grace, after which X is let go and our threads end
ok(wait_for(sub { !grep { !$t->at_rest($_) } $t->workers() }, 8),
	'our threads end after selkies_idle');
($wakeups, $cpu) = watched(3);
is($wakeups, 0, 'no client: no wake-up, though X is busy');

$x->tell('still');
($wakeups) = watched(3);
is($wakeups, 0, 'and X quiet: none');

# a client that pauses itself wakes nobody either

$c = Selkies::WebSocket->controller($t, 1920, 1080);
$c->{auto_ack} = 0;
$c->send_text('STOP_VIDEO');
ok($c->wait_text(qr/^VIDEO_STOPPED/), 'a stopped client');
$x->tell('scene 30');
$c->wait_quiet(0.5, 5);
$c->forget();
($wakeups) = watched(3);
is(scalar @{ $c->{frames} }, 0, 'no frame for it');
cmp_ok($wakeups, '<', 45, 'and no wake-up for each change') or diag($wakeups);
$x->tell('still');
$x->tell('card');

$c->send_text('START_VIDEO');
$c->{auto_ack} = 1;
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }),
	'it wakes up to the present picture');
$c->close();

$t->done();
