#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The ends of nginx: QUIT with clients of all kinds, TERM, and a worker told
# to leave; nothing hangs, clients get their close frame, X its keys back.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', workers => 2, timeout => 90);

$t->simple();

my $x = $t->x_client();

for my $signal (qw/ QUIT TERM /) {
	$t->run();

	my $c = Selkies::WebSocket->controller($t, 1280, 720);
	my @v = map { Selkies::WebSocket->viewer($t) } 1 .. 3;
	my $silent = Selkies::WebSocket->new($t);
	my $stopped = Selkies::WebSocket->viewer($t);

	# bytes under way in both directions when the signal comes
	$x->tell('motion 30 0 0 400 300');
	$stopped->pause();
	$c->send_text('kd,97', 'm,5,5,1,0');
	$c->run_for(0.5);
	$c->send_text(map { "m,$_,5,1,0" } 1 .. 200);

	my @workers = $t->workers();
	my $start = clock();

	kill $signal, $t->pid();

	if ($signal eq 'QUIT') {
		for my $ws ($c, @v, $silent) {
			$ws->wait_close(5);
			is($ws->{close} && $ws->{close}{code}, 1012,
				'QUIT: the close frame arrives');
		}

		$_->wait_eof(5) for $c, @v, $silent;
		$stopped->drop();
	}

	ok($t->stop($signal), "$signal: nginx ends");

	my $took = clock() - $start;

	note(sprintf '%s: %.2f s', $signal, $took);
	cmp_ok($took, '<', 8 * slower(), "$signal: in time");
	is(scalar(grep { -d "/proc/$_" } @workers), 0, "$signal: no worker left");
	ok(wait_for(sub { !$x->keys() && !(hex(($x->pointer())[2]) & 0x1f00) }, 3),
		"$signal: keys and buttons are released");
	$_->drop() for $c, @v, $silent, $stopped;
	$x->tell('still');
}

###############################################################################
# idle sockets, no clients, no X: each ends at once

for my $kind (qw/ nobody idle /) {
	$t->run();

	my @idle = map { Selkies::WebSocket->new($t) }
		1 .. ($kind eq 'idle' ? 3 : 0);
	my $start = clock();

	ok($t->stop('QUIT'), "QUIT with $kind");
	cmp_ok(clock() - $start, '<', 6 * slower(), "$kind: in time");
	$_->drop() for @idle;
}

# one worker told to leave: the master starts another

$t->run();

my $c = Selkies::WebSocket->controller($t, 1280, 720);
my $worker = $t->worker_of($c);

kill 'QUIT', $worker;
ok($c->wait_close(5), 'QUIT of a worker: its clients are told');
$c->wait_eof(5);
$c->drop();
ok(wait_for(sub { !-d "/proc/$worker" }, 8), 'it goes');
ok(wait_for(sub { scalar(() = $t->workers()) == 2 }, 5), 'another comes');

$c = Selkies::WebSocket->controller($t, 1280, 720);
$x->tell('card');
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'and serves');
$c->close();

# kill -9 of the master: its workers could be neither stopped nor reloaded any
# more, and would keep its port

$c->close();

my $master = $t->pid();
my @workers = $t->workers();
my @left = (Selkies::WebSocket->controller($t, 1280, 720),
	Selkies::WebSocket->viewer($t));

$left[0]->send_text('kd,97');
ok(wait_for(sub { scalar $x->keys() }, 3), 'a key is down');
kill 'KILL', $master;

for my $ws (@left) {
	$ws->wait_close(5);
	is($ws->{close} && $ws->{close}{code}, 1012,
		'kill -9 of the master: clients are told');
	$ws->wait_eof(5);
	$ws->drop();
}

ok(wait_for(sub { !grep { -d "/proc/$_" } @workers }, 8), 'no worker stays');
ok(!$x->keys(), 'nor a key');
$t->stop();
$t->run();
$c = Selkies::WebSocket->controller($t, 1280, 720);
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'the next one serves');
$c->close();

# master_process off and daemon off

$t->stop();
$t->simple(main => 'master_process off;');
$t->{workers} = 0;
$t->run();
$c = Selkies::WebSocket->controller($t, 1280, 720);
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'master_process off');
$c->close();
ok($t->stop('QUIT'), 'ends too');

$t->done();
