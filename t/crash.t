#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# kill -9 of a worker: the other worker's clients hardly notice, its own come
# back to a new picture within a second, held keys are released.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', workers => 2, timeout => 120);

# reuseport spreads the clients over both workers
$t->simple(listen => 'listen %%PORT_0%% reuseport;',
	server => 'location /text/ { %%SELKIES%%
		selkies_watermark_text $msec bottom_left interval=1s; }');

my $x = $t->x_client();

$t->write_file('html/index.html', 'the page');
$t->run();
$x->tell('scene 60');

# Clients in every worker: the controller is who came first.

sub gather {
	my (%of, @all);

	for (1 .. 40) {
		my $ws = @all ? Selkies::WebSocket->viewer($t)
			: Selkies::WebSocket->controller($t, 1280, 720);
		my $pid = $t->worker_of($ws);

		$ws->{keep} = 0;
		push @all, $ws;
		push @{ $of{$pid} }, $ws;
		last if keys %of == 2 && @all >= 4;
	}

	return \%of;
}

# The longest time without a picture around a moment.

sub gap {
	my ($ws, $from) = @_;

	my ($last, $most) = (undef, 0);

	for my $f (@{ $ws->{frames} }) {
		$most = $f->{at} - $last
			if defined $last && $f->{at} >= $from
				&& $f->{at} - $last > $most;
		$last = $f->{at};
	}

	return 1000 * $most;
}

###############################################################################

my (@others, @own, @http);

for my $round (1 .. 5) {
	my $of = gather();
	my @workers = sort keys %$of;

	is(scalar @workers, 2, "round $round: clients in both workers");

	my $owner = $t->owner();

	ok($owner, "round $round: somebody owns the display")
		or last;

	my ($other) = grep { $_ != $owner } @workers;
	my @stay = @{ $of->{$other} };
	my @lost = @{ $of->{$owner} };

	$stay[0]->run_for(0.5);
	$_->forget() for @stay, @lost;
	$stay[0]->run_for(0.2);

	my $start = clock();

	$t->kill_worker($owner);

	# its clients see the end and come back
	my (@back, $served);

	while (clock() - $start < 5 * slower()) {
		Selkies::WebSocket::pump_all(0.005);

		for my $ws (grep { !$_->is_open() && !$_->{again} } @lost) {
			$ws->{again} = 1;

			my $new = eval { Selkies::WebSocket->viewer($t, nowait => 1) };

			if ($new) {
				$new->{keep} = 0;
				push @back, $new;
			}
		}

		if (!$served && $t->http_get('/', timeout => 1) =~ /the page/) {
			$served = 1;
			push @http, 1000 * (clock() - $start);
		}

		last if @back == @lost && !grep { !$_->{nframes} } @back;
	}

	is(scalar(grep { $_->{nframes} } @back), scalar @lost,
		"round $round: lost clients have a new picture");
	push @own, map { 1000 * ($_->{frames}[0]{at} - $start) }
		grep { $_->{nframes} } @back;

	$stay[0]->run_for(0.5);
	push @others, map { gap($_, $start) } @stay;
	is(scalar(grep { !$_->is_open() } @stay), 0,
		"round $round: the others stay connected");
	ok(wait_for(sub { scalar(() = $t->workers()) == 2 }, 5),
		"round $round: a new worker");
	ok($t->owner() && $t->owner() != $owner, "round $round: a new owner");
	$_->drop() for @stay, @lost, @back;
}

note(sprintf 'kill -9 of the owner: gap of the other worker\'s clients '
	. 'p50 %.0f, max %.0f ms; new picture for its own p50 %.0f, max %.0f ms; '
	. 'HTTP again after max %.0f ms', percentile(50, @others),
	percentile(100, @others), percentile(50, @own), percentile(100, @own),
	percentile(100, @http));
cmp_ok(percentile(100, @others), '<', 1000 * slower(),
	'a gap below a second');
cmp_ok(percentile(100, @own), '<', 1000 * slower(),
	'a new picture within a second');

###############################################################################
# keys held through the killed worker

$x->tell('still');
$x->tell('card');

my $c = Selkies::WebSocket->controller($t, 1280, 720);

$c->send_text('kd,65507', 'kd,97', 'm,10,10,1,0');
ok(wait_for(sub { my @k = $x->keys(); @k == 2 }, 3), 'keys held');
$t->kill_worker($t->worker_of($c));
ok(wait_for(sub { !$x->keys() && !(hex(($x->pointer())[2]) & 0x1f00) }, 5),
	'released after kill -9') or diag(join ' ', $x->keys(), $x->pointer());
$c->drop();

###############################################################################
# what its clients wanted of the picture goes with it: a cursor in it; the text
# over it is that of who watches now

$x->draw(0, 0, 1280, 720, '404040');
$x->tell('sprite 40 30 5 5 e02020');
$c = Selkies::WebSocket->controller($t, 1280, 720, path => '/text/websockets');

my $killed = $t->worker_of($c);
my $v;

for (1 .. 40) {
	$v = Selkies::WebSocket->viewer($t, path => '/text/websockets');
	last if $t->worker_of($v) != $killed;
	$v->drop();
}

$c->send_text('SET_NATIVE_CURSOR_RENDERING,1', 'm,640,360,0,0');
ok($v->wait_pixel(650, 370, 'e02020'), 'a cursor in the picture');
$t->kill_worker($killed);
ok($v->wait_pixel(650, 370, '404040'), 'goes with the worker of who wanted it');
$v->wait_quiet(0.4, 5);
$v->forget();
ok($v->wait_until(sub { @{ $v->{frames} } >= 3 }, 10),
	'and a text with the time goes on');
$_->drop() for $c, $v;
ok(wait_for(sub { scalar(() = $t->workers()) == 2 }, 5), 'two workers again');
$x->tell('cursor -1');
$x->tell('card');

# a worker that owns nothing

$c = Selkies::WebSocket->controller($t, 1280, 720);

my $owner = $t->owner();
my ($idle) = grep { $_ != $owner } $t->workers();
my $mine = $t->worker_of($c);

$t->kill_worker($idle);
ok(wait_for(sub { scalar(() = $t->workers()) == 2 }, 5), 'the idle worker');
is($c->round_trip(), $mine == $owner ? 1 : 0,
	'matters to its own clients alone');

$c->drop();

# both at once

$t->kill_worker($_) for $t->workers();
ok(wait_for(sub { scalar(() = $t->workers()) == 2 }, 5), 'both workers');
$c = Selkies::WebSocket->controller($t, 1280, 720);
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'and a picture');
$c->close();

$t->done();
