#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# HUP while people watch: every client hears 1012, comes back at once and has
# a new picture within a second; a bad configuration changes nothing.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', workers => 2, timeout => 120);

$t->simple();

my $x = $t->x_client();

$t->write_file('html/index.html', 'the page');
$t->run();

my $c = Selkies::WebSocket->controller($t, 1280, 720);
my @v = map { Selkies::WebSocket->viewer($t) } 1 .. 4;

$_->{keep} = 0 for $c, @v;
$x->tell('scene 60');
$c->run_for(0.5);

###############################################################################
# reloads under load: each client reconnects when it is told

my (@gaps, @codes, %last_id);

sub back {
	my ($old) = @_;

	my $new;

	# a worker that is about to leave says 1012, and clients come again

	for (1 .. 5) {
		$new = Selkies::WebSocket->new($t);
		$new->wait_until(sub { @{ $new->{texts} } || $new->{close} });
		last unless $new->{close} && $new->{close}{code} == 1012;
	}

	$new->send_text($old == $c ? Selkies::WebSocket::settings(1280, 720)
		: 'START_VIDEO');
	$new->{auto_ack} = $old == $c;
	$new->{keep} = 0;
	$new->{was} = $old->{last_at} || $old->{was};
	push @codes, $old->{close} ? $old->{close}{code} : 1006;
	$old->drop();

	return $new;
}

for my $round (1 .. 5) {
	my %workers = map { $_ => 1 } $t->workers();
	my %waiting = map { $_ => 1 } 0 .. 4;
	my $start = clock();

	$t->reload();

	my $failed = 0;

	while (%waiting && clock() - $start < 10 * slower()) {
		Selkies::WebSocket::pump_all(0.01);

		for my $i (sort keys %waiting) {
			my $ref = $i == 0 ? \$c : \$v[$i - 1];

			if ($$ref->{was} && $$ref->{nframes}) {
				push @gaps, 1000 * ($$ref->{frames}[0]{at} - $$ref->{was});
				delete $$ref->{was};
				delete $waiting{$i};

			} elsif ($$ref->{close} || !$$ref->is_open()) {
				$$ref = back($$ref);
			}
		}

		$failed++ if $t->http_get('/') !~ /the page/;
	}

	is(join(' ', sort keys %waiting), '', "round $round: all are back");
	is($failed, 0, "round $round: no HTTP request failed");
	ok(wait_for(sub {
		my @now = $t->workers();
		return @now == 2 && !grep { $workers{$_} && -d "/proc/$_" } @now;
	}, 10), "round $round: new workers");
	$c->run_for(0.3);
}

is(scalar(grep { $_ != 1012 } @codes), 0, 'everybody heard 1012')
	or diag("@codes");
note(sprintf 'gap from the last old to the first new picture, %d clients: '
	. 'p50 %.0f, p95 %.0f, max %.0f ms', scalar @gaps, map {
	percentile($_, @gaps) } 50, 95, 100);
cmp_ok(percentile(100, @gaps), '<', 1000 * slower(),
	'a new picture within a second');

# the first picture is a key, then the stream goes on for all

$_->forget() for $c, @v;
$c->run_for(1);
cmp_ok(scalar @{ $_->{frames} }, '>', 20 / slower(), 'the stream goes on')
	for $c, @v;

###############################################################################
# keys that were held are released, the size stays

$x->tell('still');
$c->send_text('kd,65507', 'kd,97');
ok(wait_for(sub { my @k = $x->keys(); @k == 2 }, 3), 'keys held');
$t->reload();
ok($c->wait_close(5), 'told');
ok(wait_for(sub { !$x->keys() }, 3), 'and released');
is($x->size(), '1280x720', 'the size stays');
$_->drop() for $c, @v;
$t->reloaded();

###############################################################################
# a client of ours opens its next socket before it closes this one; until then
# its keys arrive, and who never comes is told like all others

sub ours {
	my (%o) = @_;

	my $new = Selkies::WebSocket->new($t);

	$new->wait_until(sub { @{ $new->{texts} } || $new->{close} });

	$new->send_text('_ext,' . encode_json({ version => 'x', want => [ 'reload' ],
		%o }), Selkies::WebSocket::settings(1280, 720));
	$new->{auto_ack} = 1;

	return $new;
}

my $old = ours();
my $told = decode_json(substr $old->wait_text(qr/^_ext,/), 5);

ok(scalar(grep { $_ eq 'reload' } @{ $told->{have} }), 'reload is offered');
ok($old->wait_frame(key => 1), 'a client of ours has a picture');
$x->events();
$old->send_text('kd,97', 'ku,97');
ok($x->wait(qr/^key press \d+ 0x61/, 3), 'and types');
$t->reload();
ok($old->wait_text(qr/^\{"type":"reload"\}$/), 'it is asked to come again');
$old->send_text('kd,98');
ok(wait_for(sub { my @k = $x->keys(); @k == 1 }, 3), 'its keys arrive meanwhile');
ok($t->reloaded(), 'the old workers are leaving');

my $successor = ours(resume => $told->{resume});

ok($successor->wait_frame(key => 1), 'its next socket has a picture');
ok(!$old->{close}, 'and this one is still open');
$old->close(1000);
ok(wait_for(sub { !$x->keys() }, 3), 'which leaves no key down');
is(scalar(grep { /^KILL/ } @{ $old->{texts} }, @{ $successor->{texts} }), 0,
	'nobody was thrown out');
ok($successor->round_trip(), 'the next socket has the desktop');

my $before = clock();

$t->reload();
ok($successor->wait_close(8), 'who does not come is closed');
is("$successor->{close}{code} $successor->{close}{reason}",
	'1012 server reloaded', 'as all others are');
cmp_ok(clock() - $before, '>', 2, 'after some time');
$successor->drop();
$t->reloaded();

###############################################################################
# a broken configuration: nothing happens

$c = Selkies::WebSocket->controller($t, 1280, 720);

my $good = $t->read_file('nginx.conf');
my @before = $t->workers();

$t->write_file('nginx.conf', $good =~ s/selkies on;/selkies maybe;/r);
$t->expect_log(qr/\[emerg\].*invalid value "maybe"/);
$t->reload();
ok(wait_for(sub { $t->error_log() =~ /invalid value "maybe"/ }, 5),
	'a bad configuration is refused');
ok($c->round_trip(), 'clients stay');
is(join(' ', $t->workers()), "@before", 'workers stay');

# more workers, another display setting

$t->write_file('nginx.conf', $good =~ s/worker_processes 2/worker_processes 3/r);
$t->reload();
ok($c->wait_close(5), 'a good one again');
ok($t->reloaded(), 'the old workers are leaving');
ok(wait_for(sub { scalar(() = $t->workers()) == 3 }, 5), 'three new workers');
$c = Selkies::WebSocket->controller($t, 1280, 720);
$x->tell('card');
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'and a picture');

# ring size changed: the zone is a new one

$t->write_file('nginx.conf', $good =~ s/http \{/http { selkies_ring_size 8m;/r);
$t->reload();
ok($c->wait_close(5), 'another ring size');
$t->reloaded();
$c = Selkies::WebSocket->controller($t, 1280, 720);
ok($c->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'and a picture');

# reload in the middle of a handshake, and of a message

my @key = (key => 'dGhlIHNhbXBsZSBub25jZQ==');
my $s = Selkies::WebSocket->dialled($t);

$s->ask(raw => "GET /websockets HTTP/1.1\r\nHost: x\r\nUpgr", @key);
ok(wait_for(sub { $t->worker_of($s) }, 5), 'half a request is accepted');

my $half = Selkies::WebSocket->new($t);

$half->send_raw(substr Selkies::WebSocket::frame(1, 'x' x 100), 0, 50);
ok($c->round_trip(), 'half a request, half a frame');
$t->reload();
ok($half->wait_close(5), 'half a frame: told');
ok($t->reloaded(), 'the old workers are leaving');

# the rest of it: whoever accepted it answers

$s->ask(raw => "ade: websocket\r\nConnection: Upgrade\r\n"
	. "Sec-WebSocket-Key: $key[1]\r\nSec-WebSocket-Version: 13\r\n\r\n",
	@key);
$s->answer();
is($s->status(), 101, 'half a request: switched');
ok($s->{accept_ok}, 'and accepted');
$s->wait_close(5);
is($s->{close} && "$s->{close}{code} $s->{close}{reason}",
	'1012 server reloaded', 'to be told, too');
ok($s->wait_eof(5), 'and that is all');
is(scalar @{ $s->{texts} }, 0, 'not a word else');
$_->drop() for $half, $c, $s;

# and with nobody there

$t->reload() for 1 .. 3;
ok(wait_for(sub {
	my @children = Selkies::children_of($t->pid());
	return @children == scalar(() = $t->workers()) && @children == 2;
}, 10), 'old workers go');

$t->done();
