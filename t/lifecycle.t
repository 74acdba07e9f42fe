#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Connections that end in every awkward moment, and what is left of them:
# descriptors, threads, nginx's own connection count.  Two displays beside
# each other.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '640x480', timeout => 120);
my $second = Selkies->new(x => '800x600', no_module => 1, timeout => 120);

$t->simple(server => "location = /connections { stub_status; }
	location /second/ { selkies on; selkies_display $second->{display};
		selkies_xauthority $second->{xauth}; }
	location /third/ { selkies on; selkies_display :64998; }");

my $x = $t->x_client();
my $y = $second->x_client();

$x->tell('card');
$t->run();

my ($worker) = $t->workers();

sub descriptors { return scalar(() = glob "/proc/$worker/fd/*") }

sub active {
	return $t->http_get('/connections') =~ /Active connections: (\d+)/
		? $1 : -1;
}

# one of each kind first: what is made once is no leak

my $c = Selkies::WebSocket->controller($t, 640, 480);

$c->close();
Selkies::WebSocket->new($t)->drop();
wait_for { active() == 1 } 5;

my ($fds, $threads) = (descriptors(), $t->threads($worker));

###############################################################################
# ends in awkward moments

my @ends = (
	[ 'after the 101', sub {
		Selkies::WebSocket->new($t)->drop(reset => $_[0] & 1);
	} ],
	[ 'after a claim, before the picture', sub {
		my $ws = Selkies::WebSocket->new($t);
		$ws->send_text(Selkies::WebSocket::settings(640, 480), 'cr');
		$ws->drop(reset => $_[0] & 1);
	} ],
	[ 'while capture starts', sub {
		my $ws = Selkies::WebSocket->new($t);
		$ws->send_text(Selkies::WebSocket::settings(640, 480));
		$ws->wait_text(qr/stream_resolution|server_settings/, 2);
		$ws->drop(reset => $_[0] & 1);
	} ],
	[ 'with a frame half sent', sub {
		my $ws = Selkies::WebSocket->new($t);
		$ws->send_raw(substr Selkies::WebSocket::frame(1, 'x' x 500), 0,
			1 + $_[0] % 400);
		$ws->drop(reset => $_[0] & 1);
	} ],
	[ 'with a close frame and nothing read', sub {
		my $ws = Selkies::WebSocket->new($t);
		$ws->send_close(1001);
		$ws->drop();
	} ],
	[ 'with a close frame, then bytes', sub {
		my $ws = Selkies::WebSocket->new($t);
		$ws->send_close(1000);
		$ws->send_raw('garbage' x 1000);
		$ws->drop(reset => $_[0] & 1);
	} ],
	[ 'resizing', sub {
		my $ws = Selkies::WebSocket->new($t);
		$ws->send_text(Selkies::WebSocket::settings(500 + 2 * $_[0], 400),
			"r,@{[ 400 + 2 * $_[0] ]}x300,primary");
		$ws->round_trip(2);
		$ws->drop(reset => $_[0] & 1);
	} ],
	[ 'by half a close', sub {
		my $ws = Selkies::WebSocket->new($t);
		shutdown $ws->{socket}, 1;
		$ws->wait_eof(3);
		$ws->drop();
	} ],
);

for my $row (@ends) {
	my ($name, $end) = @$row;

	$end->($_) for 1 .. 15;
	ok(wait_for(sub { active() == 1 }, 8), "$name: no connection left")
		or diag(active());
}

is(join(' ', $t->workers()), $worker, 'the worker lives');
ok(wait_for(sub { descriptors() <= $fds }, 5), 'no descriptor left')
	or diag(descriptors() . " > $fds: " . join ' ',
		map { readlink } glob "/proc/$worker/fd/*");
cmp_ok($t->threads($worker), '<=', $threads, 'no thread left');

###############################################################################
# two displays, two owners, nothing mixed up

$c = Selkies::WebSocket->controller($t, 640, 480);

my $d = Selkies::WebSocket->controller($t, 800, 600,
	path => '/second/websockets');

ok($c->is_open() && $c->round_trip(), 'two controllers of two displays');
$x->draw(0, 0, 640, 480, '803010');
$y->draw(0, 0, 800, 600, '108030');
ok($c->wait_pixel(320, 240, '803010'), 'the first picture');
ok($d->wait_pixel(400, 300, '108030'), 'the second picture');
$_->events() for $x, $y;
$d->send_text('kd,98', 'ku,98');
ok($y->wait(qr/^key press \d+ 0x62/, 3), 'input of the second');
is(join(' ', $x->events()), '', 'does not reach the first');
$d->send_text('r,700x500,primary');
ok($d->wait_frame(w => 700, h => 500), 'a resize of the second');
is($x->size(), '640x480', 'leaves the first');

# a third one that has no X server disturbs neither

my $e = Selkies::WebSocket->new($t, path => '/third/websockets');

$e->send_text(Selkies::WebSocket::settings(640, 480));
ok($e->round_trip(), 'a third display without X');
$x->draw(0, 0, 640, 480, '1030a0');
ok($c->wait_pixel(320, 240, '1030a0'), 'the first goes on');

$second->stop_x('KILL');
$x->draw(0, 0, 640, 480, 'a03010');
ok($c->wait_pixel(320, 240, 'a03010'), 'also when the second X dies');
$_->drop() for $c, $d, $e;

$second->shutdown();
$second->cleanup();
$t->done();
