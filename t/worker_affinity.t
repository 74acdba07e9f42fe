#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# worker_cpu_affinity pins workers to one processor; our threads must not
# inherit that, and must leave signals to the event loop.

use warnings;
no warnings 'portable';
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', workers => 2);

plan(skip_all => 'one processor only')
	if $t->read_file('/proc/self/status') =~ /^Cpus_allowed_list:\s+\d+$/m;

$t->simple(main => 'worker_cpu_affinity auto;');

my $x = $t->x_client();

$x->tell('card');
$t->run();

my ($all) = $t->read_file('/proc/self/status') =~ /^Cpus_allowed_list:\s+(\S+)/m;
my $c = Selkies::WebSocket->controller($t, 1280, 720);

ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'a picture');

my $owner = $t->owner();

ok($owner, 'an owner');
like($t->read_file("/proc/$owner/status"), qr/^Cpus_allowed_list:\s+\d+$/m,
	'whose event loop is pinned');

my @threads = grep { !m!/$owner$! } glob "/proc/$owner/task/*";

cmp_ok(scalar @threads, '>=', 2, 'threads of ours');

for my $thread (@threads) {
	my $status = $t->read_file("$thread/status");
	my ($name) = $status =~ /^Name:\s+(.*)/m;
	my ($allowed) = $status =~ /^Cpus_allowed_list:\s+(\S+)/m;
	my ($blocked) = $status =~ /^SigBlk:\s+(\S+)/m;

	is($allowed, $all, "$name: all processors");

	# HUP, INT, QUIT, USR1, USR2, PIPE, ALRM, TERM, CHLD, IO
	my $asynchronous = 0;

	$asynchronous |= 1 << $_ - 1 for 1, 2, 3, 10, 12, 13, 14, 15, 17, 29;
	is(hex($blocked) & $asynchronous, $asynchronous, "$name: signals blocked");
}

$c->close();
$t->done();
