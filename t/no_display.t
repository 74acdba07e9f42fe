#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The X server comes late, dies, comes back: for nginx these are states, for a
# client a message, and no worker ends.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => 0, timeout => 120);
my $number = $t->reserve_display();

$t->simple();
$t->run();

my ($worker) = $t->workers();

###############################################################################
# no X server yet

like($t->http_get('/health'), qr/^HTTP\/1.1 200/, 'health: nginx lives');
like($t->http_get('/health/ready'), qr/^HTTP\/1.1 503/, 'ready: no');

my $c = Selkies::WebSocket->controller($t, 1024, 768, nowait => 1);

ok($c->wait_text(qr/^MODE websockets$/), 'a socket opens all the same');
ok($c->wait_text(qr/server_settings/), 'with settings');

# ours is told why there is no picture

my $ours = Selkies::WebSocket->new($t);

$ours->send_text('_ext,{"version":"x","want":["status"]}', 'START_VIDEO');

my $status = $ours->wait_text(qr/"pipeline_status"/);

ok($status, 'pipeline_status');
is(decode_json($status || '{}')->{reason}, 'no_display', 'its reason');
ok($c->round_trip(), 'the socket works');
$c->send_text('kd,97', 'ku,97', 'm,1,1,1,0', 'm,1,1,0,0', 'kr',
	'r,800x600,primary', 'REQUEST_KEYFRAME', 'cr');
ok($c->round_trip(), 'whatever it says');

###############################################################################
# here it comes

sub start_x {
	my $before = clock();

	$t->start_x(number => $number, size => '1920x1080');

	return clock();
}

my $up = start_x();
my $x = $t->x_client();

$x->tell('card');
ok($c->wait_frame(key => 1, timeout => 5), 'a picture when X has come');
note(sprintf 'X came late: first picture %.0f ms after it was ready',
	1000 * ($c->{last_at} - $up));
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'the right one');
like($t->http_get('/health/ready'), qr/^HTTP\/1.1 200/, 'ready: yes');
is(join(' ', $t->workers()), $worker, 'the same worker');

###############################################################################
# killed and back, several times

my @ms;

for my $round (1 .. 5) {
	$x->quit();
	$_->forget() for $c, $ours;
	$t->stop_x('KILL');

	$status = $ours->wait_text(qr/"pipeline_status".*no_display/);
	ok($status, "round $round: clients are told");
	ok(wait_for(sub { $t->http_get('/health/ready') =~ /^HTTP\/1.1 503/ }, 3),
		"round $round: not ready");
	ok($c->round_trip(), "round $round: the socket stays");
	$c->send_text('kd,97', 'm,5,5,1,0');
	ok($c->round_trip(), "round $round: input goes nowhere");
	$c->run_for(0.2 * $round);
	$c->forget();
	$up = start_x();

	my $f = $c->wait_frame(timeout => 5);

	ok($f, "round $round: a picture when X is back");
	push @ms, 1000 * (($f ? $f->{at} : $up + 99) - $up);
	$x = $t->x_client();
	$x->tell('card');
	ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }, 5),
		"round $round: the right one");
	is($x->size(), '800x600', "round $round: the client's size again")
		if $round == 1;
	is(join(' ', $x->keys()), '', "round $round: no key is stuck");
}

note(sprintf 'kill -9 of X, first picture after it was ready again: p50 %.0f, '
	. 'max %.0f ms', percentile(50, @ms), percentile(100, @ms));
cmp_ok(percentile(100, @ms), '<=', 1000 * slower(), 'within a second');
is(join(' ', $t->workers()), $worker, 'the same worker still');

# input works again

$x->events();
$c->send_text('kd,98', 'ku,98');
ok($x->wait(qr/^key press \d+ 0x62/, 3), 'input finds the new server');

# a server that stops answering is waited for; nginx serves on

kill 'STOP', $t->x_pid();
$c->send_text('kd,99', 'ku,99', 'REQUEST_KEYFRAME');
ok($c->round_trip(), 'a stopped X server holds nobody up');
like($t->http_get('/health'), qr/^HTTP\/1.1 200/, 'HTTP is served');
kill 'CONT', $t->x_pid();
$c->forget();
$x->draw(10, 10, 40, 40, 'abcdef');
ok($c->wait_pixel(30, 30, 'abcdef', 5), 'it goes on');

# QUIT while X is stopped ends in time

kill 'STOP', $t->x_pid();
$_->drop() for $ours;
ok($t->stop('QUIT'), 'nginx stops while X does not answer');
kill 'CONT', $t->x_pid();
$c->drop();

# a wrong cookie is a missing display

$t->write_file('wrong', pack('n n n', 0xffff, 0, 0)
	. pack('n/a* n/a*', 'MIT-MAGIC-COOKIE-1', 'x' x 16));

{
	local $t->{xauth} = $t->dir() . '/wrong';
	$t->simple();
}

$t->run();
$c = Selkies::WebSocket->new($t);
$c->send_text('_ext,{"version":"x","want":["status"]}', 'START_VIDEO');
ok($c->wait_text(qr/"pipeline_status".*no_display/), 'a wrong cookie');
ok($c->round_trip(), 'is no reason to die');
$c->close();

$t->done();
