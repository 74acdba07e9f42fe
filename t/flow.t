#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The way to the controller drives the encoder, whichever worker it is in: a
# slow one makes the pictures coarser, for everybody; when it is fast again
# they are as before.  A viewer's way drives nothing.  Who takes none gets none
# made.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', workers => 2, timeout => 240);

$t->simple(listen => 'listen %%PORT_0%% reuseport;');

my $x = $t->x_client();

$t->run();

sub display {
	my ($name) = @_;

	return $t->http_get('/api/status') =~ /"$name":(\d+)/ ? $1 : -1;
}

# bytes a second of some seconds

sub rate {
	my ($ws, $seconds) = @_;

	my $had = $ws->{received};
	my $start = clock();

	$ws->run_for($seconds);

	return ($ws->{received} - $had) / (clock() - $start);
}

# Until the status says so; asked ten times a second.

sub wait_for_status {
	my ($ws, $timeout, $condition) = @_;

	my $start = clock();

	while (clock() - $start < $timeout * slower()) {
		return clock() - $start if $condition->();
		$ws->run_for(0.1);
	}

	return undef;
}

# the first client's worker captures; the controller is in the other one

my $viewer = Selkies::WebSocket->viewer($t);
my $owner = $t->worker_of($viewer);
my $c;

$viewer->{keep} = 0;

for (1 .. 60) {
	$c = Selkies::WebSocket->controller($t, 1280, 720);
	last if $t->worker_of($c) != $owner;
	$c->drop();
}

isnt($t->worker_of($c), $owner, 'the controller is in another worker');

$c->{keep} = 0;
$x->tell('motion 30 256 128 320 240');
$c->run_for(2);

my $full = rate($c, 3);
my $fine = display('qp');

note(sprintf 'the stream has %.1f Mbit/s at QP %d', $full * 8 / 1e6, $fine);
cmp_ok($full, '>', 400_000, 'a heavy stream');

###############################################################################
# a viewer that is slow is alone with it

my $slow = Selkies::WebSocket->viewer($t);

$slow->{keep} = 0;
$slow->read_slowly($full / 4, 4);

my ($had, $start, $worst, $rate);

for (1 .. 3) {
	$had = $c->{received};
	$start = clock();
	$worst = 0;

	for (1 .. 4) {
		$slow->read_slowly($full / 4, 1);

		my $qp = display('qp');

		$worst = $qp if $qp > $worst;
	}

	$rate = ($c->{received} - $had) / (clock() - $start);
	last if $rate > $full * 0.6;
}

is(display('link_kbits'), 0, 'a slow viewer limits nothing');
cmp_ok($worst, '<=', 31, 'nor makes it the pictures coarse');
cmp_ok($rate, '>', $full * 0.4, 'the others get theirs') or diag($rate);
$slow->drop();

###############################################################################
# a controller that is slow

my (@ages, @qps, $pictures, $seen);

# the machine may have other work for a moment: twice more, if need be

for (1 .. 3) {
	$c->{keep} = 1;
	$c->read_slowly($full / 4, 5);

	my @before = @{ $c->{gop} };

	$c->forget();
	$had = $viewer->{received};
	@qps = ();
	$start = clock();

	for (1 .. 6) {
		$c->read_slowly($full / 4, 1);
		push @qps, display('qp');
	}

	$seen = ($viewer->{received} - $had) / (clock() - $start);

	my @frames = (@before, @{ $c->{frames} });
	my @decoded = Selkies::Picture->decode(\@frames, crop => '256:16:0:0');

	is(scalar @decoded, scalar @frames, 'all of it decodes');
	$pictures = @{ $c->{frames} } / 6;

	@ages = map {
		my $shown = int($frames[$_]{at} * 1000) & 0xffff;
		($shown - $decoded[$_]->bar()) & 0xffff;
	} @before .. $#frames if @decoded == @frames;

	note(sprintf 'a quarter of the rate: %.1f pictures a second, age p50 %s, '
		. 'p95 %s ms, QP %s', $pictures, (map { $_ // 'none' }
		percentile(50, @ages), percentile(95, @ages)), "@qps");

	last if @ages && percentile(50, @ages) <= 250 && $pictures >= 8;
}

my $kbits = display('link_kbits');

note(sprintf 'the link takes %d kbit/s, the limit is %d', $full / 500, $kbits);
cmp_ok(percentile(50, @ages) // 99999, '<=', 250 * slower(),
	'no older than 250 ms');
cmp_ok($pictures, '>=', 8 / slower(), 'and not few');
cmp_ok((sort { $a <=> $b } @qps)[0], '>', $fine + 2, 'coarser');
cmp_ok($kbits, '>', 0, 'there is a limit');
cmp_ok($kbits, '<', $full / 125 * 0.7, 'below what there was');
cmp_ok($seen, '<', $full * 0.7, 'for the viewer too');

###############################################################################
# fast again

my $took;

$c->{keep} = 0;

for (1 .. 3) {
	$c->read_slowly($full / 4, 4);
	$c->read_freely();
	$took = wait_for_status($c, 6, sub { display('qp') <= $fine + 1 });

	note(sprintf 'as fine as before after %.1f s', $took // 99);
	last if ($took // 99) <= 2;
}

cmp_ok($took // 99, '<=', 2 * slower(), 'within 2 s');

$rate = rate($c, 2);
cmp_ok($rate, '>', $full * 0.4, 'with all of its bytes') or diag($rate);

###############################################################################
# its limit goes with it

for (1 .. 3) {
	$c->read_slowly($full / 4, 3);
	last if display('link_kbits') > 0;
}

cmp_ok(display('link_kbits'), '>', 0, 'limited again');
$c->drop();
ok(defined wait_for_status($viewer, 5, sub { display('link_kbits') == 0 }),
	'but not when it has gone');
ok(defined wait_for_status($viewer, 5, sub { display('qp') <= $fine + 1 }),
	'fine again');

###############################################################################
# a page that stands still: it answers pings, but acknowledges nothing

$x->tell('still');
$c = Selkies::WebSocket->controller($t, 1280, 720);
$c->{keep} = 0;
$x->tell('scene 30');
$c->run_for(1);
$c->{auto_ack} = 0;
$c->run_for(3);
$c->forget();
$viewer->forget();
$c->run_for(1.5);
is(scalar @{ $c->{frames} }, 0, 'no pictures for who acknowledges none');
cmp_ok(scalar @{ $viewer->{frames} }, '>=', 10 / slower(),
	'others have theirs');

# and with nobody else there, none are made

$viewer->close();
$c->run_for(0.5);

my $made = display('pictures');

$c->run_for(1);
is(display('pictures'), $made, 'nothing is encoded for nobody');
$c->{auto_ack} = 1;
ok($c->wait_frame(timeout => 3), 'it goes on with the next acknowledgement');
ok(defined wait_for_status($c, 3, sub { display('pictures') > $made }),
	'and so does the encoder');
$c->close();

is(scalar(grep { @{ $_->{errors} } } $c, $viewer), 0, 'no protocol error');

###############################################################################
# JPEG is acknowledged by nobody

$c = Selkies::WebSocket->controller($t, 1280, 720);
$c->{keep} = 0;
$c->run_for(0.2);
$c->send_text(Selkies::WebSocket::settings(1280, 720, encoder => '"jpeg"'));
$c->wait_text(qr/^PIPELINE_RESETTING/, 5);
$c->run_for(3);
$had = $c->{received};
$c->run_for(1);
cmp_ok($c->{received} - $had, '>', 5000, 'JPEG goes on without')
	or diag($c->{received} - $had);
$c->close();
$x->tell('still');

###############################################################################
# where nothing is to spare there are no lite pictures

$c = Selkies::WebSocket->controller($t, 1280, 720);
$c->{keep} = 0;
$c->send_text('_ext,{"version":"x","want":["lite"]}');
ok($c->wait_text(qr/^_ext,.*"lite"/), 'it takes lite pictures');

# boxes, each a lite picture or none

sub boxes {
	my ($read) = @_;

	my $before = display('lites');

	for my $i (1 .. 6) {
		$x->draw(300 + 20 * $i, 200, 8, 8, sprintf '%02x4080', 40 * $i);
		$read->();
	}

	return display('lites') - $before;
}

$x->tell('motion 30 256 128 320 240');

# first what its socket holds has to be read

for (1 .. 20) {
	$c->read_slowly(40_000, 1);

	my $limit = display('link_kbits');

	last if $limit > 0 && $limit < 800;
}

$x->tell('still');
$c->read_slowly(40_000, 1);

my $thin = display('link_kbits');

cmp_ok($thin, '>', 0, 'a thin way') or diag($thin);
cmp_ok($thin, '<', 1000, 'is known as such') or diag($thin);
is(boxes(sub { $c->read_slowly(40_000, 0.3) }), 0,
	'none over a way of 320 kbit/s');

$c->read_freely();
$x->tell('motion 30 256 128 320 240');
$c->run_for(3);
$x->tell('still');
$c->wait_quiet(0.7, 10);
cmp_ok(boxes(sub { $c->run_for(0.3) }), '>', 3,
	'they are made when it is fast again');
$c->close();

$t->done();
