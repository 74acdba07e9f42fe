#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Four workers, one display: clients of every worker see the same pictures,
# whoever captures, and any of them may control.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', workers => 4, timeout => 90);

$t->simple(listen => 'listen %%PORT_0%% reuseport;');

my $x = $t->x_client();

$x->tell('card');
$t->run();

my $c = Selkies::WebSocket->controller($t, 960, 540);
my %of;

for (1 .. 80) {
	my $ws = Selkies::WebSocket->viewer($t);

	push @{ $of{ $t->worker_of($ws) } }, $ws;
	last if keys %of == 4;
}

is(scalar keys %of, 4, 'clients in all four workers');

my @one = map { $_->[0] } values %of;
my @all = ($c, map { @$_ } values %of);

for my $i (1 .. 5) {
	my $colour = sprintf '%02x%02x%02x', 40 * $i, 255 - 40 * $i, 20 * $i;

	$x->draw(200, 100, 128, 128, $colour);

	for my $ws (@one) {
		ok($ws->wait_pixel(264, 164, $colour), "change $i reaches a worker");
	}
}

$x->tell('scene 30');
$c->run_for(2);
$x->tell('still');
$x->tell('bar 12345');
ok($c->wait_quiet(1, 10), 'settled');

my %seen = map { $_->picture()->{data} => 1 } @one;

is(scalar keys %seen, 1, 'the same picture, bit by bit, in all workers');
is($one[0]->picture()->bar(), 12345, 'the right one');
is(scalar(grep { @{ $_->{errors} } } @all), 0, 'no protocol error');

# each worker may have the controller: its input thread is its own

for my $ws (@one) {
	my $pid = $t->worker_of($ws);

	$ws->send_text(Selkies::WebSocket::settings(960, 540));
	$ws->wait_text(qr/DISPLAY_CONFIG_UPDATE/, 1);
	$ws->round_trip();
	$x->events();
	$ws->send_text('kd,97', 'ku,97');
	ok($x->wait(qr/^key press \d+ 0x61/, 3), 'input through one worker');
	ok(wait_for(sub { !$x->keys() }, 2), 'released');
}

# resize through a worker that does not capture

my ($other) = grep { $_->is_open() && $t->worker_of($_) != $t->owner() } @one;

for (1 .. 60) {
	last if $other;

	# whoever had controlled before was closed: it may have been the last one
	my $ws = Selkies::WebSocket->viewer($t);

	push @one, $ws;
	push @{ $of{ $t->worker_of($ws) } }, $ws;
	$other = $ws if $t->worker_of($ws) != $t->owner();
}

$other->send_text(Selkies::WebSocket::settings(960, 540));
$other->round_trip();
$other->send_text('r,800x600,primary');
ok($other->wait_frame(key => 1, w => 800, h => 600), 'resize from there');
is($x->size(), '800x600', 'X too');

for my $ws (grep { $_->is_open() } @one) {
	ok($ws->wait_until(sub {
		my $f = $ws->{gop}[-1];
		return $f && $f->{w} == 800;
	}), 'every worker follows');
}

# the owner's clients go: somebody else's still get pictures

my $owner = $t->owner();

$_->close() for @{ delete $of{$owner} || [] };

my ($left) = grep { $_->is_open() } map { @$_ } values %of;

$x->draw(300, 300, 64, 64, 'f0f000');
ok($left->wait_pixel(332, 332, 'f0f000'), 'without clients of the owner');

$t->done();
